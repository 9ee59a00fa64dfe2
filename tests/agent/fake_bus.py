"""A bus in memory that does what the test says: it confirms, holds back, refuses, and loses its connection."""

import asyncio
from asyncio import Future
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

from muster_messaging.bus import Bus, Subscription
from muster_messaging.errors import BusError, Unconfirmed
from muster_messaging.message import Delivery, Message

Outcome = Callable[[Message], BusError | None]


class FakeSubscription:
    """Deliveries that the test hands in with `deliver`."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Delivery] = asyncio.Queue(100_000)
        self.acked: list[int] = []
        self.rejected: list[int] = []
        self.cancelled = False
        self._tag = 0

    def deliver(self, message: Message, attempt: int = 1) -> int:
        self._tag += 1
        self.queue.put_nowait(Delivery(self._tag, message, "key", attempt))
        return self._tag

    async def next_batch(self) -> list[Delivery]:
        batch = [await self.queue.get()]
        while not self.queue.empty():
            batch.append(self.queue.get_nowait())
        return batch

    def ack(self, tags: Iterable[int]) -> None:
        self.acked += tags

    def reject(self, tag: int) -> None:
        self.rejected.append(tag)

    async def cancel(self) -> None:
        self.cancelled = True

    def abandon(self) -> None:
        self.cancelled = True


class FakeBus:
    """Fulfils `Bus`. `outcome` decides each publish; while `holding`, confirms wait for `release`."""

    def __init__(self) -> None:
        self.published: list[Message] = []
        self.attempts: list[Message] = []
        self.subscriptions: list[FakeSubscription] = []
        self.outcome: Outcome = lambda _message: None
        self.holding = False
        self.held: list[tuple[Future[None], Message]] = []
        self.connected = True
        self.refused = asyncio.Event()
        self.closed = False

    def publish(self, exchange: str, key: str, message: Message) -> "Future[None]":
        future: Future[None] = asyncio.get_running_loop().create_future()
        self.attempts.append(message)
        if self.holding:
            self.held.append((future, message))
        else:
            asyncio.get_running_loop().call_soon(self._settle, future, message)
        return future

    def _settle(self, future: "Future[None]", message: Message) -> None:
        error = Unconfirmed("closed") if self.closed else self.outcome(message)
        if future.done():
            return
        if error is None:
            self.published.append(message)
            future.set_result(None)
        else:
            future.set_exception(error)

    def release(self) -> None:
        self.holding = False
        held, self.held = self.held, []
        for future, message in held:
            self._settle(future, message)

    async def subscribe(self, queue: str, prefetch: int) -> Subscription:
        subscription = FakeSubscription()
        self.subscriptions.append(subscription)
        return subscription

    async def wait_connected(self) -> None:
        return

    async def wait_refused(self) -> None:
        await self.refused.wait()

    async def close(self) -> None:
        self.closed = True
        self.release()

    @asynccontextmanager
    async def opened(self, _access: Any = None) -> AsyncIterator[Bus]:
        """Stand in for `open_bus`."""
        yield self
        await self.close()
