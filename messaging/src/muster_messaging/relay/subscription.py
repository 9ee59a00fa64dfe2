"""A subscription over the relay: it outlives connections, and forgets what a lost one had delivered."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Protocol

from muster_messaging.errors import Disconnected, Refused
from muster_messaging.frames import decode
from muster_messaging.message import Delivery
from muster_protos.v1.relay_pb2 import RelayDelivery, SubscribeOutcome
from muster_shared_models.problems import MusterError

__all__ = ["RelaySubscription"]

#: Tags given out carry the number of the connection in the bits above these, so that stale ones are known.
TAG_BITS = 44
TAG_MASK = (1 << TAG_BITS) - 1


class _Stream(Protocol):
    def acknowledge(self, number: int, tags: Sequence[int], rejected: Sequence[int] = ()) -> None: ...

    def cancel(self, subscription: "RelaySubscription", *, abandon: bool = False) -> None: ...


class RelaySubscription:
    """Fulfils `Subscription`."""

    def __init__(self, stream: _Stream, number: int, queue: str, prefetch: int) -> None:
        self.number = number
        self.queue = queue
        self.prefetch = prefetch
        self._stream = stream
        self._epoch = 0
        self._arrived: list[RelayDelivery] = []
        self._wake = asyncio.Event()
        self._answered = asyncio.Event()
        self._error: MusterError | None = None

    async def wait_answered(self, timeout_s: float) -> None:
        """Return when the server has accepted the subscription; raises Refused, or Disconnected after `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._answered.wait()
        except TimeoutError:
            raise Disconnected("The server's relay did not answer the subscription in time.") from None
        if self._error:
            raise self._error

    async def next_batch(self) -> list[Delivery]:
        """Return what has arrived, waiting for at least one."""
        while not self._arrived:
            if self._error:
                raise self._error
            self._wake.clear()
            await self._wake.wait()
        batch, self._arrived = self._arrived, []
        epoch = self._epoch << TAG_BITS
        return [
            Delivery(
                epoch | item.tag, decode(item.frame, item.sender), item.key, item.attempt, item.died_of, item.died_in
            )
            for item in batch
        ]

    def ack(self, tags: Iterable[int]) -> None:
        """These are done."""
        fresh = self._fresh(tags)
        if fresh:
            self._stream.acknowledge(self.number, fresh)

    def reject(self, tag: int) -> None:
        """This one goes to the dead letters."""
        fresh = self._fresh((tag,))
        if fresh:
            self._stream.acknowledge(self.number, (), fresh)

    async def cancel(self) -> None:
        """Take nothing more."""
        self._arrived = []
        self._stream.cancel(self)
        self.end(Disconnected("The subscription was cancelled."))

    def abandon(self) -> None:
        """Give everything up."""
        self._arrived = []
        self._stream.cancel(self, abandon=True)
        self.end(Disconnected("The subscription was given up."))

    def _fresh(self, tags: Iterable[int]) -> list[int]:
        return [tag & TAG_MASK for tag in tags if tag >> TAG_BITS == self._epoch]

    # ---- called by the stream

    def begin(self) -> None:
        """A new connection: what the old one delivered comes again."""
        self._epoch += 1
        self._arrived = []

    def answer(self, answer: SubscribeOutcome) -> None:
        """The server accepted the subscription, or ended it."""
        if answer.reason:
            self.end(Refused(answer.detail))
        self._answered.set()

    def arrive(self, items: Iterable[RelayDelivery]) -> None:
        """Deliveries came."""
        if self._error is None:
            self._arrived.extend(items)
            self._wake.set()

    def lose(self) -> None:
        """The connection is gone."""
        self._arrived = []

    def end(self, error: MusterError) -> None:
        """Wake the reader with an error."""
        self._error = error
        self._answered.set()
        self._wake.set()
