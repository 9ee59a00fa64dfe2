"""The embedded queue server: joins what `core/` decides with the journal, the clock and the waiting subscriptions."""

import asyncio
import time
from asyncio import Future
from collections.abc import Iterable
from pathlib import Path

from muster_messaging.bus import QueueInfo
from muster_messaging.embedded.core.model import Consumer, DeadLetter, Stored
from muster_messaging.embedded.core.queues import INFINITE, QueueCore
from muster_messaging.embedded.journal import Journal
from muster_messaging.errors import BusError, Disconnected, Refused, TooLarge
from muster_messaging.frames import MAX_FRAME_BYTES, FrameDelivery
from muster_messaging.message import MAX_BODY_BYTES
from muster_messaging.topology import Topology
from muster_shared_models.problems import MusterError

__all__ = ["EmbeddedQueueServer", "EmbeddedSubscription"]

#: How long until a dead letter is tried again whose next queue is full, or that the disk refused.
RETRY_MS = 1000
MAX_KEY_CHARS = 255  # as on AMQP


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


class EmbeddedQueueServer:
    """Queues in this process, journalled at `path`."""

    def __init__(self, path: Path) -> None:
        self._core = QueueCore()
        self._journal = Journal(path, self._stored, self._not_stored)
        self._last_id = self._journal.last_id()
        self._subscriptions: dict[int, EmbeddedSubscription] = {}
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._looks_at_ms = INFINITE
        self.closed = False

    # ---- declaring

    def declare(self, topology: Topology) -> None:
        """Create what is missing and bring back what the journal holds for it."""
        for stored in self._journal.load(self._core.routes.declare(topology)):
            self._core.restore(stored, _now_ms())
        self._look_at_deaths()

    def delete_queue(self, name: str) -> None:
        """Delete a queue, what is in it, and end its subscriptions."""
        gone, consumers = self._core.delete(name)
        self._journal.remove(stored.id for stored in gone)
        for consumer in consumers:
            self._subscriptions.pop(consumer.id).end(Refused(f"The queue {name!r} was deleted."))

    def queue_info(self, name: str) -> QueueInfo | None:
        """Return a queue's counts."""
        return self._core.info(name)

    # ---- in

    def publish_frame(self, exchange: str, key: str, sender: str, frame: bytes) -> "Future[None]":
        """Return a future that ends when the frame is on disk in every queue that it goes to."""
        done: Future[None] = self._loop.create_future()
        try:
            queues = self._admit(exchange, key, frame)
        except BusError as error:
            done.set_exception(error)
            return done
        for queue in queues:
            self._last_id += 1
            # The rows share a transaction, so the last one's end is the end of all.
            waiting = done if queue is queues[-1] else None
            self._journal.insert(Stored(self._last_id, queue, key, sender, frame), waiting)
        return done

    def _admit(self, exchange: str, key: str, frame: bytes) -> tuple[str, ...]:
        if self.closed:
            raise Disconnected("The queue server is closed.")
        if len(frame) > MAX_FRAME_BYTES:
            raise TooLarge(f"The message has {len(frame)} bytes; its body may have {MAX_BODY_BYTES}.")
        if len(key) > MAX_KEY_CHARS:
            raise Refused(f"The key has {len(key)} characters; {MAX_KEY_CHARS} are the most.")
        queues = self._core.routes.route(exchange, key)
        self._core.reserve(queues, len(frame))
        return queues

    def _stored(self, stored: list[Stored], moved: list[DeadLetter]) -> None:
        now_ms = _now_ms()
        for letter in moved:
            self._core.moved(letter)
        for item in stored:
            if not self._core.enqueue(item, now_ms):
                self._journal.remove((item.id,))  # its queue was deleted meanwhile
            elif item.expires_at_ms:
                self._look_later(item.expires_at_ms)
        for queue in {item.queue for item in stored}:
            self._deliver(queue)
        if moved and not self.closed:
            self._look_at_deaths()

    def _not_stored(self, stored: list[Stored], not_moved: list[DeadLetter]) -> None:
        for item in stored:
            self._core.release(item.queue, len(item.frame))
        if not_moved:
            self._core.not_moved(not_moved)
            self._look_later(_now_ms() + RETRY_MS)

    # ---- out

    async def subscribe_frames(self, queue: str, prefetch: int) -> "EmbeddedSubscription":
        """Begin to receive."""
        consumer = self._core.subscribe(queue, prefetch)
        subscription = EmbeddedSubscription(self, consumer)
        self._subscriptions[consumer.id] = subscription
        self._deliver(queue)
        return subscription

    def _deliver(self, queue: str) -> None:
        for consumer, stored in self._core.take(queue):
            self._subscriptions[consumer.id].put(stored)

    def settle(self, consumer: Consumer, tags: Iterable[int]) -> None:
        """Take acknowledgements."""
        self._journal.remove(stored.id for stored in self._core.acknowledge(consumer, tags))
        self._deliver(consumer.queue)

    def reject(self, consumer: Consumer, tag: int) -> None:
        """Let a message die."""
        self._core.reject(consumer, tag)
        self._look_at_deaths()
        self._deliver(consumer.queue)

    def retire(self, consumer: Consumer) -> None:
        """Deliver nothing more to a subscription; the next one in line takes over."""
        self._core.stop_delivering(consumer)

    def give_back(self, consumer: Consumer, tags: Iterable[int]) -> None:
        """Take back what a subscription never looked at."""
        self._core.give_back(consumer, tags)
        self._deliver(consumer.queue)

    def leave(self, consumer: Consumer) -> None:
        """End a subscription: what it holds comes again elsewhere."""
        self._subscriptions.pop(consumer.id, None)
        self._journal.note_attempts(self._core.leave(consumer))
        self._look_at_deaths()
        self._deliver(consumer.queue)

    # ---- death

    def _look_at_deaths(self) -> None:
        soonest = self._core.expire(_now_ms())
        letters, waiting = self._core.deaths()
        for letter in letters:
            self._bury(letter)
        if waiting:
            soonest = min(soonest or INFINITE, _now_ms() + RETRY_MS)
        if soonest:
            self._look_later(soonest)

    def _bury(self, letter: DeadLetter) -> None:
        old = letter.stored
        if not letter.queues:
            self._journal.remove((old.id,))
            return
        moved = []
        for queue in letter.queues:
            self._last_id += 1
            moved.append(Stored(self._last_id, queue, letter.key, old.sender, old.frame, 0, letter.reason, old.queue))
        self._journal.move(letter, moved)

    def _look_later(self, at_ms: int) -> None:
        if self.closed or at_ms >= self._looks_at_ms:
            return
        if self._timer:
            self._timer.cancel()
        self._looks_at_ms = at_ms
        self._timer = self._loop.call_later(max(0.005, (at_ms - _now_ms()) / 1000), self._timer_fired)

    def _timer_fired(self) -> None:
        self._timer, self._looks_at_ms = None, INFINITE
        self._look_at_deaths()

    async def close(self) -> None:
        """Refuse more, write what waits, close the journal."""
        self.closed = True
        if self._timer:
            self._timer.cancel()
        for subscription in list(self._subscriptions.values()):
            subscription.end(Disconnected("The queue server is closed."))
        await self._journal.close()


