"""The two doors: HTTP and gRPC. Opening them says clearly what is in the way."""

import contextlib
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

import grpc
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from muster_server.settings import LOOPBACK, ServerSettings
from muster_shared_models.problems import MusterError, Reason

if TYPE_CHECKING:
    from uvicorn._types import ASGISendEvent

__all__ = ["HttpServer", "http_socket", "listen_grpc"]

#: Larger WebSocket messages close the socket; smaller ones that are too large are refused in words.
MAX_WS_BYTES = 8 * 1024 * 1024


def _in_use(what: str, host: str, port: int, setting: str) -> MusterError:
    return MusterError(
        Reason.PORT_IN_USE,
        f"The {what} address {host}:{port} is in use.",
        f"Stop what listens there, or choose another port with {setting} (0: any free one).",
    )


def http_socket(settings: ServerSettings) -> socket.socket:
    """Return a listening socket; raises PORT_IN_USE, or INVALID_SETTING when it would offer plain HTTP to a network."""
    host, port = settings.http_host, settings.http_port
    if host not in LOOPBACK and not settings.tls_cert and not settings.behind_proxy:
        raise MusterError(
            Reason.INVALID_SETTING,
            f"Plain HTTP would be open to the network on {host}.",
            "Set MUSTER_TLS_CERT and MUSTER_TLS_KEY, or MUSTER_BEHIND_PROXY=true if a proxy in front speaks HTTPS.",
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(1024)
    except OSError as error:
        listening.close()
        raise _in_use("HTTP", host, port, "MUSTER_HTTP_PORT") from error
    listening.setblocking(False)
    return listening


def listen_grpc(server: grpc.aio.Server, credentials: grpc.ServerCredentials, settings: ServerSettings) -> int:
    """Bind the gRPC port and return it; raises PORT_IN_USE."""
    host, port = settings.grpc_host, settings.grpc_port
    shown = f"[{host}]" if ":" in host else host
    try:
        bound = int(server.add_secure_port(f"{shown}:{port}", credentials))
    except RuntimeError as error:
        raise _in_use("gRPC", host, port, "MUSTER_GRPC_PORT") from error
    if not bound:
        raise _in_use("gRPC", host, port, "MUSTER_GRPC_PORT")
    return bound


class WebSockets(WebSocketsSansIOProtocol):
    """As uvicorn's, but who takes nothing is cut: a goodbye would wait for ever behind what is not taken."""

    async def send(self, message: "ASGISendEvent") -> None:
        """Send, or cut instead of a goodbye that cannot be sent."""
        if message["type"] == "websocket.close" and not self.writable.is_set():
            self.transport.abort()
        else:
            await super().send(message)

    def keepalive_timeout(self) -> None:
        """No answer came to a ping: close, and cut where that would wait."""
        super().keepalive_timeout()
        if self.transport.get_write_buffer_size():
            self.transport.abort()


class HttpServer(uvicorn.Server):
    """uvicorn in our loop: signals are `main.py`'s."""

    def __init__(self, app: ASGIApp, settings: ServerSettings) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                lifespan="off",
                log_config=None,
                access_log=False,
                ws=WebSockets,
                ws_max_size=MAX_WS_BYTES,
                ws_ping_interval=20.0,
                ws_ping_timeout=20.0,
                ws_per_message_deflate=False,
                server_header=False,
                date_header=False,
                proxy_headers=settings.behind_proxy,
                timeout_keep_alive=30,
                h11_max_incomplete_event_size=64 * 1024,
                timeout_graceful_shutdown=max(1, int(settings.stop_grace_s)),
                ssl_certfile=settings.tls_cert,
                ssl_keyfile=settings.tls_key,
            )
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield
