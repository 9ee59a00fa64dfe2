"""A WebSocket to the server, for what is followed as it happens."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from muster_cli.connection import Connection
from muster_shared_models.problems import MusterError, Problem, Reason

__all__ = ["Live", "live"]

OPEN_TIMEOUT_S = 10.0
MAX_BYTES = 16 * 1024 * 1024


class Live:
    """An open socket that has said hello."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._ready: list[dict[str, Any]] = []

    async def send(self, **frame: Any) -> None:
        """Send a frame; raises UNAVAILABLE."""
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
    ticket = (await asyncio.to_thread(connection.post, "/api/v1/ws-tickets"))["ticket"]
    address = connection.url.replace("http", "ws", 1) + "/ws"
    try:
        async with connect(
            address, max_size=MAX_BYTES, open_timeout=OPEN_TIMEOUT_S, compression=None, proxy=None
        ) as socket:
            opened = Live(socket)
            await opened.send(op="hello", ticket=ticket)
            await opened.next(OPEN_TIMEOUT_S)
            yield opened
    except (OSError, WebSocketException) as error:
        raise MusterError(Reason.UNAVAILABLE, f"The server does not answer: {error}.", "Is it running?") from error


def _ended(error: WebSocketException) -> MusterError:
    hint = "What was accepted goes on without this command; `muster agents` says when the server is back."
    return MusterError(Reason.UNAVAILABLE, f"The connection to the server ended: {error}.", hint)
