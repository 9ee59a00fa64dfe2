"""A routing broker over a real embedded queue server, on a bus whose confirms a test can hold back or refuse."""

import asyncio
from asyncio import Future
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from muster_broker.core.conduct import Conduct, Report
from muster_broker.core.fleet import Fleet
from muster_broker.loop import PartitionLoop
from muster_broker.outcomes import Publisher
from muster_broker.watch import Watch
from muster_messaging.bus import Subscription
from muster_messaging.embedded.bus import EmbeddedBus
from muster_messaging.errors import BusError
from muster_messaging.message import Delivery, Message
from muster_messaging.topology import (
    PARKING_QUEUE,
    SERVER_INPUT,
    TO_BROKER,
    agent_queue,
    agent_topology,
    base_topology,
    partition_key,
    partition_of,
)
from muster_shared_models.bodies import NOTICE, NoticeBody
from tests.broker.fleets import fleet_of, message_to
from tests.messaging.embedded_harness import CrashingServer
from tests.messaging.transcript import eventually, take

__all__ = ["Bench", "FaultyBus", "bench", "notices"]

PARTITIONS = 4
#: Seconds that a copy is tried in place here.
PATIENCE_S = 0.1
#: What an agent may send unasked.
RATE, BURST = 0.001, 50


class FaultyBus(EmbeddedBus):
    """An embedded bus with faults: `refuse` says what a publish fails with, `hold` keeps confirms to itself."""

    refuse: Callable[[str, str, Message], BusError | None] = staticmethod(lambda *_: None)
    hold = False

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.held: list[tuple[Future[None], Future[None]]] = []

    def publish(self, exchange: str, key: str, message: Message) -> "Future[None]":
        error = self.refuse(exchange, key, message)
        seen: Future[None] = asyncio.get_running_loop().create_future()
        if error:
            seen.set_exception(error)
            return seen
        # As the relay and RabbitMQ do: whatever a broker passes on is the broker's.
        done = super().publish(exchange, key, message._replace(sender=""))
        if not self.hold:
            return done
        self.held.append((done, seen))
        return seen

    def release(self) -> None:
        """Let through what was held back."""
        self.hold = False
        for done, seen in self.held:
            if not seen.done():
                done.add_done_callback(lambda _, seen=seen: seen.done() or seen.set_result(None))
        self.held.clear()


class Routing:
    """One broker's loops."""

    def __init__(self, bus: FaultyBus, fleet: Fleet) -> None:
        self.bus = bus
        self.publisher = Publisher(bus, PARTITIONS, patience_s=PATIENCE_S)
        self.reports: list[Report] = []
        watch = Watch(Conduct(RATE, BURST), PARTITIONS, self.reports.append)
        self.loops = [PartitionLoop(bus, n, PARTITIONS, fleet, self.publisher, watch) for n in range(PARTITIONS)]
        self.tasks = [asyncio.create_task(loop.run()) for loop in self.loops]

    async def stop(self) -> None:
        """As `main.py` does."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*(loop.stop() for loop in self.loops))
        self.publisher.close()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def kill(self) -> None:
        """End at once: nothing is finished, nothing is acknowledged any more."""
        for task in self.tasks:
            task.cancel()
        for loop in self.loops:
            loop._stopping = True
        await self.bus.close()
        self.publisher.close()
        await asyncio.gather(*self.tasks, return_exceptions=True)


class Bench:
    """Queues of a server and of some agents, and brokers that route between them."""

    def __init__(self, folder: Path, agents: Iterable[Any]) -> None:
        agents = list(agents)
        self._crashing = CrashingServer(folder)
        self.fleet = fleet_of(*agents)
        self._crashing.server.declare(base_topology(PARTITIONS))
        for agent in agents:
            self._crashing.server.declare(agent_topology(agent.id))
        self.outside = EmbeddedBus(self._crashing.server, "server")
        self.routings: list[Routing] = []
        self._readers: dict[str, Subscription] = {}

    def start(self) -> Routing:
        """Start a further broker."""
        routing = Routing(FaultyBus(self._crashing.server, "brk_1"), self.fleet)
        self.routings.append(routing)
        return routing

    async def crash(self) -> None:
        """Kill the queue server with everything on it; it comes back with what is on its disk."""
        self._crashing.crash()
        for routing in self.routings:
            await routing.kill()
        self.routings.clear()
        self._readers.clear()
        self.outside = EmbeddedBus(self._crashing.server, "server")

    async def send(self, to: str, *, key: str = "", **fields: Any) -> Message:
        """Publish a message to the broker."""
        message = message_to(to, **fields)
        await self.outside.publish(TO_BROKER, key or key_of(message), message)
        return message

    async def receive(self, queue: str, count: int = 1) -> list[Delivery]:
        """Return the next deliveries of a queue, acknowledged."""
        if queue not in self._readers:
            self._readers[queue] = await self.outside.subscribe(queue, 1000)
        return await take(self._readers[queue], count, ack=True)

    async def at_agent(self, agent_id: str, count: int = 1) -> list[Message]:
        return [each.message for each in await self.receive(agent_queue(agent_id), count)]

    async def at_server(self, count: int = 1) -> list[Message]:
        return [each.message for each in await self.receive(SERVER_INPUT, count)]

    async def parked(self, count: int = 1) -> list[Message]:
        return [each.message for each in await self.receive(PARKING_QUEUE, count)]

    async def count(self, queue: str) -> int:
        """How many messages a queue holds, delivered ones included."""
        info = await self.outside.queue_info(queue)
        assert info is not None
        return info.ready + info.unacked

    async def empty(self, *names: str) -> None:
        """Return when nothing is left in these queues."""
        await eventually(lambda: self._is_empty(names), f"empty: {names}")

    async def _is_empty(self, names: Iterable[str]) -> bool:
        return not any([await self.count(name) for name in names])

    async def close(self) -> None:
        for routing in self.routings:
            await routing.stop()
            await routing.bus.close()
        await self.outside.close()
        await self._crashing.close()


def key_of(message: Message) -> str:
    return partition_key(partition_of(message.conversation, PARTITIONS))


def notices(messages: Iterable[Message]) -> list[NoticeBody]:
    """What these messages say; all of them are notices."""
    return [NOTICE.validate_json(message.body) for message in messages]


def by_conversation(messages: Iterable[Message]) -> dict[str, list[str]]:
    """Conversation to the ids of its messages, as a receiver that drops doubles sees them."""
    seen: dict[str, dict[str, None]] = defaultdict(dict)
    for message in messages:
        seen[message.conversation][message.id] = None
    return {conversation: list(found) for conversation, found in seen.items()}


@asynccontextmanager
async def bench(folder: Path, *agents: Any) -> AsyncIterator[Bench]:
    opened = Bench(folder, agents)
    try:
        yield opened
    finally:
        await opened.close()
