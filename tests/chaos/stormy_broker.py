"""R8's broker: a real one whose publishes are doubled, swapped and delayed on their way to agents and server.

Of a message that could have gone to several agents the double goes to another one, as if the next broker had decided.

For that it says "confirmed" of what it still holds in its hands; it is never killed. Run as a program: CHAOS_SEED.
"""

import asyncio
import os
import random
from asyncio import Future

from muster_broker import main
from muster_broker.joining import Membership
from muster_broker.settings import BrokerSettings
from muster_messaging.bus import Bus, Subscription
from muster_messaging.message import Message
from muster_messaging.topology import TO_AGENT, TO_SERVER

__all__ = ["StormyBus"]

DOUBLED, SWAPPED, DELAYED = 0.10, 0.10, 0.05
CHOICE_DOUBLED = 0.5
DOUBLE_WITHIN_S, DELAY_S = 1.0, float(os.environ.get("CHAOS_DELAY_S", "2"))
#: A message that waits to be swapped goes alone when nothing follows.
ALONE_S = 0.3


class StormyBus:
    """Fulfils `Bus` by another one, badly."""

    def __init__(self, bus: Bus, rng: random.Random) -> None:
        self._bus = bus
        self._rng = rng
        self._loop = asyncio.get_running_loop()
        self._held: dict[tuple[str, str], Message] = {}
        #: Agents that got something so far.
        self._agents: set[str] = set()

    def publish(self, exchange: str, key: str, message: Message) -> "Future[None]":
        """Publish, or do something like it."""
        if exchange not in (TO_AGENT, TO_SERVER):
            return self._bus.publish(exchange, key, message)
        if exchange == TO_AGENT:
            self._agents.add(key)
        chance = self._rng.random()
        before = self._held.pop((exchange, key), None)
        if before is None and chance < SWAPPED:
            self._held[exchange, key] = message
            self._loop.call_later(ALONE_S, self._alone, exchange, key, message)
            return self._said()
        if SWAPPED <= chance < SWAPPED + DELAYED:
            self._loop.call_later(self._rng.uniform(0, DELAY_S), self._late, exchange, key, message)
            done = self._said()
        else:
            done = self._bus.publish(exchange, key, message)
        if chance > 1 - (CHOICE_DOUBLED if message.claim else DOUBLED):
            self._late(exchange, key, message)
            elsewhere = self._another(key, message)
            self._loop.call_later(self._rng.uniform(0, DOUBLE_WITHIN_S), self._late, exchange, elsewhere, message)
        if before is not None:
            self._late(exchange, key, before)
        return done

    async def subscribe(self, queue: str, prefetch: int) -> Subscription:
        """Receive as others do."""
        return await self._bus.subscribe(queue, prefetch)

    @property
    def connected(self) -> bool:
        """As the bus beneath."""
        return self._bus.connected

    async def wait_connected(self) -> None:
        """As the bus beneath."""
        await self._bus.wait_connected()

    async def wait_refused(self) -> None:
        """As the bus beneath."""
        await self._bus.wait_refused()

    async def close(self) -> None:
        """As the bus beneath."""
        await self._bus.close()

    def _another(self, key: str, message: Message) -> str:
        others = sorted(self._agents - {key})
        return self._rng.choice(others) if message.claim and others else key

    def _said(self) -> "Future[None]":
        done: Future[None] = self._loop.create_future()
        self._loop.call_soon(done.set_result, None)
        return done

    def _alone(self, exchange: str, key: str, message: Message) -> None:
        if self._held.get((exchange, key)) is message:
            del self._held[exchange, key]
            self._late(exchange, key, message)

    def _late(self, exchange: str, key: str, message: Message) -> None:
        # A failure here would be the bench's own fault: it is raised, and the run that it belongs to never ends.
        self._bus.publish(exchange, key, message).add_done_callback(Future.result)


def run() -> None:
    """Be a broker."""
    calm = main._open_bus
    rng = random.Random(int(os.environ["CHAOS_SEED"]))

    async def stormy(membership: Membership) -> Bus:
        return StormyBus(await calm(membership), rng)

    main._open_bus = stormy
    asyncio.run(main.run_broker(BrokerSettings()))


if __name__ == "__main__":
    run()
