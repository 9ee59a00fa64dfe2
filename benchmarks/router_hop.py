"""One hop of the broker: from its input queues to the queues of agents, beside bare pika and RabbitMQ's own shovel.

python -m benchmarks.router_hop [--rounds 5] [--agents 10,1000,10000] [--json FILE]

Four input queues are filled with messages for ten agents, a thousand for each; then a router starts. What arrives is
counted every twentieth of a second, and the rate is that between the first and the last tenth of it. All queues are
durable quorum queues with the broker's arguments; every copy is confirmed before its original is acknowledged. With
10,000 agents the broker knows 9,990 more, and what it routes is the same.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import uvloop

from benchmarks.raw_loop import Peer
from muster_broker.core.conduct import Conduct
from muster_broker.core.fleet import Fleet, Known
from muster_broker.loop import PartitionLoop
from muster_broker.outcomes import Publisher
from muster_broker.watch import Watch
from muster_cli.looping import run_loop
from muster_cli.provision.queue_server import private_rabbitmq
from muster_cli.provision.rabbitmq import RabbitNode
from muster_messaging.amqp.bus import AmqpBus
from muster_messaging.message import Message
from muster_messaging.topology import (
    DEFAULT_PARTITIONS,
    TO_AGENT,
    TO_BROKER,
    Topology,
    agent_queue,
    agent_topology,
    base_topology,
    broker_input,
    partition_key,
    partition_of,
)

TARGETS = 10
IDS = [f"agt_{number:026}" for number in range(TARGETS)]
BODY = b"x" * 300
POLL_S = 0.05
DEADLINE_S = 180
PREFETCH = 250
#: As many as the queues of the agents take.
MESSAGES = 10_000
#: Where the shovel puts what it moves: it cannot look for whom a message is.
SHOVELLED = [f"hop_shovel_{partition}" for partition in range(DEFAULT_PARTITIONS)]


async def _fill(bus: AmqpBus) -> None:
    """Publish to the input queues, for each target the same number."""
    window: set[asyncio.Future[None]] = set()
    for number in range(MESSAGES):
        conversation = f"cnv_{number % 997}"
        message = Message(
            id=f"msg_{number}", type="chat.message", body=BODY, to=f"agent:{IDS[number % TARGETS]}",
            conversation=conversation, run=f"run_{number}", seq=number,
        )  # fmt: skip
        window.add(bus.publish(TO_BROKER, partition_key(partition_of(conversation, DEFAULT_PARTITIONS)), message))
        if len(window) == 500:
            await asyncio.gather(*window)
            window.clear()
    await asyncio.gather(*window)


async def _counted(bus: AmqpBus, queues: Sequence[str]) -> float:
    """Return the messages a second that arrive in these queues, when all are there."""
    samples = [(time.monotonic(), 0)]
    async with asyncio.timeout(DEADLINE_S):
        while samples[-1][1] < MESSAGES:
            await asyncio.sleep(POLL_S)
            infos = await asyncio.gather(*map(bus.queue_info, queues))
            samples.append((time.monotonic(), sum(info.ready for info in infos if info)))
    steady = [(at, count) for at, count in samples if MESSAGES * 0.1 <= count <= MESSAGES * 0.9]
    if len(steady) < 2:
        raise SystemExit(f"{MESSAGES} messages are too few to measure.")
    return (steady[-1][1] - steady[0][1]) / (steady[-1][0] - steady[0][0])


async def _broker(url: str, agents: int) -> None:
    bus = await AmqpBus.open(url, name="benchmark")
    fleet = Fleet()
    others = [f"agt_other_{number}" for number in range(agents - TARGETS)]
    fleet.reset(
        Known(agent, f"worker-{number}", attached=True) for number, agent in enumerate([*IDS[:agents], *others])
    )
    for agent in IDS:
        if not fleet.find(agent):
            fleet.put(Known(agent, agent, attached=True))
    publisher = Publisher(bus, DEFAULT_PARTITIONS)
    # As in a broker of its own: it watches every sender; the one here is the server, which is never a flood.
    watch = Watch(Conduct(500, 1000), DEFAULT_PARTITIONS, lambda _report: None)
    loops = [PartitionLoop(bus, n, DEFAULT_PARTITIONS, fleet, publisher, watch) for n in range(DEFAULT_PARTITIONS)]
    await asyncio.gather(*(loop.run() for loop in loops))


async def _raw(url: str) -> None:
    """As little as a router can do: four queues in, confirm, acknowledge in batches."""
    channels = []
    for partition in range(DEFAULT_PARTITIONS):
        peer = Peer(url)
        await peer.open()

        def routed(_channel: Any, method: Any, properties: Any, body: bytes, peer: Peer = peer) -> None:
            target = properties.headers["to"].partition(":")[2]
            peer.forward(TO_AGENT, target, body, properties, method.delivery_tag)

        await peer.consume(broker_input(partition), routed, PREFETCH)
        channels.append(peer)
    await asyncio.Event().wait()


def _in_process(url: str, agents: int) -> None:
    run_loop(_broker(url, agents) if agents else _raw(url))  # both with the settings of `muster broker`


def _route_with(url: str, agents: int) -> Callable[[], None]:
    """Start a router process (agents 0: the raw one); return how to end it."""
    process = multiprocessing.get_context("spawn").Process(target=_in_process, args=(url, agents), daemon=True)
    process.start()

    def end() -> None:
        process.terminate()
        process.join()

    return end


def _shovel(node: RabbitNode) -> Callable[[], None]:
    """Let RabbitMQ move the messages itself, each input queue to another one."""
    parts = urlsplit(node.management_url)
    api = httpx2.Client(base_url=f"http://{parts.hostname}:{parts.port}/api/", trust_env=False,
                        auth=(parts.username or "", parts.password or ""))  # fmt: skip
    names = [f"hop-{partition}" for partition in range(DEFAULT_PARTITIONS)]
    for partition, name in enumerate(names):
        value = {
            "src-protocol": "amqp091", "src-uri": "amqp://", "src-queue": broker_input(partition),
            "src-prefetch-count": PREFETCH, "dest-protocol": "amqp091", "dest-uri": "amqp://",
            "dest-queue": SHOVELLED[partition], "ack-mode": "on-confirm",
        }  # fmt: skip
        api.put(f"parameters/shovel/%2F/{name}", json={"value": value}).raise_for_status()

    def end() -> None:
        for name in names:
            api.delete(f"parameters/shovel/%2F/{name}")
        api.close()

    return end


async def _once(node: RabbitNode, start: Callable[[], Callable[[], None]], queues: Sequence[str]) -> float:
    bus = await AmqpBus.open(node.amqp_url, name="benchmark")
    try:
        await bus.declare(base_topology(DEFAULT_PARTITIONS))
        for queue in (*map(agent_queue, IDS), *SHOVELLED):
            await bus.delete_queue(queue)
        for agent in IDS:
            await bus.declare(agent_topology(agent))
        like = agent_topology(IDS[0]).queues[0]
        moved = tuple(like._replace(name=name, max_length=MESSAGES) for name in SHOVELLED)
        await bus.declare(Topology((), moved, ()))
        await _fill(bus)
        end = await asyncio.to_thread(start)
        try:
            return await _counted(bus, queues)
        finally:
            await asyncio.to_thread(end)
    finally:
        await bus.close()


def main() -> None:
    """Measure in turns and print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--agents", default="10,1000,10000")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    tables = [int(number) for number in options.agents.split(",")]
    rates: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="muster-bench-") as folder:
        node = private_rabbitmq(Path(folder), lambda said: print(said, file=sys.stderr))
        if not isinstance(node, RabbitNode):
            raise SystemExit("This needs an installed rabbitmq-server.")
        node.plugins = ("rabbitmq_shovel", "rabbitmq_shovel_management")
        node.start()
        try:
            for _ in range(options.rounds):
                ways = {"raw pika": partial(_route_with, node.amqp_url, 0), "shovel": partial(_shovel, node)}
                for agents in tables:
                    ways[f"broker, {agents:,} agents"] = partial(_route_with, node.amqp_url, agents)
                for name, start in ways.items():
                    queues = SHOVELLED if name == "shovel" else [agent_queue(agent) for agent in IDS]
                    rates.setdefault(name, []).append(round(uvloop.run(_once(node, start, queues))))
                    print(name, rates[name][-1], file=sys.stderr)
        finally:
            node.stop()
    median = {name: statistics.median(each) for name, each in rates.items()}
    report = {
        "python": platform.python_version(), "processors": os.cpu_count(),
        "per_second": median, "of_raw": {name: round(rate / median["raw pika"], 2) for name, rate in median.items()},
        "rounds": rates,
    }  # fmt: skip
    print(json.dumps(report))
    if options.json:
        options.json.write_text(json.dumps(report))


if __name__ == "__main__":
    main()
