"""Who is measured: Muster on both queue servers, Celery with each pool, AutoGen in memory and over gRPC."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import uvloop

from benchmarks.chatter import Figures, round_trips
from benchmarks.peers.processes import PeerProcess, cpu_s
from benchmarks.stack import running_stack
from muster_cli.provision.ports import free_ports

__all__ = ["CELERY_POOLS", "Contender", "autogen_grpc", "autogen_memory", "celery", "muster"]

CELERY_POOLS = ("prefork", "threads", "solo")


@dataclass(frozen=True)
class Contender:
    """Runs, and can be measured again and again."""

    name: str
    round_trips: Callable[[int, int], Figures]
    pids: dict[str, int]
    #: How many times as much it is given to do.
    weight: int = 1

    def cpu_s(self) -> dict[str, float]:
        """Return the processor seconds that each process has used."""
        return {name: cpu_s(pid) for name, pid in self.pids.items()}


def _rabbit(folder: Path | None) -> dict[str, int]:
    """Return the pid of a private node, where it is a process that we can see."""
    found = folder / "node.pid" if folder else None
    return {"rabbitmq": int(found.read_text())} if found and found.exists() else {}


@contextlib.contextmanager
def muster(name: str, folder: Path, bus: str, rabbit: Path | None = None) -> Iterator[Contender]:
    """A whole Muster; the browsers are in this very process."""
    folder.mkdir()
    with running_stack(folder, bus) as stack:

        def measure(in_flight: int, count: int) -> Figures:
            return uvloop.run(round_trips(stack, in_flight, count))

        pids = {process: started.pid for process, started in stack.processes.items()}
        # Opening the conversations costs processor time that the peers do not have: twice the messages thin it out.
        yield Contender(name, measure, {**pids, **_rabbit(rabbit)}, weight=2)


@contextlib.contextmanager
def celery(python: Path, pool: str, folder: Path, amqp: str, rabbit: Path) -> Iterator[Contender]:
    """A worker with a queue of its own, and a client."""
    environment = {"BENCH_AMQP": amqp, "BENCH_QUEUE": f"peers.{pool}"}
    with contextlib.ExitStack() as stack:
        worker = _start(stack, PeerProcess(python, folder / f"{pool}.log", "celery_worker", pool, **environment))
        client = _start(stack, PeerProcess(python, folder / f"{pool}-client.log", "celery_client", **environment))
        pids = {"client": client.pid, "worker": worker.pid, **_rabbit(rabbit)}
        yield Contender(f"celery, {pool}", client.round_trips, pids)


@contextlib.contextmanager
def autogen_memory(python: Path, folder: Path) -> Iterator[Contender]:
    """Everything in one process."""
    with contextlib.ExitStack() as stack:
        only = _start(stack, PeerProcess(python, folder / "memory.log", "autogen_roles", "memory"))
        yield Contender("autogen, in memory", only.round_trips, {"everything": only.pid})


@contextlib.contextmanager
def autogen_grpc(python: Path, folder: Path) -> Iterator[Contender]:
    """Host, worker and client."""
    address = f"127.0.0.1:{free_ports(1)[0]}"
    with contextlib.ExitStack() as stack:
        roles = {
            role: _start(stack, PeerProcess(python, folder / f"{role}.log", "autogen_roles", role, address))
            for role in ("host", "worker", "client")
        }
        pids = {role: process.pid for role, process in roles.items()}
        yield Contender("autogen, grpc", roles["client"].round_trips, pids)


def _start(stack: contextlib.ExitStack, process: PeerProcess) -> PeerProcess:
    stack.callback(process.end)
    process.wait_until_ready()
    return process
