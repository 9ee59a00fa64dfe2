"""One subscription: hands out what its channel of the moment brings, and tells what is done.

The laws:
1. A tag carries the epoch of its channel: what an earlier channel brought cannot be acknowledged any more.
2. Deliveries of a lost channel that nobody took are forgotten: they come again, in order.
3. After `cancel` the channel is kept until everything handed out is settled: a stand-by consumer must not overtake it.
"""

import asyncio
import logging
from asyncio import Future, TimerHandle
from collections.abc import Iterable
from functools import partial

from muster_messaging.amqp import wire
from muster_messaging.amqp.acks import AckLedger
from muster_messaging.amqp.channel import LinkChannel
from muster_messaging.amqp.codec import read_delivery
from muster_messaging.amqp.deliveries import DeliveryReader
from muster_messaging.amqp.link import Link
from muster_messaging.errors import BusError, Disconnected
from muster_messaging.message import UNREADABLE, Delivery

__all__ = ["AmqpSubscription"]

#: Acks wait so long (seconds) for others to share a frame, or until there are so many: each costs everybody a wake-up,
#: and RabbitMQ a write to disk. Nobody waits for them while there is room in the prefetch.
ACK_DELAY_S = 0.2
ACK_BATCH = 64
ACK_PART_OF_PREFETCH = 4
#: Seconds between two lines about messages that nobody can read: whoever sends thousands must not fill a log.
WARN_EVERY_S = 10.0
#: The bits of a tag that hold the channel's own number: enough for 10^12 deliveries, and for 63 bits in all.
TAG_BITS = 40

_LOG = logging.getLogger("muster.amqp")


class AmqpSubscription:
    """The state of a subscription. `keeper.py` gives it one channel after the other."""

    def __init__(self, queue: str, prefetch: int) -> None:
        assert 0 < prefetch <= 0xFFFF, "AMQP counts the prefetch in 16 bits, and 0 would be without bound"
        self.queue = queue
        self.prefetch = prefetch
        self._ack_batch = min(ACK_BATCH, max(1, prefetch // ACK_PART_OF_PREFETCH))
        self._loop = asyncio.get_running_loop()
        #: Ends when the subscription shall be given no further channel.
        self.left: Future[None] = self._loop.create_future()
        self._channel: LinkChannel | None = None
        self._epoch = 0
        self._base = 0
        self._ledger = AckLedger()
        self._arrived: list[Delivery] = []
        self._something = asyncio.Event()
        self._handed_out = 0
        self._timer: TimerHandle | None = None
        self._over: BusError | None = None
        self._unreadable = 0
        self._warn_at = 0.0

    async def begin(self, link: Link) -> tuple[LinkChannel, "Future[None]"]:
        """Consume on a new channel of `link`; raises Lost. The future ends when the server cancels the consumer."""
        channel = await link.open_channel()
        cancelled: Future[None] = self._loop.create_future()
        channel.add_on_cancel_callback(lambda _frame: None if cancelled.done() else cancelled.set_result(None))
        self.forget()
        self._epoch += 1
        self._base = self._epoch << TAG_BITS
        self._channel = channel
        link.sinks[channel.number] = DeliveryReader(partial(self._on_delivery, self._epoch))
        try:
            await channel.ask(channel.basic_qos, prefetch_count=self.prefetch)
            await channel.consume(self.queue, "muster")
        except asyncio.CancelledError:
            channel.drop()
            raise
        return channel, cancelled

    def forget(self) -> None:
        """The channel is gone: so is all that came by it."""
        self._channel = None
        self._ledger = AckLedger()
        self._arrived = []
        self._handed_out = 0
        if self._over is not None:
            self._leave()

    def end(self, error: BusError) -> None:
        """Hand out nothing more: `next_batch` raises `error`."""
        if self._over is None:
            self._over = error
        self._arrived = []
        self._something.set()

    async def next_batch(self) -> list[Delivery]:
        """Return all that has arrived; see Subscription."""
        while not self._arrived:
            if self._over is not None:
                raise type(self._over)(self._over.detail, self._over.hint)
            self._something.clear()
            await self._something.wait()
        batch, self._arrived = self._arrived, []
        self._handed_out = batch[-1].tag - self._base
        return batch

    def ack(self, tags: Iterable[int]) -> None:
        """Tell that these are done, within ACK_DELAY_S; see Subscription."""
        base = self._base
        self._ledger.ack([tag - base for tag in tags])
        if self._ledger.pending >= self._ack_batch:
            self.flush()
        elif self._timer is None and self._ledger.pending:
            self._timer = self._loop.call_later(ACK_DELAY_S, self.flush)

    def reject(self, tag: int) -> None:
        """Dead-letter this one; see Subscription."""
        if self._channel is not None and self._ledger.reject(tag - self._base):
            self._channel.dead_letter(tag - self._base)
            self._leave_if_settled()

    def flush(self) -> None:
        """Tell now what is done."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._channel is not None:
            for tag, multiple in self._ledger.take():
                self._channel.acknowledge(tag, multiple=multiple)
        self._leave_if_settled()

    async def cancel(self) -> None:
        """Take nothing more; see Subscription. The queue is passed on when all that was handed out is settled."""
        self.end(Disconnected("The subscription was cancelled."))
        self.flush()
        channel = self._channel
        if self.left.done() and channel is not None:
            await channel.leave()

    def abandon(self) -> None:
        """Give it up unused: nobody will read it."""
        self.end(Disconnected("The subscription was given up."))
        self._leave()

    def _leave_if_settled(self) -> None:
        if self._over is not None and self._ledger.settled_up_to(self._handed_out):
            self._leave()

    def _leave(self) -> None:
        if not self.left.done():
            self.left.set_result(None)

    def _on_delivery(
        self, epoch: int, tag: int, key: str, properties: wire.Properties | None, body: bytes
    ) -> None:  # fmt: skip
        if epoch != self._epoch:
            return  # a channel that was given up, and is still on its way out
        self._ledger.delivered(tag)
        if self._over is None:
            delivery = read_delivery(self._base + tag, key, properties, body)
            if delivery.message.type == UNREADABLE:
                self._warn(delivery)
            self._arrived.append(delivery)
            self._something.set()

    def _warn(self, delivery: Delivery) -> None:
        self._unreadable += 1
        now = self._loop.time()
        if now >= self._warn_at:
            name, why = delivery.message.id, delivery.message.aside
            _LOG.warning("! %s: %d more that cannot be read, like %r: %s", self.queue, self._unreadable, name, why)
            self._warn_at, self._unreadable = now + WARN_EVERY_S, 0
