"""A WebSocket to the server, for what is followed as it happens; a new one when it breaks."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from muster_cli.connection import Connection
from muster_cli.output import say
from muster_shared_models.problems import MusterError, Problem, Reason

__all__ = ["Live", "asked", "lasting", "live"]

OPEN_TIMEOUT_S = 10.0
MAX_BYTES = 16 * 1024 * 1024
#: Between tries to come back.
AGAIN_S = 0.5
#: A connection that lasted for so long was one.
STEADY_S = 5.0


class _Lost(MusterError):
    """The server cannot be reached, or no longer."""

    def __init__(self, what: str, hint: str = "Is it running?") -> None:
        super().__init__(Reason.UNAVAILABLE, what, hint)


class Live:
    """An open socket that has said hello."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._ready: list[dict[str, Any]] = []

    async def send(self, **frame: Any) -> None:
        """Send a frame; raises UNAVAILABLE when the connection has ended."""
        try:
            await self._socket.send(json.dumps(frame))
        except WebSocketException as error:
            raise _ended(error) from error

    async def next(self, timeout_s: float | None = None) -> dict[str, Any]:
        """Return the next frame; raises what an error frame says, TIMED_OUT or UNAVAILABLE."""
        while not self._ready:
            try:
                async with asyncio.timeout(timeout_s):
                    text = await self._socket.recv(decode=True)
            except TimeoutError:
                raise MusterError(Reason.TIMED_OUT, f"Nothing came within {timeout_s:.0f} s.") from None
            except WebSocketException as error:
                raise _ended(error) from error
            self._ready = [json.loads(line) for line in str(text).split("\n") if line]
        frame = self._ready.pop(0)
        if frame["op"] == "error":
            problem = Problem.model_validate(frame["problem"])
            raise MusterError(problem.reason, problem.detail, problem.hint)
        return frame


@asynccontextmanager
async def live(connection: Connection) -> AsyncIterator[Live]:
    """Open a socket to the server that a connection speaks to."""
    ticket = (await asked(connection.post, "/api/v1/ws-tickets"))["ticket"]
    address = connection.url.replace("http", "ws", 1) + "/ws"
    try:
        socket = await connect(address, max_size=MAX_BYTES, open_timeout=OPEN_TIMEOUT_S, compression=None, proxy=None)
    except (OSError, WebSocketException) as error:
        raise _Lost(f"The server does not answer: {error}.") from error
    async with socket:
        opened = Live(socket)
        await opened.send(op="hello", ticket=ticket)
        try:
            await opened.next(OPEN_TIMEOUT_S)
        except MusterError as error:
            if error.reason is not Reason.TIMED_OUT:
                raise
            raise _Lost(f"The server does not say hello. {error.detail}") from error
        yield opened


async def asked(ask: Callable[..., Any], path: str, **parameters: Any) -> Any:
    """Return what the server says over HTTP; inside `lasting`, it is asked again when it was away."""
    try:
        return await asyncio.to_thread(ask, path, **parameters)
    except MusterError as error:
        if error.reason is not Reason.UNAVAILABLE:
            raise
        raise _Lost(error.detail, error.hint) from error


async def lasting(connection: Connection, work: Callable[[Live], Awaitable[None]], patience_s: float) -> None:
    """Do `work` with an open socket; when that breaks, once more with another one, from where it was.

    Raises UNAVAILABLE when there was none from the start, or none that lasted for `patience_s` seconds.
    """
    loop = asyncio.get_running_loop()
    reached = False
    lost_at: float | None = None
    while True:
        opened_at: float | None = None
        try:
            async with live(connection) as socket:
                opened_at, reached = loop.time(), True
                await work(socket)
                return
        except _Lost:
            now = loop.time()
            if not reached:
                raise
            if lost_at is None or (opened_at is not None and now - opened_at > STEADY_S):
                lost_at = now
                say("the connection to the server ended: trying again")
            elif now - lost_at > patience_s:
                raise
        await asyncio.sleep(AGAIN_S)


def _ended(error: WebSocketException) -> MusterError:
    hint = "What was accepted goes on without this command; `muster agents` says when the server is back."
    return _Lost(f"The connection to the server ended: {error}.", hint)
