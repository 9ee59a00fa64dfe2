"""R4: nothing is answered before it is on disk. A kill cannot show that, since what was written outlives the process.

    python -m tests.chaos.durability_trace [--messages 1000] [--only http,relay,rabbitmq]

Messages are sent one after another, each with a marker in it, while strace watches the process that answers. For each
there must be a write of the marker to the log file, then an fdatasync of that file that begins after the write and ends
before the answer has come:

    http       POST /api/v1/messages -> 202       the server, muster.db-wal
    relay      publish over gRPC -> confirm       the embedded queue server, queues.db-wal
    rabbitmq   publish over AMQP -> confirm       RabbitMQ's Erlang machine, its quorum queues' *.wal

Times of the sender and of strace are of the same clock of the same machine. Needs strace (Debian: strace) and Linux.
"""

import argparse
import asyncio
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from muster_cli.provision.queue_server import private_rabbitmq
from muster_cli.provision.rabbitmq import RabbitNode
from muster_messaging.amqp.bus import AmqpBus
from muster_messaging.bus import Bus
from muster_messaging.message import Message
from muster_messaging.topology import TO_BROKER, base_topology, partition_key
from muster_shared_models.conversations import SendMessage
from tests.chaos.fleet import ChaosFleet
from tests.e2e.waiting import until
from tests.server.puppet import puppet

__all__ = ["Call", "Sample", "answered_early", "read_trace"]

WRITES, SYNCS = ("write", "writev", "pwrite64", "pwritev"), ("fdatasync", "fsync")
WATCHED = f"trace={','.join((*WRITES, *SYNCS))}"
STRACE = ["strace", "-f", "-ttt", "-T", "-y", "-s", "70000", "-e", WATCHED, "-e", "signal=none"]
BEGUN = re.compile(r"^(\d+) +(\d+\.\d+) (\w+)\(\d+<([^>]*)>(.*)$")
RESUMED = re.compile(r"^(\d+) +(\d+\.\d+) <\.\.\. (\w+) resumed>(.*)$")


class Call(NamedTuple):
    """A system call on a file, with the times of its begin and its end."""

    began: float
    ended: float
    name: str
    path: str
    text: str


class Sample(NamedTuple):
    """A message, when it was sent and when it was answered."""

    marker: str
    sent: float
    answered: float


def read_trace(lines: Iterable[str]) -> list[Call]:
    """Return the finished calls of a trace by `STRACE`, in which calls of several threads lie across each other."""
    calls: list[Call] = []
    open_calls: dict[str, Call] = {}
    for line in lines:
        if begun := BEGUN.match(line):
            thread, at, name, path, text = begun.groups()
            call = Call(float(at), float(at), name, path, text)
            if text.endswith("<unfinished ...>"):
                open_calls[thread] = call
            else:
                calls.append(call._replace(ended=float(at) + _duration(text)))
        elif (resumed := RESUMED.match(line)) and resumed[1] in open_calls:
            calls.append(open_calls.pop(resumed[1])._replace(ended=float(resumed[2])))
    return calls


def _duration(text: str) -> float:
    found = re.search(r"<(\d+\.\d+)>$", text)
    return float(found[1]) if found else 0.0


def answered_early(calls: list[Call], samples: list[Sample], log: str) -> list[str]:
    """Return what is wrong with each sample that was answered before it was on disk in a file named like `log`."""
    syncs = [call for call in calls if call.name in SYNCS and call.path.endswith(log)]
    writes = [call for call in calls if call.name in WRITES and call.path.endswith(log)]
    wrong = []
    for marker, sent, answered in samples:
        written = [call for call in writes if sent <= call.began <= answered and marker in call.text]
        if not written:
            wrong.append(f"{marker}: not written to {log} before its answer")
        elif not any(
            sync.path == call.path and call.ended <= sync.began and sync.ended <= answered
            for call in written for sync in syncs
        ):  # fmt: skip
            wrong.append(f"{marker}: written, and answered before an fdatasync had ended")
    return wrong