class EmbeddedSubscription:
    """One consumer's deliveries, not yet fetched. Fulfils `muster_messaging.frames.FrameSubscription`."""

    def __init__(self, server: EmbeddedQueueServer, consumer: Consumer) -> None:
        self._server = server
        self._consumer = consumer
        self._arrived: list[FrameDelivery] = []
        self._wake = asyncio.Event()
        self._error: MusterError | None = None

    def put(self, stored: Stored) -> None:
        """Take a delivery; at most the prefetch are here."""
        self._arrived.append(
            FrameDelivery(
                stored.id, stored.frame, stored.sender, stored.key, stored.attempts, stored.died_of, stored.died_in
            )
        )
        self._wake.set()

    def end(self, error: MusterError) -> None:
        """Wake the reader with an error."""
        self._error = error
        self._wake.set()

    async def next_batch(self) -> list[FrameDelivery]:
        """Return what has arrived, waiting for at least one."""
        while not self._arrived:
            if self._error:
                raise self._error
            self._wake.clear()
            await self._wake.wait()
        batch, self._arrived = self._arrived, []
        return batch

    def ack(self, tags: Iterable[int]) -> None:
        """These are done."""
        self._server.settle(self._consumer, tags)

    def reject(self, tag: int) -> None:
        """This one goes to the dead letters."""
        self._server.reject(self._consumer, tag)

    async def cancel(self) -> None:
        """Take nothing more; what was fetched may still be acknowledged."""
        self.end(Disconnected("The subscription was cancelled."))
        self._server.retire(self._consumer)
        unfetched, self._arrived = self._arrived, []
        self._server.give_back(self._consumer, [delivery.tag for delivery in unfetched])

    def abandon(self) -> None:
        """The reader is gone: what it holds comes again elsewhere."""
        self._arrived = []
        self.end(Disconnected("The subscription was given up."))
        self._server.leave(self._consumer)
