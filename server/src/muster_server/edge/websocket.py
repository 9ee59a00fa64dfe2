"""The door of `/ws`: origin, then `hello` with a ticket, then a `Socket`."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect

from muster_server.access.core import Principal
from muster_server.edge.guard import Guard
from muster_server.edge.hub import Hub
from muster_server.edge.lines import frame_line
from muster_server.edge.socket import FrameRoute, Socket
from muster_shared_models.frames import CLIENT_FRAME, ErrorFrame, Hello, Reconnect, Welcome
from muster_shared_models.model import WireModel
from muster_shared_models.problems import MusterError, Reason

__all__ = ["Sockets", "Tickets"]

HELLO_TIMEOUT_S = 10.0
POLICY = 1008
TRY_LATER = 1013
#: Browsers come back after a moment of their own choice below this.
RECONNECT_MS = 500


class Tickets(Protocol):
    """What the door needs of access."""

    def take_ticket(self, ticket: str) -> Principal:
        """Use a ticket up; raises TICKET_INVALID."""
        ...


class Sockets:
    """All open sockets."""

    def __init__(
        self,
        hub: Hub,
        guard: Guard,
        tickets: Tickets,
        routes: dict[type[WireModel], FrameRoute],
        welcome: Callable[[Principal], Welcome],
        most: int,
    ) -> None:
        self._hub = hub
        self._guard = guard
        self._tickets = tickets
        self._routes = routes
        self._welcome = welcome
        self._most = most
        self._open: set[Socket] = set()

    def routes(self) -> APIRouter:
        """Return the route."""
        routes = APIRouter()
        routes.add_api_websocket_route("/ws", self.serve)
        return routes

    async def serve(self, websocket: WebSocket) -> None:
        """Serve one browser."""
        origin = websocket.headers.get("origin")
        if origin is not None and not self._guard.origin_allowed(origin):
            await websocket.close(POLICY, Reason.ORIGIN_NOT_ALLOWED.value)
            return
        await websocket.accept()
        if len(self._open) >= self._most:
            await _refuse(websocket, MusterError(Reason.OVERLOADED, f"{self._most} sockets are open."), TRY_LATER)
            return
        try:
            principal = self._tickets.take_ticket((await _hello(websocket)).ticket)
        except MusterError as error:
            await _refuse(websocket, error, POLICY)
            return
        except (WebSocketDisconnect, RuntimeError):
            return
        socket = Socket(websocket, principal, self._hub, self._routes)
        self._open.add(socket)
        try:
            socket.send(self._welcome(principal))
            await socket.serve()
        finally:
            self._open.discard(socket)

    def say_goodbye(self) -> None:
        """Tell every browser that the server is about to stop."""
        for socket in self._open:
            socket.send(Reconnect(after_ms=RECONNECT_MS))


async def _hello(websocket: WebSocket) -> Hello:
    try:
        async with asyncio.timeout(HELLO_TIMEOUT_S):
            frame = CLIENT_FRAME.validate_json((await websocket.receive_text()).partition("\n")[0])
    except TimeoutError:
        raise MusterError(Reason.TIMED_OUT, "No hello came within ten seconds.") from None
    except (ValidationError, KeyError):
        raise MusterError(Reason.FRAME_MALFORMED, "The first frame must be a hello with a ticket.") from None
    if not isinstance(frame, Hello):
        raise MusterError(Reason.FRAME_MALFORMED, "The first frame must be a hello with a ticket.")
    return frame


async def _refuse(websocket: WebSocket, error: MusterError, code: int) -> None:
    await websocket.send_text(frame_line(ErrorFrame(ref=None, problem=error.problem())))
    await websocket.close(code, error.reason.value)
