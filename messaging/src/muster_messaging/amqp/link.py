"""A pika connection and its channels with futures instead of callbacks. No pika exception leaves this file.

The laws:
1. Everything happens on the loop's thread; a future that waits for an answer fails when its channel or link is lost.
2. Frames of the hot path (deliveries, confirms) go to a channel's `sink` as they stand in the receive buffer; all other
   frames go pika's way. Publishes are gathered for the rest of the loop's turn and written in one piece.
"""

import asyncio
import logging
import re
from asyncio import Future
from collections.abc import Callable, Mapping
from typing import Any

from pika import spec
from pika.adapters.asyncio_connection import AsyncioConnection
from pika.channel import Channel
from pika.exceptions import AMQPConnectionError, AMQPError, ChannelClosedByBroker, ConnectionClosedByBroker
from pika.frame import decode_frame

from muster_messaging.amqp import wire

__all__ = ["Link", "LinkChannel", "Lost"]

#: (frame type, buffer, start of the payload, end of the payload) -> whether it is dealt with.
Sink = Callable[[int, bytes, int, int], bool]

#: Seconds for the closing handshake; a server that hangs must not hold up the end of a process.
CLOSE_TIMEOUT_S = 3.0

_QUOTED = re.compile(r"\((\d{3})\) '(.*)'")

# pika reports every lost connection with stack traces of its own; the supervisor says the same in one line.
_PIKA_LOG = logging.getLogger("pika")
if _PIKA_LOG.level == logging.NOTSET:
    _PIKA_LOG.setLevel(logging.CRITICAL)


class Lost(Exception):
    """A channel or a link ended. `code` is AMQP's (403, 404, 406 ...) when the server ended it, else 0."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


def _lost(reason: object) -> Lost:
    reason = _innermost(reason)
    if isinstance(reason, ChannelClosedByBroker | ConnectionClosedByBroker):
        return Lost(int(reason.reply_code), str(reason.reply_text))
    # While a connection opens, pika keeps the server's answer as the text of its guess.
    if quoted := _QUOTED.search(str(reason)):
        return Lost(int(quoted[1]), quoted[2])
    return Lost(0, str(reason) or type(reason).__name__)


def _innermost(reason: object) -> object:
    """Return what pika's wrappers of wrappers are about: a refused connection, say."""
    for _ in range(10):
        inner = getattr(reason, "exception", None)
        if inner is None and (several := getattr(reason, "exceptions", None)):
            inner = several[-1]
        if inner is None and isinstance(reason, AMQPConnectionError) and reason.args:
            inner = reason.args[0] if isinstance(reason.args[0], Exception) else None
        if inner is None:
            break
        reason = inner
    return reason


def _end(future: "Future[Any]", result: object) -> None:
    if not future.done():  # whoever waited may have left
        future.set_result(result)