async def _sample(count: int, send: Callable[[str], Awaitable[None]]) -> list[Sample]:
    samples = []
    for number in range(count):
        marker = f"durable-{number:05}-{time.time_ns()}"
        sent = time.time()
        await send(marker)
        samples.append(Sample(marker, sent, time.time()))
    return samples


@contextmanager
def _traced_fleet(folder: Path, trace: Path) -> Iterator[ChaosFleet]:
    fleet = ChaosFleet(folder, "embedded", folder / "ledger.jsonl", brokers=0)
    # -D: the server stays our own child, and strace goes when it goes.
    fleet.server._command = [*STRACE, "-D", "-o", str(trace), *fleet.server._command]
    try:
        fleet.start()
        fleet.add_parrot()
        yield fleet
    finally:
        fleet.stop()


def _http(folder: Path, count: int) -> list[str]:
    trace = folder / "trace"
    with _traced_fleet(folder, trace) as fleet, fleet.api() as api:

        async def send(marker: str) -> None:
            api.post("/api/v1/messages", SendMessage(text=marker, to="agent:parrot"))

        samples = asyncio.run(_sample(count, send))
    return _judge(trace, samples, "muster.db-wal")


def _publish(bus: Bus) -> Callable[[str], Awaitable[None]]:
    async def send(marker: str) -> None:
        await bus.publish(TO_BROKER, partition_key(0), Message(f"msg_{marker}", "note", marker.encode(), to="server"))

    return send


def _relay(folder: Path, count: int) -> list[str]:
    trace = folder / "trace"

    async def talk(fleet: ChaosFleet) -> list[Sample]:
        token = await asyncio.to_thread(fleet.join_token, "agent")
        async with puppet(fleet.grpc_address, token, folder, "sender") as agent:
            bus = await agent.bus()
            try:
                return await _sample(count, _publish(bus))
            finally:
                await bus.close()

    with _traced_fleet(folder, trace) as fleet:
        samples = asyncio.run(talk(fleet))
    return _judge(trace, samples, "queues.db-wal")


def _rabbitmq(folder: Path, count: int) -> list[str]:
    trace = folder / "trace"
    node = private_rabbitmq(folder / "rabbitmq", lambda said: print(said, file=sys.stderr))
    assert isinstance(node, RabbitNode), "strace must see the process: a container hides it"
    node.start()

    async def talk() -> list[Sample]:
        bus = await AmqpBus.open(node.amqp_url)
        try:
            await bus.declare(base_topology(4))
            return await _sample(count, _publish(bus))
        finally:
            await bus.close()

    try:
        pid = (node.folder / "node.pid").read_text().strip()
        watching = subprocess.Popen([*STRACE, "-o", str(trace), "-p", pid], stderr=(folder / "strace.log").open("w"))
        try:
            until(lambda: "attached" in (folder / "strace.log").read_text(), 20, "strace is attached")
            samples = asyncio.run(talk())
        finally:
            watching.terminate()
            watching.wait(20)
    finally:
        node.kill()
    return _judge(trace, samples, ".wal")


def _judge(trace: Path, samples: list[Sample], log: str) -> list[str]:
    with trace.open(errors="replace") as lines:
        return answered_early(read_trace(lines), samples, log)


WAYS = {"http": _http, "relay": _relay, "rabbitmq": _rabbitmq}


def main() -> int:
    """Trace each way; print a JSON line for each; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=1000)
    parser.add_argument("--only", default=",".join(WAYS))
    options = parser.parse_args()
    failed = False
    for name in options.only.split(","):
        with tempfile.TemporaryDirectory(prefix="muster-trace-") as folder:
            wrong = WAYS[name](Path(folder), options.messages)
        failed = failed or bool(wrong)
        print(json.dumps({
            "bar": "R4", "way": name, "passed": not wrong, "messages": options.messages, "early": len(wrong),
            "problems": wrong[:5],
        }), flush=True)  # fmt: skip
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
