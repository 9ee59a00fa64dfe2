"""A fleet whose every link goes through a fault proxy of its own.

    browser-server   agent-server   broker-server   and on RabbitMQ   server-queues   broker-queues   agent-queues

All processes learn one address of the queue server, from the server; so there is one port in front of it, and whose
connection it is says the process at its other end. The proxies live in a thread: nobody waits for them, and they for
nobody.
"""

import asyncio
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psutil

from tests.chaos.faultproxy import FaultProxy
from tests.chaos.fleet import IMPORTS, PARROT, ChaosFleet, ChaosProcess

__all__ = ["LinkedFleet", "running_links"]

CALL_TIMEOUT_S = 10.0


class LinkedFleet(ChaosFleet):
    """As `ChaosFleet`. `links` are the proxies by name, `ports` where they listen."""

    def __init__(self, folder: Path, bus: str, ledger: Path, *, seed: int = 0, brokers: int = 2) -> None:
        self.links: dict[str, FaultProxy] = {}
        self.ports: dict[str, int] = {}
        self._rng = random.Random(seed)
        self._loop = asyncio.new_event_loop()
        self._servers: list[asyncio.Server] = []
        self._thread = threading.Thread(target=self._carry, name="fault proxies", daemon=True)
        self._thread.start()
        if bus != "embedded":
            bus = self._before_queues(bus)
        super().__init__(folder, bus, ledger, brokers=brokers)
        self._lay("browser-server", self._http_port)
        for link in ("agent-server", "broker-server"):
            self._lay(link, self._grpc_port)

    def tell(self, act: Callable[..., Any], *arguments: Any) -> Any:
        """Call a proxy's method where proxies live, and return what it returns."""

        async def call() -> Any:
            return act(*arguments)

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(CALL_TIMEOUT_S)

    def add_parrot(self, name: str = "parrot") -> ChaosProcess:
        """Start the bench's agent at the end of its links; returns when it takes messages."""
        process = self.add(
            name, script=PARROT, CHAOS_LEDGER=str(self.ledger), PYTHONPATH=IMPORTS,
            MUSTER_SERVER=f"127.0.0.1:{self.ports['agent-server']}",
        )  # fmt: skip
        assert isinstance(process, ChaosProcess)
        return process

    def stop(self) -> None:
        """Stop all; the links last."""
        super().stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(2 * CALL_TIMEOUT_S)

    def _carry(self) -> None:
        self._loop.run_forever()
        self._loop.run_until_complete(self._take_up())
        self._loop.close()

    async def _take_up(self) -> None:
        for server in self._servers:
            server.close()
        for link in self.links.values():
            link.heal()
            link.reset_peer()
        # Not cancelled: the tasks of a server's connections report that as an error. Both their ends are gone.
        carrying = asyncio.all_tasks() - {asyncio.current_task()}
        if carrying:
            await asyncio.wait(carrying, timeout=CALL_TIMEOUT_S)

    def _process(self, name: str, arguments: list[str], environment: dict[str, str]) -> ChaosProcess:
        if name.startswith("broker-"):
            environment = {**environment, "MUSTER_SERVER": f"127.0.0.1:{self.ports['broker-server']}"}
        return super()._process(name, arguments, environment)

    def _before_queues(self, bus: str) -> str:
        """Return the address of a port in front of the queue server at `bus`."""
        parts = urlsplit(bus)
        for who in ("server", "broker", "agent", "bench"):
            self._make(f"{who}-queues", parts.port or 5672)

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            who = self._whose(writer.get_extra_info("peername")[1])
            await self.links[f"{who}-queues"].serve(reader, writer)

        port = self._listen(serve)
        login = parts.netloc.rpartition("@")[0]
        return urlunsplit(parts._replace(netloc=f"{login}@127.0.0.1:{port}"))

    def _lay(self, name: str, target: int) -> None:
        self.ports[name] = self._listen(self._make(name, target).serve)

    def _make(self, name: str, target: int) -> FaultProxy:
        link: FaultProxy = self.tell(partial(FaultProxy, target, random.Random(self._rng.random())))
        self.links[name] = link
        return link

    def _listen(self, serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]) -> int:
        listening = asyncio.start_server(serve, "127.0.0.1", 0)
        server = asyncio.run_coroutine_threadsafe(listening, self._loop).result(CALL_TIMEOUT_S)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    def _whose(self, port: int) -> str:
        for name, process in list(self.processes.items()):
            if process.is_running and port in _ports_of(process.pid):
                return {"server": "server", "parrot": "agent"}.get(name, "broker")
        return "bench"


def _ports_of(pid: int) -> Iterator[int]:
    try:
        for connection in psutil.Process(pid).net_connections("tcp4"):
            yield connection.laddr.port
    except psutil.NoSuchProcess:
        return


@contextmanager
def running_links(folder: Path, bus: str, *, seed: int = 0, brokers: int = 2) -> Iterator[LinkedFleet]:
    """Run a fleet with its links until the block ends; the bench's agent is there."""
    fleet = LinkedFleet(folder, bus, folder / "ledger.jsonl", seed=seed, brokers=brokers)
    try:
        fleet.start()
        fleet.add_parrot()
        yield fleet
    finally:
        fleet.stop()
