"""One browser's WebSocket: bounded both ways, patient with bad frames, and never in another socket's way.

Lines are parsed and authorized one by one, then handed to their capability. Lines out: `outgoing.py`.
"""

import asyncio
from asyncio import Future
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect

from muster_server.access.core import Operation, Principal, allowed
from muster_server.edge.hub import Hub, Source
from muster_server.edge.lines import frame_line
from muster_server.edge.outgoing import Outgoing
from muster_shared_models.frames import (
    CLIENT_FRAME,
    MAX_FRAME_BYTES,
    ErrorFrame,
    Ping,
    Pong,
    Resync,
    Subscribe,
    Unsubscribe,
)
from muster_shared_models.model import WireModel
from muster_shared_models.problems import MusterError, Reason

__all__ = ["FrameRoute", "Socket"]

#: Requests of one socket that may be unanswered, and streams it may follow.
MAX_PENDING = 1_024
MAX_STREAMS = 1_024
#: Streams of one socket that begin at the same time; each may begin with a snapshot of half a megabyte.
MAX_BEGINNING = 2
#: Events kept back while a stream begins.
MAX_EARLY = 4_096


@dataclass(frozen=True, slots=True)
class FrameRoute:
    """What a frame asks for, and who answers: a plain function that returns the future of an answer frame."""

    operation: Operation
    handle: Callable[[Principal, Any], "Future[WireModel]"]


@dataclass(slots=True)
class _Following:
    """A stream this socket follows. Until it has begun, events are kept back."""

    seq: int = -1
    early: list[tuple[int, str]] = field(default_factory=list)
    task: asyncio.Task[None] | None = None


