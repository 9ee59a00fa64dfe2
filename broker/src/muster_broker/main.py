"""Runs a broker: joins, opens the bus, follows the fleet, routes, and stops in order."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Iterator
from typing import Any

import structlog

from muster_broker.core.conduct import Conduct
from muster_broker.core.fleet import Fleet
from muster_broker.directory import Directory
from muster_broker.joining import Membership, join
from muster_broker.loop import PartitionLoop
from muster_broker.outcomes import Publisher
from muster_broker.settings import BrokerSettings
from muster_broker.watch import Reporter, Watch
from muster_messaging.bus import Bus
from muster_messaging.relay.client import RelayBus

__all__ = ["run_broker"]

log = structlog.get_logger()


async def run_broker(settings: BrokerSettings, stop: asyncio.Event | None = None) -> None:
    """Run until `stop` is set or a signal comes; raises MusterError when the server refuses the broker."""
    stop = stop or asyncio.Event()
    with _signals(stop):
        membership = await join(settings)
        try:
            bus = await _open_bus(membership)
            try:
                await _route(settings, membership, bus, stop)
            finally:
                await bus.close()
        finally:
            await membership.channel.close()


async def _open_bus(membership: Membership) -> Bus:
    transport = membership.registration.transport
    if transport.WhichOneof("way") == "amqp":
        from muster_messaging.amqp.bus import AmqpBus  # noqa: PLC0415 - pika is loaded only where it is used

        return await AmqpBus.open(transport.amqp.url, name="muster broker")
    return await RelayBus.open(membership.channel, membership.metadata)


async def _route(settings: BrokerSettings, membership: Membership, bus: Bus, stop: asyncio.Event) -> None:
    partitions = membership.registration.partitions
    fleet = Fleet()
    conduct = Conduct(settings.agent_rate, settings.agent_burst)
    directory = Directory(membership, fleet, conduct.pardon)
    publisher = Publisher(bus, partitions)
    reporter = Reporter(membership)
    watch = Watch(conduct, partitions, reporter.tell)
    loops = [PartitionLoop(bus, partition, partitions, fleet, publisher, watch) for partition in range(partitions)]
    stopping: asyncio.Task[Any] = asyncio.create_task(stop.wait(), name="stop")
    following: list[asyncio.Task[Any]] = [
        asyncio.create_task(directory.run(), name="directory"),
        asyncio.create_task(membership.keep_fresh(), name="credentials"),
        asyncio.create_task(membership.keep_login(bus), name="login"),
        asyncio.create_task(reporter.run(), name="misconduct"),
    ]
    known: asyncio.Task[Any] = asyncio.create_task(directory.known.wait(), name="first snapshot")
    routing: list[asyncio.Task[Any]] = []
    try:
        await asyncio.wait((known, stopping, *following), return_when=asyncio.FIRST_COMPLETED)
        if known.done():
            routing = [asyncio.create_task(loop.run(), name=f"partition {n}") for n, loop in enumerate(loops)]
            log.info("routing", broker=membership.registration.broker_id, partitions=partitions, agents=len(fleet))
        await asyncio.wait((stopping, *following, *routing), return_when=asyncio.FIRST_COMPLETED)
    finally:
        # The stop order. 1. Take nothing more, finish what is in hand. 2. Then nobody publishes any more.
        for task in routing:
            task.cancel()
        await asyncio.gather(*(loop.stop() for loop in loops), return_exceptions=True)
        publisher.close()
        for task in (known, stopping, *following):
            task.cancel()
        ended: list[Any] = await asyncio.gather(*routing, *following, return_exceptions=True)
        log.info("stopped")
    for outcome in ended:
        if isinstance(outcome, Exception):
            raise outcome


@contextlib.contextmanager
def _signals(stop: asyncio.Event) -> Iterator[None]:
    """Let SIGINT and SIGTERM set `stop`; where loops take no signals, Ctrl-C ends the process as usual."""
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM) if sys.platform != "win32" else ()
    for number in numbers:
        loop.add_signal_handler(number, stop.set)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
