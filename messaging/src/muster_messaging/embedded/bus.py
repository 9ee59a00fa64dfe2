"""The bus of processes that live beside the embedded queue server: the server itself, and tests."""

import asyncio
from asyncio import Future
from collections.abc import Iterable

from muster_messaging.bus import QueueInfo
from muster_messaging.embedded.server import EmbeddedQueueServer, EmbeddedSubscription
from muster_messaging.errors import BusError, Disconnected, Refused, TooLarge
from muster_messaging.frames import encode, read_delivery
from muster_messaging.message import MAX_BODY_BYTES, Delivery, Message
from muster_messaging.topology import Topology

__all__ = ["EmbeddedBus"]


class EmbeddedBus:
    """Fulfils `BusAdmin`. Messages that carry no sender are `name`'s."""

    def __init__(self, server: EmbeddedQueueServer, name: str) -> None:
        self._server = server
        self._name = name
        self._subscriptions: list[EmbeddedSubscription] = []
        self._closed = False

    def publish(self, exchange: str, key: str, message: Message) -> "Future[None]":
        """Hand a message over."""
        size = len(message.body)
        if not self.connected:
            return _failed(Disconnected("The bus is closed."))
        if size > MAX_BODY_BYTES:
            return _failed(TooLarge(f"The body has {size} bytes; {MAX_BODY_BYTES} is the most."))
        try:
            frame = encode(message)
        except ValueError as error:
            return _failed(Refused(f"The message cannot be sent: {error}."))
        return self._server.publish_frame(exchange, key, message.sender or self._name, frame)

    async def subscribe(self, queue: str, prefetch: int) -> "_Reading":
        """Begin to receive."""
        if not self.connected:
            raise Disconnected("The bus is closed.")
        subscription = await self._server.subscribe_frames(queue, prefetch)
        self._subscriptions.append(subscription)
        return _Reading(subscription)

    @property
    def connected(self) -> bool:
        """Whether publishing works."""
        return not (self._closed or self._server.closed)

    @property
    def trouble(self) -> str:
        """Why publishing does not work; see BusAdmin."""
        return "" if self.connected else "The queue server is closed."

    async def wait_connected(self) -> None:
        """Return at once: the queue server is here."""

    async def wait_refused(self) -> None:
        """Never return: nobody is refused here."""
        await asyncio.Event().wait()

    async def close(self) -> None:
        """End all subscriptions; what they hold comes again elsewhere."""
        self._closed = True
        for subscription in self._subscriptions:
            subscription.abandon()
        self._subscriptions.clear()

    async def declare(self, topology: Topology) -> None:
        """Create what is missing."""
        self._server.declare(topology)

    async def delete_queue(self, name: str) -> None:
        """Delete a queue."""
        self._server.delete_queue(name)

    async def queue_info(self, name: str) -> QueueInfo | None:
        """Return a queue's counts."""
        return self._server.queue_info(name)


def _failed(error: BusError) -> "Future[None]":
    refused: Future[None] = asyncio.get_running_loop().create_future()
    refused.set_exception(error)
    return refused


class _Reading:
    """A subscription that reads frames as messages."""

    def __init__(self, frames: EmbeddedSubscription) -> None:
        self._frames = frames

    async def next_batch(self) -> list[Delivery]:
        return [read_delivery(item) for item in await self._frames.next_batch()]

    def ack(self, tags: Iterable[int]) -> None:
        self._frames.ack(tags)

    def reject(self, tag: int) -> None:
        self._frames.reject(tag)

    async def cancel(self) -> None:
        await self._frames.cancel()

    def abandon(self) -> None:
        self._frames.abandon()
