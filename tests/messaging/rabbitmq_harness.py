"""The bus over RabbitMQ, each client on a cable of its own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

import pytest

from muster_messaging.amqp.bus import AmqpBus
from muster_messaging.bus import Bus
from tests.messaging.cable import Cable
from tests.provision.rabbitmq import TestRabbit

__all__ = ["RabbitHarness", "open_harness"]


class RabbitHarness:
    """A vhost of the session's node. Fulfils Harness."""

    can_sever = True

    def __init__(self, rabbit: TestRabbit, url: str) -> None:
        self._rabbit = rabbit
        self._url = urlsplit(url)
        self.cables: dict[Bus, Cable] = {}
        self.verified_sender = self._url.username or "guest"
        self.can_restart = rabbit.node is not None

    async def start(self) -> None:
        self.admin = await self.connect()

    @property
    def vhost(self) -> str:
        """The vhost of this test."""
        return self._url.path[1:]

    async def connect(self, *, confirm_timeout_s: float = 10.0) -> AmqpBus:
        login = self._url.username or "guest", self._url.password or "guest"
        return await self.connect_as(*login, confirm_timeout_s=confirm_timeout_s)

    async def connect_as(self, user: str, password: str, *, confirm_timeout_s: float = 10.0) -> AmqpBus:
        """Return a further bus with a login of its own."""
        cable = Cable(self._url.port or 5672)
        await cable.lay()
        address = f"{user}:{password}@127.0.0.1:{cable.port}"
        bus = await AmqpBus.open(urlunsplit(self._url._replace(netloc=address)), confirm_timeout_s=confirm_timeout_s)
        self.cables[bus] = cable
        return bus

    async def sever(self, bus: Bus) -> None:
        self.cables[bus].cut()

    async def restart(self) -> None:
        assert self._rabbit.node is not None
        # RabbitMQ writes the name of a new quorum queue to disk half a second after the queue was declared: one that
        # is younger does not survive, whatever was confirmed. That is not what these tests are about.
        await asyncio.sleep(1.5)
        await asyncio.to_thread(self._rabbit.node.restart)

    async def close(self) -> None:
        await asyncio.gather(*(bus.close() for bus in self.cables))
        for cable in self.cables.values():
            await cable.remove()


@asynccontextmanager
async def open_harness(request: pytest.FixtureRequest) -> AsyncIterator[RabbitHarness]:
    rabbit: TestRabbit = request.getfixturevalue("rabbitmq")
    url = await asyncio.to_thread(rabbit.new_vhost)
    harness = RabbitHarness(rabbit, url)
    try:
        await harness.start()
        yield harness
    finally:
        await harness.close()
        await asyncio.to_thread(rabbit.drop_vhost, url)
