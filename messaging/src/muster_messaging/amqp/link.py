"""A pika connection with futures instead of callbacks. No pika exception leaves this file and its neighbour channel.py.

The laws:
1. Everything happens on the loop's thread; `lost` ends exactly once, whatever became of the connection.
2. Frames of the hot path (deliveries, confirms) go to a channel's `sink` as they stand in the receive buffer; all other
   frames go pika's way. Publishes are gathered for the rest of the loop's turn and written in one piece.
"""

import asyncio
import logging
from asyncio import Future
from collections.abc import Callable, Mapping
from typing import Any

from pika.adapters.asyncio_connection import AsyncioConnection
from pika.adapters.utils.io_services_utils import _AsyncPlaintextTransport
from pika.exceptions import AMQPError, StreamLostError
from pika.frame import decode_frame

from muster_messaging.amqp import wire
from muster_messaging.amqp.channel import CLOSE_TIMEOUT_S, LinkChannel, Sink, end
from muster_messaging.amqp.lost import Lost, lost_by

__all__ = ["Link"]

#: Bytes that are read at a time.
READ_BYTES = 64 * 1024

#: Seconds that an attempt to connect is given to end when nobody wants its link any more.
ATTEMPT_TIMEOUT_S = 1.0

# pika reports every lost connection with stack traces of its own; the supervisor says the same in one line.
_PIKA_LOG = logging.getLogger("pika")
if _PIKA_LOG.level == logging.NOTSET:
    _PIKA_LOG.setLevel(logging.CRITICAL)