class Socket:
    """A browser that has said hello."""

    def __init__(
        self, websocket: WebSocket, principal: Principal, hub: Hub, routes: dict[type[WireModel], FrameRoute]
    ) -> None:
        self._websocket = websocket
        self._principal = principal
        self._hub = hub
        self._routes = routes
        self._outgoing = Outgoing(websocket, self._resync_all)
        self._following: dict[str, _Following] = {}
        self._beginning = asyncio.Semaphore(MAX_BEGINNING)
        self._pending = 0

    async def serve(self) -> None:
        """Read and write until either side closes."""
        writer = asyncio.create_task(self._outgoing.run())
        try:
            while True:
                message = await self._websocket.receive()
                if message["type"] == "websocket.disconnect":
                    return
                await self._take(message.get("text"))
        except (WebSocketDisconnect, RuntimeError):
            return
        finally:
            writer.cancel()
            for stream in list(self._following):
                self._unsubscribe(stream)
            await asyncio.gather(writer, return_exceptions=True)

    def send(self, frame: WireModel) -> None:
        """Send a frame."""
        self._outgoing.answer(frame_line(frame))

    # ---- in

    async def _take(self, text: str | None) -> None:
        if text is None:
            self._refuse(None, MusterError(Reason.FRAME_MALFORMED, "Frames are text: one JSON object a line."))
        elif len(text) > MAX_FRAME_BYTES or len(text.encode()) > MAX_FRAME_BYTES:
            self._refuse(
                None,
                MusterError(
                    Reason.MESSAGE_TOO_LARGE, f"A message may have {MAX_FRAME_BYTES} bytes; this one had more.",
                    "Nothing of it was read. Send less at a time.",
                ),
            )  # fmt: skip
        else:
            for line in text.split("\n"):
                if line:
                    self._take_line(line)
                if self._outgoing.full:
                    await self._outgoing.room()

    def _take_line(self, line: str) -> None:
        try:
            frame = CLIENT_FRAME.validate_json(line)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            self._refuse(None, MusterError(Reason.FRAME_MALFORMED, f"{where or 'frame'}: {first['msg']}."))
            return
        ref = getattr(frame, "ref", None)
        try:
            self._dispatch(frame, ref)
        except MusterError as error:
            self._refuse(ref, error, getattr(frame, "stream", None))

    def _dispatch(self, frame: WireModel, ref: str | None) -> None:
        if isinstance(frame, Ping):
            self.send(Pong(ref=frame.ref))
        elif isinstance(frame, Subscribe):
            self._subscribe(frame)
        elif isinstance(frame, Unsubscribe):
            self._unsubscribe(frame.stream)
        else:
            self._ask(frame, ref)

    def _ask(self, frame: WireModel, ref: str | None) -> None:
        route = self._routes.get(type(frame))
        if route is None:
            raise MusterError(Reason.FRAME_MALFORMED, "A second hello is not expected.")
        if not allowed(self._principal, route.operation):
            raise MusterError(Reason.PERMISSION_DENIED, f"Your role may not {route.operation.replace('_', ' ')}.")
        if self._pending >= MAX_PENDING:
            raise MusterError(Reason.OVERLOADED, f"{MAX_PENDING} requests of this socket are unanswered.", "Wait.")
        self._pending += 1
        route.handle(self._principal, frame).add_done_callback(lambda done: self._answer(ref, done))

    def _answer(self, ref: str | None, done: "Future[WireModel]") -> None:
        self._pending -= 1
        if done.cancelled():
            return
        error = done.exception()
        if error is None:
            self.send(done.result())
        elif isinstance(error, MusterError):
            self._refuse(ref, error)
        else:
            self._refuse(ref, MusterError(Reason.INTERNAL, "The server made a mistake; its log says more."))
            asyncio.get_running_loop().call_exception_handler({"message": "a frame failed", "exception": error})

    def _refuse(self, ref: str | None, error: MusterError, stream: str | None = None) -> None:
        self.send(ErrorFrame(ref=ref, stream=stream, problem=error.problem()))

    # ---- streams

    def _subscribe(self, frame: Subscribe) -> None:
        self._unsubscribe(frame.stream)
        source = self._hub.source(frame.stream)
        if len(self._following) >= MAX_STREAMS:
            raise MusterError(Reason.OVERLOADED, f"A socket may follow {MAX_STREAMS} streams.", "Unsubscribe first.")
        following = self._following[frame.stream] = _Following()
        following.task = asyncio.create_task(self._begin(frame, source, following))

    async def _begin(self, frame: Subscribe, source: Source, following: _Following) -> None:
        async with self._beginning:
            await self._outgoing.room()
            self._hub.follow(frame.stream, self)  # not before: nothing is kept for a stream whose turn has not come
            try:
                lines, seq = await source.begin(frame.stream, frame.epoch, frame.since)
            except MusterError as error:
                self._unsubscribe(frame.stream)
                self._refuse(None, error, frame.stream)
                return
            for line in lines:
                self._outgoing.answer(line)
            following.seq = seq
            for early_seq, line in following.early:
                self.event(frame.stream, early_seq, line)
            following.early = []

    def _unsubscribe(self, stream: str) -> None:
        following = self._following.pop(stream, None)
        if following:
            self._hub.leave(stream, self)
            if following.task and following.task is not asyncio.current_task():
                following.task.cancel()

    def event(self, stream: str, seq: int, line: str) -> None:
        """Take a numbered event from the hub."""
        following = self._following.get(stream)
        if following is None:
            return
        if following.seq < 0:
            following.early.append((seq, line))
            if len(following.early) > MAX_EARLY:
                self._resync(stream)
        elif seq > following.seq:
            following.seq = seq
            self._outgoing.event(line)

    def passing(self, stream: str, line: str) -> None:
        """Take a passing frame from the hub."""
        following = self._following.get(stream)
        if following and following.seq >= 0:
            self._outgoing.passing(line)

    def _resync(self, stream: str) -> None:
        self._unsubscribe(stream)
        self.send(Resync(stream=stream))

    def _resync_all(self) -> None:
        for stream in list(self._following):
            self._resync(stream)
