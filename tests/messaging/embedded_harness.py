"""The embedded queue server, with clients in the same process."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from muster_messaging.bus import Bus
from muster_messaging.embedded.bus import EmbeddedBus
from muster_messaging.embedded.server import EmbeddedQueueServer
from muster_messaging.errors import Disconnected, Unconfirmed
from muster_messaging.topology import Binding, Exchange, Topology

__all__ = ["CrashingServer", "EmbeddedHarness", "open_harness"]


class CrashingServer:
    """A queue server whose disk survives it: what a kill -9 leaves is a copy of its files as they are now."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lives = 0
        self._given_up: list[EmbeddedQueueServer] = []
        self.server = EmbeddedQueueServer(self._journal)

    @property
    def _journal(self) -> Path:
        return self._folder / f"queues-{self._lives}.db"

    def crash(self) -> None:
        """Begin anew on what is on disk. What the old life had not confirmed, it never will."""
        old, journal = self.server, self.server._journal
        old.closed = True
        for work in filter(None, (journal._work, journal._writing)):
            for _, done in work.inserts:
                if done and not done.done():
                    done.set_exception(Unconfirmed("killed"))
        for subscription in old._subscriptions.values():
            subscription.end(Disconnected("killed"))
        self._given_up.append(old)
        before = self._journal
        self._lives += 1
        for suffix in ("", "-wal"):
            if Path(f"{before}{suffix}").exists():
                shutil.copy(f"{before}{suffix}", f"{self._journal}{suffix}")
        self.server = EmbeddedQueueServer(self._journal)
        # As Muster's server does at each start, before anybody can reach the queues.
        self.server.declare(_declared(old))

    async def close(self) -> None:
        for server in (*self._given_up, self.server):
            await server.close()


def _declared(server: EmbeddedQueueServer) -> Topology:
    routes = server._core.routes
    return Topology(
        tuple(Exchange(name, kind) for name, kind in routes._exchanges.items()),
        tuple(state.spec for state in routes.queues.values()),
        tuple(
            Binding(exchange, key, queue) for (exchange, key), queues in routes._bindings.items() for queue in queues
        ),
    )


class EmbeddedHarness:
    """Fulfils Harness."""

    can_sever = False
    can_restart = True
    verified_sender = ""

    def __init__(self, folder: Path) -> None:
        self._crashing = CrashingServer(folder)
        self._buses: list[EmbeddedBus] = []
        self.admin = EmbeddedBus(self._crashing.server, "")

    async def connect(self) -> EmbeddedBus:
        bus = EmbeddedBus(self._crashing.server, "")
        self._buses.append(bus)
        return bus

    async def sever(self, bus: Bus) -> None:
        raise AssertionError("there is no connection")

    async def restart(self) -> None:
        self._crashing.crash()
        self.admin = EmbeddedBus(self._crashing.server, "")

    async def close(self) -> None:
        for bus in self._buses:
            await bus.close()
        await self._crashing.close()


@asynccontextmanager
async def open_harness(request: pytest.FixtureRequest) -> AsyncIterator[EmbeddedHarness]:
    harness = EmbeddedHarness(request.getfixturevalue("tmp_path"))
    try:
        yield harness
    finally:
        await harness.close()