class LinkChannel(Channel):  # type: ignore[misc]  # pika is untyped
    """A channel. `lost` ends, with a Lost as its result, when the channel is gone for whatever reason."""

    def __init__(self, link: "Link", number: int, on_open: Callable[[Any], None]) -> None:
        super().__init__(link, number, on_open)
        self.link = link
        self.number = number
        self.lost: Future[Lost] = link.loop.create_future()
        self._waiting: set[Future[Any]] = set()
        self.add_on_close_callback(self._on_lost)

    def _on_lost(self, _channel: Channel, reason: Exception) -> None:
        self.link.sinks.pop(self.number, None)
        lost = _lost(reason)
        _end(self.lost, lost)
        for future in self._waiting:
            if not future.done():
                future.set_exception(lost)
        self._waiting.clear()

    async def ask(self, method: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Call a method of pika's that takes `callback`, and return the answer's method; raises Lost."""
        future: Future[Any] = self.link.loop.create_future()
        self._waiting.add(future)
        try:
            method(*arguments, callback=lambda frame: _end(future, frame.method), **named)
            return await future
        except AMQPError as error:
            raise _lost(error) from error
        finally:
            self._waiting.discard(future)

    async def consume(self, queue: str, tag: str) -> None:
        """Begin to receive through the sink.

        Not by pika's basic_consume: of a consumer that it knows, pika sends basic.cancel before it closes the channel,
        and a stand-by consumer would be handed later messages before those that this channel gives back.
        """

        def send(callback: Callable[[Any], None]) -> None:
            consume = spec.Basic.Consume(queue=queue, consumer_tag=tag, arguments={})
            self._rpc(consume, callback, [(spec.Basic.ConsumeOk, {"consumer_tag": tag})])

        await self.ask(send)

    def acknowledge(self, tag: int, *, multiple: bool) -> None:
        """Tell the server that a delivery is done; nothing happens on a channel that is gone."""
        if self.is_open:
            self.link.send(wire.method_frame(self.number, wire.BASIC_ACK, wire.U64.pack(tag) + bytes((multiple,))))

    def dead_letter(self, tag: int) -> None:
        """Reject a delivery for good."""
        if self.is_open:
            self.link.flush()
            self.basic_reject(tag, requeue=False)

    def drop(self) -> None:
        """Begin to close the channel without waiting for the end of it."""
        if self.is_open:
            self.link.flush()
            self.close()

    async def leave(self) -> None:
        """Close the channel, after everything that was sent on it; what is unacknowledged comes again."""
        self.drop()
        await asyncio.wait((self.lost,), timeout=CLOSE_TIMEOUT_S)


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
            raise _lost(error) from error
        await asyncio.wait((future, channel.lost), return_when=asyncio.FIRST_COMPLETED)
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
            if self.is_open:
                self.bytes_sent += len(data)
                self._adapter_emit_data(data)

    async def leave(self) -> None:
        """Close the link in order, within a few seconds; without order after that."""
        self.flush()
        if not self.lost.done() and not self.is_closing and not self.is_closed:
            self.close()
        await asyncio.wait((self.lost,), timeout=CLOSE_TIMEOUT_S)
        if not self.lost.done():
            self._adapter_disconnect_stream()
            await asyncio.wait((self.lost,), timeout=CLOSE_TIMEOUT_S)

    def watch_blocked(self, on_change: Callable[[str], None]) -> None:
        """Call `on_change` with the server's reason when it stops taking publishes, and with "" when it goes on."""
        self.add_on_connection_blocked_callback(lambda _link, frame: on_change(str(frame.method.reason) or "blocked"))
        self.add_on_connection_unblocked_callback(lambda _link, _frame: on_change(""))

    @property
    def server(self) -> Mapping[str, Any]:
        """What the server says of itself: product, version, cluster_name."""
        return self.server_properties or {}

    def _on_open(self, _link: Any) -> None:
        self.opened.set_result(None)

    def _on_lost(self, _link: Any, reason: BaseException) -> None:
        self._outgoing.clear()
        self.sinks.clear()
        _end(self.lost, _lost(reason))

    def _create_channel(self, channel_number: int, on_open_callback: Callable[[Any], None]) -> LinkChannel:
        return LinkChannel(self, channel_number, on_open_callback)

    def _on_data_available(self, data_in: bytes) -> None:
        """Read frames from `data_in` (pika's own reading cuts the buffer anew for every frame)."""
        buffer = self._frame_buffer + data_in if self._frame_buffer else data_in
        at, length = 0, len(buffer)
        sinks, read_head = self.sinks, wire.FRAME_HEAD.unpack_from
        while length - at >= wire.FRAME_OVERHEAD:
            kind, number, size = read_head(buffer, at)
            end = at + wire.FRAME_OVERHEAD + size
            if end > length:
                break
            sink = sinks.get(number)
            if sink is None or not sink(kind, buffer, at + 7, end - 1):
                self._frame_buffer = b""
                self._process_frame(decode_frame(buffer[at:end])[1])
            at = end
        self.bytes_received += at
        self._frame_buffer = buffer[at:]
