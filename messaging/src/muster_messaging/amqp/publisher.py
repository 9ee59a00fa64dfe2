"""Publishes on one channel with confirms, in the order of the calls. Nothing waits here: every answer is immediate.

A publish ends as: confirmed | returned (Unroutable; Transient where a queue always is) | nacked (QueueFull) | deadline
(Unconfirmed) | channel lost (Refused for the culprit, Unconfirmed for the rest). One sweep looks after all deadlines.
"""

import asyncio
from asyncio import Future, TimerHandle

from pika import spec

from muster_messaging.amqp import wire
from muster_messaging.amqp.channel import LinkChannel
from muster_messaging.amqp.codec import Encoder
from muster_messaging.amqp.lost import Lost
from muster_messaging.amqp.unconfirmed import InFlight, Publish, blame
from muster_messaging.errors import (
    BusError,
    Disconnected,
    QueueFull,
    Refused,
    TooLarge,
    Transient,
    Unconfirmed,
    Unroutable,
)
from muster_messaging.message import MAX_BODY_BYTES, Message
from muster_messaging.topology import STANDING

__all__ = ["Publisher"]

#: How many messages and bytes may be unconfirmed. pika buffers without bound, so this is the bound.
WINDOW = 1_000
WINDOW_BYTES = 64 * 1024 * 1024
#: Seconds until a publish without an answer is Unconfirmed, and between two looks at the clock.
CONFIRM_TIMEOUT_S = 10.0
SWEEP_S = 0.25


class Publisher:
    """The publishing half of a bus."""

    def __init__(self, user: str, *, confirm_timeout_s: float = CONFIRM_TIMEOUT_S) -> None:
        self._loop = asyncio.get_running_loop()
        self._user = user
        # One sweep earlier, so that 10 s is the latest and not the earliest.
        self._patience_s = max(SWEEP_S, confirm_timeout_s - SWEEP_S)
        self._channel: LinkChannel | None = None
        self._encoder: Encoder | None = None
        self._in_flight = InFlight()
        self._blocked = ""
        self._sweep: TimerHandle | None = None
        self.ready = asyncio.Event()

    def publish(self, exchange: str, key: str, message: Message) -> "Future[None]":
        """Return the future of one publish; see Bus.publish."""
        future: Future[None] = self._loop.create_future()
        channel, encoder, size = self._channel, self._encoder, len(message.body)
        if refusal := self._refusal(size):
            future.set_exception(refusal)
            return future
        assert channel is not None, "checked by _refusal"
        assert encoder is not None, "comes and goes with the channel"
        try:
            frames = encoder.frames(exchange, key, message)
        except ValueError as error:
            future.set_exception(Refused(f"The message cannot be sent: {error}."))
            return future
        self._in_flight.add(Publish(future, message.id, exchange, key, size, self._loop.time() + self._patience_s))
        channel.link.send(frames)
        if self._sweep is None:
            self._sweep = self._loop.call_later(SWEEP_S, self._look_at_deadlines)
        return future

    async def attach(self, channel: LinkChannel) -> None:
        """Publish on `channel` from now on; raises Lost."""
        channel.add_on_return_callback(self._on_return)
        channel.link.sinks[channel.number] = self._on_frame
        await channel.ask(channel.confirm_delivery, lambda _frame: None)
        self._encoder = Encoder(channel.number, self._user, channel.link.frame_max)
        self._in_flight = InFlight()
        self._channel = channel
        self._look_whether_ready()

    def detach(self, lost: Lost) -> None:
        """The channel is gone: end everything that was under way on it."""
        self._channel = None
        self._look_whether_ready()
        in_flight, self._in_flight = self._in_flight, InFlight()
        if lost.code:
            for publish, error in blame(in_flight, lost.code, lost.text):
                publish.fail(error)
        for publish in in_flight:
            publish.fail(Unconfirmed(f"The connection ended before the confirm: {lost.text}"))

    def set_blocked(self, why: str) -> None:
        """Note that the queue server takes no publishes for now, and why ("" when it does again)."""
        self._blocked = why
        self._look_whether_ready()

    @property
    def blocked(self) -> str:
        """Why the queue server takes no publishes although it is there; empty when it does, or is not."""
        return self._blocked if self._channel is not None else ""

    def _refusal(self, size: int) -> BusError | None:
        if size > MAX_BODY_BYTES:
            return TooLarge(f"The body has {size} bytes; {MAX_BODY_BYTES} are allowed.")
        if self._channel is None or not self._channel.is_open:
            return Disconnected("There is no connection to the queue server.", "It is being tried again by itself.")
        if self._blocked:
            return QueueFull(f"The queue server takes no messages now: {self._blocked}.", "It is short of resources.")
        if len(self._in_flight) >= WINDOW or self._in_flight.bytes + size > WINDOW_BYTES:
            return QueueFull(
                f"{len(self._in_flight)} messages ({self._in_flight.bytes} bytes) are unconfirmed already.",
                "The queue server is slower than this publisher.",
            )
        return None

    def _look_whether_ready(self) -> None:
        if self._channel is not None and not self._blocked:
            self.ready.set()
        else:
            self.ready.clear()

    def _on_frame(self, kind: int, buffer: bytes, start: int, _end: int) -> bool:
        if kind != wire.METHOD:
            return False
        method = wire.U32.unpack_from(buffer, start)[0]
        if method not in {wire.BASIC_ACK, wire.BASIC_NACK}:
            return False
        tag, multiple = wire.U64.unpack_from(buffer, start + 4)[0], bool(buffer[start + 12] & 1)
        for publish in self._in_flight.answered(tag, multiple=multiple):
            if method == wire.BASIC_NACK:
                publish.fail(QueueFull(f"A queue behind {publish.exchange or 'the default exchange'} is full."))
            elif publish.returned:
                # The server declares again what somebody has deleted: until then it is not the message's fault.
                error = Transient if publish.exchange in STANDING else Unroutable
                publish.fail(error(publish.returned))
            else:
                publish.confirm()
        return True

    def _on_return(
        self, _channel: LinkChannel, why: spec.Basic.Return, about: spec.BasicProperties, _body: bytes
    ) -> None:
        # RabbitMQ confirms what it returns: the return only says that this confirm will be bad news.
        text = f"No queue is bound to {why.exchange} for {why.routing_key!r} ({why.reply_text})."
        self._in_flight.mark_returned(str(about.message_id or ""), why.exchange, why.routing_key, text)

    def _look_at_deadlines(self) -> None:
        self._sweep = None
        overdue = self._in_flight.overdue(self._loop.time())
        for publish in overdue:
            publish.fail(Unconfirmed("The queue server did not confirm in time."))
        if len(self._in_flight):
            self._sweep = self._loop.call_later(SWEEP_S, self._look_at_deadlines)

    def close(self) -> None:
        """Fail what is unconfirmed and take nothing more."""
        self.detach(Lost(0, "the bus was closed"))
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
