"""The one contract between Muster's processes and a queue server. Three classes fulfil it, one suite checks them all.

The laws:
1. `publish` confirms only what is durable; a message nobody would receive is an error, never silence.
2. A queue hands its messages out in order, to one subscription at a time (the others stand by).
3. What is not acknowledged comes again, in order, with a higher `attempt`; nothing is acknowledged by itself.
4. A queue at its bound refuses; it neither grows nor drops.
5. A lost connection is repaired behind the contract. Publishes under way fail as `Unconfirmed`; subscriptions go on.
"""

from asyncio import Future
from collections.abc import Iterable
from typing import NamedTuple, Protocol

from muster_messaging.message import Delivery, Message
from muster_messaging.topology import Topology

__all__ = ["Bus", "BusAdmin", "QueueInfo", "Subscription"]


class Subscription(Protocol):
    """A standing wish for the messages of one queue. It survives reconnects."""

    async def next_batch(self) -> list[Delivery]:
        """Return at least one delivery, in order.

        Raises Refused when the queue is gone or not allowed, Disconnected after `cancel`, `abandon` or `close`.
        """
        ...

    def ack(self, tags: Iterable[int]) -> None:
        """Tell the queue server that these are done. Sent within milliseconds, many at once.

        Tags of a lost connection are ignored: their messages come again.
        """
        ...

    def reject(self, tag: int) -> None:
        """Send this one to the queue's dead-letter queue."""
        ...

    async def cancel(self) -> None:
        """Take nothing more. What was handed out may still be settled; what was not comes again elsewhere.

        A single-active queue passes on to the next subscription when everything handed out is settled, so that
        nothing overtakes.
        """
        ...

    def abandon(self) -> None:
        """Give everything up at once: what is unacknowledged comes again elsewhere."""
        ...


class Bus(Protocol):
    """Publish and subscribe."""

    def publish(self, exchange: str, key: str, message: Message) -> "Future[None]":
        """Hand `message` over, in the order of the calls; the future ends when it is durable.

        Fails with a `BusError`: Disconnected at once while there is no connection, Unconfirmed after 10 s at the
        latest, QueueFull, Unroutable, TooLarge or Refused as soon as the queue server says so.
        """
        ...

    async def subscribe(self, queue: str, prefetch: int) -> Subscription:
        """Begin to receive; at most `prefetch` deliveries are unacknowledged at a time.

        Waits while there is no connection (30 s at most); raises Refused when there is no such queue or it may not be
        read, Disconnected when the bus is closed or does not come back.
        """
        ...

    @property
    def connected(self) -> bool:
        """Whether publishing works now."""
        ...

    async def wait_connected(self) -> None:
        """Return when publishing works."""
        ...

    async def wait_refused(self) -> None:
        """Return when the queue server next refuses who we are. It is asked again and again all the same."""
        ...

    async def close(self) -> None:
        """Flush acknowledgements, end all subscriptions, fail what is unconfirmed, disconnect."""
        ...


class QueueInfo(NamedTuple):
    """Counts of one queue; -1 where the queue server does not tell.

    `ready` waits for delivery; `unacked` was delivered and may come again. `arrived` and `left` only grow, as long as
    the queue server runs: messages that came in, and messages that were acknowledged or died.
    """

    ready: int
    unacked: int
    consumers: int
    arrived: int = -1
    left: int = -1


class BusAdmin(Bus, Protocol):
    """What only the server may do."""

    @property
    def trouble(self) -> str:
        """Why publishing does not work now, in a sentence for people; empty when it does."""
        ...

    async def declare(self, topology: Topology) -> None:
        """Create what is missing; raises TopologyMismatch when something exists with other arguments."""
        ...

    async def delete_queue(self, name: str) -> None:
        """Delete a queue with all that is in it; no error when there is none."""
        ...

    async def queue_info(self, name: str) -> QueueInfo | None:
        """Return the queue's counts, or None when there is no such queue."""
        ...
