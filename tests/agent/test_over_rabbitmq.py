"""The agent on a real RabbitMQ: the same answers, also after the connection was cut."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from muster_agent import IncomingMessage, Reply
from muster_agent.agent import Agent
from muster_agent.builtin import build
from muster_agent.settings import load_settings
from muster_messaging.amqp.bus import AmqpBus
from muster_messaging.topology import base_topology
from tests.agent.conftest import Running
from tests.agent.fake_server import FakeServer
from tests.provision.rabbitmq import TestRabbit

TEXT = "one two three four five six seven eight nine ten"


@pytest.fixture
async def server(tmp_path: Path, rabbitmq_url: str) -> AsyncIterator[FakeServer]:
    """A server whose agents go straight to RabbitMQ."""
    fake = FakeServer(tmp_path)
    await fake.start()
    embedded, fake.bus = fake.bus, await AmqpBus.open(rabbitmq_url)  # type: ignore[assignment]
    fake.amqp_url = rabbitmq_url
    await fake.bus.declare(base_topology(fake.partitions))
    yield fake
    await fake.bus.close()
    fake.bus = embedded
    await fake.stop()


async def test_messages_go_there_and_back(running: Running) -> None:
    async with running(build("echo", load_settings())) as talk:
        runs = [await talk.send(f"message {n}", conversation=f"cnv_{n % 7}") for n in range(100)]
        assert [await talk.answer(run) for run in runs] == [f"message {n}" for n in range(100)]
        assert len({message.id for message in talk.messages}) == len(talk.messages) >= 100


async def test_a_cut_connection_is_not_noticed(running: Running, rabbitmq: TestRabbit, server: FakeServer) -> None:
    agent = Agent("steady", slots=4)

    @agent.on_message
    async def work(message: IncomingMessage, reply: Reply) -> None:
        for word in message.text.split():
            await reply.say(word + " ")
            await asyncio.sleep(0.1)

    async with running(agent) as talk:
        run_id = await talk.send(TEXT)
        for connection in rabbitmq.call("GET", "/api/connections") or []:  # type: ignore[attr-defined]
            name = connection["name"].replace(" ", "%20").replace(">", "%3E").replace("/", "%2F")
            rabbitmq.call("DELETE", f"/api/connections/{name}")
        assert await talk.answer(run_id, 60) == TEXT + " "
        assert len(talk.ends(run_id)) == 1
        assert await talk.ask("again", conversation="cnv_2") == "again "
