"""Sends messages so that each lane stays in order, whatever fails. A lane is a conversation.

The law: a lane's next message is published after the one before it is confirmed or given up. Lanes never wait for each
other. Transient failures are tried again with the same id until `patience_s` has passed; the time without a connection
does not count, nor does a standstill of our own. A message at which the bus itself fails is refused. With `together`,
whatever waits behind a message that is given up for now is given up with it.
"""

import asyncio
import random
from asyncio import Future
from collections import deque
from dataclasses import dataclass

from muster_messaging.bus import Bus
from muster_messaging.errors import Disconnected, QueueFull, Refused, Transient, Unconfirmed
from muster_messaging.message import Message

__all__ = ["Lanes"]

#: Seconds between tries of one message: first and longest, with full jitter.
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 1.0
#: Seconds that one try counts for at the most. None takes longer (see `Bus.publish`) unless this process stood still:
#: the answer is waiting then, or the next try gets one.
LONGEST_TRY_S = 10.0


@dataclass(slots=True)
class _Waiting:
    exchange: str
    key: str
    message: Message
    settled: "Future[None]"
    patience_s: float
    tries: int = 0
    #: Until when its patience has been counted.
    counted_at: float = 0.0


class Lanes:
    """An ordered, retrying publisher over a bus."""

    def __init__(self, bus: Bus, *, patience_s: float, limit: int = 10_000, together: bool = False) -> None:
        self._bus = bus
        self._patience_s = patience_s
        self._limit = limit
        self._together = together
        self._lanes: dict[str, deque[_Waiting]] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._count = 0
        self._closed = False
        self._loop = asyncio.get_running_loop()

    @property
    def waiting(self) -> int:
        """How many messages are under way or wait."""
        return self._count

    def send(self, lane: str, exchange: str, key: str, message: Message) -> "Future[None]":
        """Return a future that ends when `message` is durable, or fails with the last BusError.

        Raises QueueFull at once when `limit` messages wait already (0: as many as the caller lets wait).
        """
        if self._limit and self._count >= self._limit:
            raise QueueFull(f"{self._count} messages already wait to be published.", "Try again in a moment.")
        settled: Future[None] = self._loop.create_future()
        item = _Waiting(exchange, key, message, settled, self._patience_s)
        if self._closed:
            settled.set_exception(Disconnected("The publisher is closed."))
            return settled
        self._count += 1
        queue = self._lanes.get(lane)
        if queue is None:
            self._lanes[lane] = deque((item,))
            self._publish(lane, item)
        else:
            queue.append(item)
        return settled

    def close(self) -> None:
        """Give up everything that waits: it stays where it is durable already and is sent again after a restart."""
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        for queue in self._lanes.values():
            for item in queue:
                if not item.settled.done():
                    item.settled.set_exception(Disconnected("The publisher was closed."))
                    item.settled.exception()  # read, so that an owner who has left is no warning
        self._lanes.clear()
        self._count = 0

    def _publish(self, lane: str, item: _Waiting) -> None:
        self._timers.pop(lane, None)
        item.tries += 1
        if item.tries == 1:
            item.counted_at = self._loop.time()
        try:
            future = self._bus.publish(item.exchange, item.key, item.message)
        except Exception as error:  # noqa: BLE001 - whatever it is about this message: those behind it must not wait
            future = self._loop.create_future()
            future.set_exception(Refused(f"The message cannot be sent: {error!r}."))
        future.add_done_callback(lambda done: self._settle(lane, item, done))

    def _settle(self, lane: str, item: _Waiting, done: "Future[None]") -> None:
        error = Unconfirmed("The publish was cancelled.") if done.cancelled() else done.exception()
        if self._closed:
            return
        if isinstance(error, Transient) and self._patient(item):
            pause = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(item.tries, 8)) * random.uniform(0.5, 1)  # noqa: S311
            self._timers[lane] = self._loop.call_later(pause, self._publish, lane, item)
            return
        queue = self._lanes[lane]
        self._end(queue.popleft(), error)
        if self._together and isinstance(error, Transient):
            while queue:
                self._end(queue.popleft(), error)
        if queue:
            self._publish(lane, queue[0])
        else:
            del self._lanes[lane]

    def _patient(self, item: _Waiting) -> bool:
        now = self._loop.time()
        passed, item.counted_at = now - item.counted_at, now
        # While there is no connection nobody is to blame, and giving up would let later messages overtake.
        if self._bus.connected:
            item.patience_s -= min(passed, LONGEST_TRY_S)
        return item.patience_s > 0

    def _end(self, item: _Waiting, error: BaseException | None) -> None:
        self._count -= 1
        if item.settled.done():
            return
        if error is None:
            item.settled.set_result(None)
        else:
            item.settled.set_exception(error)
