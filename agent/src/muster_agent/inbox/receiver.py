"""Keeps the agent attached to its queue: opens the bus, subscribes, and begins anew when either is taken away."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack

import structlog

from muster_agent.control.access import REFUSALS, Access
from muster_agent.control.backoff import Backoff
from muster_agent.inbox.desk import Desk
from muster_agent.runs.publisher import Publisher
from muster_messaging.bus import Bus, Subscription
from muster_messaging.errors import BusError, LoginRefused, Refused
from muster_shared_models.problems import MusterError

__all__ = ["OpenBus", "Receiver"]

log = structlog.get_logger()

OpenBus = Callable[[Access], AbstractAsyncContextManager[Bus]]


def _nothing() -> None:
    """Nobody wants to know."""


class Receiver:
    """One for the agent. After `run` was cancelled, `stop` takes no more deliveries and `close` gives the bus up."""

    def __init__(self, access: Access, desk: Desk, publisher: Publisher, prefetch: int, open_bus: OpenBus) -> None:
        self._access = access
        self._desk = desk
        self._publisher = publisher
        self._prefetch = prefetch
        self._open_bus = open_bus
        self._bus: Bus | None = None
        self._opened = AsyncExitStack()
        self._subscription: Subscription | None = None
        #: Called when `attached` has changed.
        self.changed: Callable[[], None] = _nothing

    @property
    def attached(self) -> bool:
        """Whether deliveries reach us; may be asked by another thread."""
        bus = self._bus
        return self._subscription is not None and bus is not None and bus.connected

    async def run(self) -> None:
        """Receive for ever; raises MusterError when the server will not have us back."""
        backoff = Backoff()
        while True:
            generation = self._access.generation
            way = self._access.registration.way
            try:
                await self._attach()
                backoff.reset()
                await self._receive(way)
                log.info("the way to the queue server has changed")
            except MusterError as error:
                log.warning("not attached to the queue", why=error.detail)
                await self._let_go()
                if isinstance(error, Refused | LoginRefused) or error.reason in REFUSALS:
                    await self._access.refused(generation)
                await self._access.pause(backoff.next())
            else:
                await self._let_go()

    async def stop(self) -> None:
        """Take nothing more; what is in hand can still be answered and acknowledged."""
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            self.changed()
            try:
                await subscription.cancel()
            except BusError as error:
                log.debug("the subscription was gone already", why=error.detail)

    async def close(self) -> None:
        """Send the last acknowledgements and disconnect."""
        self._bus = None
        await self._opened.aclose()

    async def _attach(self) -> None:
        self._bus = await self._opened.enter_async_context(self._open_bus(self._access))
        self._publisher.attach(self._bus)
        self._subscription = await self._bus.subscribe(self._access.registration.queue, self._prefetch)
        log.info("attached", queue=self._access.registration.queue)
        self.changed()

    async def _let_go(self) -> None:
        self._publisher.detach()
        await self.stop()
        await self.close()

    async def _receive(self, way: tuple[str, str]) -> None:
        """Return when the server has told us another way to the queue server; raises LoginRefused."""
        assert self._subscription is not None
        assert self._bus is not None
        receiving = asyncio.create_task(self._take_batches(self._subscription))
        moving = asyncio.create_task(self._access.moved_from(way))
        refused = asyncio.create_task(self._bus.wait_refused())
        tasks: tuple[asyncio.Task[None], ...] = (receiving, moving, refused)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if not receiving.cancelled():
            receiving.result()
        if not refused.cancelled():
            raise LoginRefused("The queue server does not let us in any more.")

    async def _take_batches(self, subscription: Subscription) -> None:
        while True:
            self._desk.take(subscription, await subscription.next_batch())
