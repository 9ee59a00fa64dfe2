"""What holds for every request, whatever the route: known host names, bounded bodies, headers for browsers."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from muster_server.edge.problems import problem_response
from muster_shared_models.problems import MusterError, Reason

__all__ = ["Shield"]

MAX_BODY_BYTES = 2 * 1024 * 1024

_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_HEADERS = [
    (b"content-security-policy", _CSP.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
]


class Shield:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str]) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1").lower()
        if host not in self._hosts:
            # Another name that resolves to this address: a page of somebody else's would be "same origin".
            error = MusterError(Reason.HOST_NOT_ALLOWED, f"The name '{host[:100]}' is not served here.", _HOST_HINT)
            await _refuse(error, scope, receive, send)
            return
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > MAX_BODY_BYTES:
            error = MusterError(Reason.MESSAGE_TOO_LARGE, f"A request may have {MAX_BODY_BYTES} bytes.")
            await _refuse(error, scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *_HEADERS]
            await send(message)

        await self._app(scope, _bounded(receive), send_with_headers)


_HOST_HINT = "Set MUSTER_PUBLIC_URL to the address under which browsers reach the console."


def _bounded(receive: Receive) -> Receive:
    """Count what comes without a length."""
    total = 0

    async def counted() -> Message:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b"")) if message["type"] == "http.request" else 0
        if total > MAX_BODY_BYTES:
            raise MusterError(Reason.MESSAGE_TOO_LARGE, f"A request may have {MAX_BODY_BYTES} bytes.")
        return message

    return counted


async def _refuse(error: MusterError, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": error.reason.value})
        return
    await problem_response(error)(scope, receive, send)
