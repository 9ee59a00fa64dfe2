"""A pika channel with futures instead of callbacks. Futures that wait for an answer fail when the channel is lost."""

import asyncio
from asyncio import Future
from collections.abc import Callable
from typing import Any, Protocol

from pika import spec
from pika.channel import Channel
from pika.exceptions import AMQPError

from muster_messaging.amqp import wire
from muster_messaging.amqp.lost import Lost, lost_by

__all__ = ["CLOSE_TIMEOUT_S", "LinkChannel", "Sink", "end"]

#: (frame type, buffer, start of the payload, end of the payload) -> whether it is dealt with.
Sink = Callable[[int, bytes, int, int], bool]

#: Seconds for a closing handshake; a server that hangs must not hold up the end of a process.
CLOSE_TIMEOUT_S = 3.0


class Carrier(Protocol):
    """What a channel needs of its link."""

    loop: asyncio.AbstractEventLoop
    sinks: dict[int, Sink]
    lost: "Future[Lost]"

    @property
    def frame_max(self) -> int:
        """The longest frame that was agreed on, in bytes."""
        ...

    def send(self, frames: bytes) -> None:
        """Send whole frames with all others of this turn of the loop."""
        ...

    def flush(self) -> None:
        """Hand over what was gathered now."""
        ...


def end(future: "Future[Any]", result: object) -> None:
    """Give `future` its result, unless it has one."""
    if not future.done():  # whoever waited may have left
        future.set_result(result)


class LinkChannel(Channel):  # type: ignore[misc]  # pika is untyped
    """A channel. `lost` ends, with a Lost as its result, when the channel is gone for whatever reason."""

    def __init__(self, link: Carrier, number: int, on_open: Callable[[Any], None]) -> None:
        super().__init__(link, number, on_open)
        self.link = link
        self.number = number
        self.lost: Future[Lost] = link.loop.create_future()
        self._waiting: set[Future[Any]] = set()
        self.add_on_close_callback(self._on_lost)

    def _on_lost(self, _channel: Channel, reason: Exception) -> None:
        self.link.sinks.pop(self.number, None)
        lost = lost_by(reason)
        end(self.lost, lost)
        for future in self._waiting:
            if not future.done():
                future.set_exception(lost)
        self._waiting.clear()

    async def ask(self, method: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Call a method of pika's that takes `callback`, and return the answer's method; raises Lost."""
        future: Future[Any] = self.link.loop.create_future()
        self._waiting.add(future)
        try:
            method(*arguments, callback=lambda frame: end(future, frame.method), **named)
            return await future
        except AMQPError as error:
            raise lost_by(error) from error
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