class Link(AsyncioConnection):  # type: ignore[misc]  # pika is untyped
    """A connection. `lost` ends, with a Lost as its result, when it is gone."""

    _frame_buffer: bytes  # pika's own: what is left of a frame that has not come whole

    def __init__(self, parameters: Any, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.opened: Future[None] = loop.create_future()
        self.lost: Future[Lost] = loop.create_future()
        self.sinks: dict[int, Sink] = {}
        self._outgoing: list[bytes] = []
        super().__init__(parameters, self._on_open, self._on_lost, self._on_lost, custom_ioloop=loop)

    @classmethod
    async def open(cls, parameters: Any) -> "Link":
        """Return an open link; raises Lost."""
        link = cls(parameters, asyncio.get_running_loop())
        try:
            await asyncio.wait((link.opened, link.lost), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await link.leave()
            raise
        if link.lost.done():
            raise link.lost.result()
        return link

    @property
    def frame_max(self) -> int:
        """The longest frame that was agreed on, in bytes."""
        return int(self.params.frame_max)

    async def open_channel(self) -> LinkChannel:
        """Return a new channel; raises Lost."""
        future: Future[LinkChannel] = self.loop.create_future()
        try:
            channel: LinkChannel = self.channel(on_open_callback=future.set_result)
        except AMQPError as error:
            raise lost_by(error) from error
        try:
            await asyncio.wait((future, channel.lost), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            future.add_done_callback(lambda opened: opened.result().drop())  # nobody will use it
            raise
        if channel.lost.done():
            raise channel.lost.result()
        return channel

    def send(self, frames: bytes) -> None:
        """Send `frames` (whole ones) with all others of this turn of the loop."""
        if not self._outgoing:
            self.loop.call_soon(self.flush)
        self._outgoing.append(frames)

    def flush(self) -> None:
        """Hand over what was gathered now: before anything that goes pika's way and must come after it."""
        if self._outgoing:
            data = b"".join(self._outgoing)
            self._outgoing.clear()
            if self.is_open and self._transport is not None:
                self.bytes_sent += len(data)
                if data := data[self._send_now(data) :]:
                    self._adapter_emit_data(data)

    def _adapter_emit_data(self, data: bytes) -> None:
        # Whatever is written comes by here, pika's own frames as well.
        try:
            super()._adapter_emit_data(data)
        except RuntimeError as error:  # uvloop no longer watches a socket that was reset, and tells nobody
            # Not now: pika's heartbeat, which may be what is written, would start its timer again after it was stopped.
            self.loop.call_soon(self._cut, f"The socket cannot be written: {error}")

    def _on_connection_workflow_done(self, conn_or_exc: Any) -> None:
        # Given up while it still connects, pika hands itself the class where it expects an instance, and raises.
        super()._on_connection_workflow_done(conn_or_exc() if isinstance(conn_or_exc, type) else conn_or_exc)

    def _send_now(self, data: bytes) -> int:
        """Return how much of `data` the socket takes at once: pika would wait for the loop to say that it may write."""
        transport = self._transport
        if transport.get_write_buffer_size() or not isinstance(transport, _AsyncPlaintextTransport):
            return 0
        try:
            return int(transport._sock.send(data))  # noqa: SLF001
        except OSError:  # full, or broken: pika tries again, and knows what to do about either
            return 0

    async def leave(self) -> None:
        """Close the link in order, within a few seconds; without order after that."""
        # Given up between two steps of its attempt, pika goes on, and trips over what it has put away.
        await asyncio.wait((self.opened, self.lost), timeout=ATTEMPT_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED)
        self.flush()
        if not self.lost.done() and not self.is_closing and not self.is_closed:
            self.close()
        await asyncio.wait((self.lost,), timeout=CLOSE_TIMEOUT_S)
        if not self.lost.done():
            self._cut("It was closed, and the other side has not answered.")
            await asyncio.wait((self.lost,), timeout=CLOSE_TIMEOUT_S)

    def _cut(self, why: str) -> None:
        """Bring the link down without order: `lost` ends soon. pika must know a reason, or it tells nobody."""
        if self._transport is not None or not self._opened:
            self._terminate_stream(self._error or StreamLostError(why))

    def watch_blocked(self, on_change: Callable[[str], None]) -> None:
        """Call `on_change` with the server's reason when it stops taking publishes, and with "" when it goes on."""
        self.add_on_connection_blocked_callback(lambda _link, frame: on_change(str(frame.method.reason) or "blocked"))
        self.add_on_connection_unblocked_callback(lambda _link, _frame: on_change(""))

    @property
    def server(self) -> Mapping[str, Any]:
        """What the server says of itself: product, version, cluster_name."""
        return self.server_properties or {}

    def _on_open(self, _link: Any) -> None:
        if isinstance(self._transport, _AsyncPlaintextTransport):
            # pika reads 4 KiB at a time, and once more to see that nothing is left; the loop tells when there is more.
            self._transport._MAX_RECV_BYTES, self._transport._MAX_CONSUME_BYTES = READ_BYTES, 1  # noqa: SLF001
        self.opened.set_result(None)

    def _on_lost(self, _link: Any, reason: BaseException) -> None:
        self._outgoing.clear()
        self.sinks.clear()
        end(self.lost, lost_by(reason))

    def _create_channel(self, channel_number: int, on_open_callback: Callable[[Any], None]) -> LinkChannel:
        return LinkChannel(self, channel_number, on_open_callback)

    def _on_data_available(self, data_in: bytes) -> None:
        """Read frames from `data_in` (pika's own reading cuts the buffer anew for every frame)."""
        buffer = self._frame_buffer + data_in if self._frame_buffer else data_in
        at, length = 0, len(buffer)
        sinks, read_head = self.sinks, wire.FRAME_HEAD.unpack_from
        while length - at >= wire.FRAME_OVERHEAD:
            kind, number, size = read_head(buffer, at)
            stop = at + wire.FRAME_OVERHEAD + size
            if stop > length:
                break
            sink = sinks.get(number)
            if sink is None or not sink(kind, buffer, at + 7, stop - 1):
                self._frame_buffer = b""
                self._process_frame(decode_frame(buffer[at:stop])[1])
            at = stop
        self.bytes_received += at
        self._frame_buffer = buffer[at:]
