"""What an agent may write to RabbitMQ with its own login and nobody can read: put aside with why, in nobody's way."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pika
import pytest

from muster_agent.inbox.core import Do, judge
from muster_messaging.amqp.bus import AmqpBus
from muster_messaging.bus import Subscription
from muster_messaging.message import MAX_BODY_BYTES, Delivery, Message
from muster_messaging.topology import (
    DEAD_LETTER,
    IN,
    PARKING,
    TO_AGENT,
    TO_BROKER,
    TO_SERVER,
    agent_queue,
    partition_key,
    partition_of,
)
from muster_shared_models.bodies import NOTICE, MessageType
from tests.messaging.poisons import POISON, REFUSED, RawProperties, field, table
from tests.provision.rabbitmq import TestRabbit
from tests.server.puppet import Puppet, puppet
from tests.server.running import RunningServer, eventually, running_server

CHAT = MessageType.CHAT.value
CONVERSATION = "cnv_of_the_test"
KEY = partition_key(partition_of(CONVERSATION, 4))
TO_SELF = field("to", "S", table(b"agent:alice")) + field("conv", "S", table(CONVERSATION.encode()))
#: exchange, key, properties, body
Raw = tuple[str, str, RawProperties, bytes]


@pytest.fixture
async def server(tmp_path: Path, rabbitmq: TestRabbit, rabbitmq_url: str) -> AsyncIterator[RunningServer]:
    api = rabbitmq.management_url
    async with running_server(tmp_path / "data", bus=rabbitmq_url, bus_api=api) as running, running.broker():
        yield running


@pytest.fixture
async def agent(server: RunningServer, tmp_path: Path) -> AsyncIterator[Puppet]:
    token = await server.join_token()
    async with puppet(server.started.grpc_address, token, tmp_path / "a", "alice") as joined, joined.beating():
        yield joined


async def publish(url: str, messages: Iterable[Raw]) -> None:
    """Publish with pika, each confirmed."""

    def whole() -> None:
        connection = pika.BlockingConnection(pika.URLParameters(url))
        channel = connection.channel()
        channel.confirm_delivery()
        try:
            for exchange, key, properties, body in messages:
                channel.basic_publish(exchange, key, body, properties, mandatory=True)
        finally:
            if connection.is_open:
                connection.close()

    await asyncio.to_thread(whole)


async def letters(server: RunningServer, count: int) -> dict[str, dict[str, Any]]:
    """Return the dead letters by message id, as soon as there are so many."""

    async def found() -> Any:
        items = (await server.get("/api/v1/dead-letters", limit=200))["items"]
        return items if len(items) >= count else None

    return {each["message_id"]: each for each in await eventually(found)}


async def take_until(inbox: Subscription, wanted: set[str]) -> list[Delivery]:
    """Return what comes, acknowledged, until all that is wanted has come."""
    taken: list[Delivery] = []
    async with asyncio.timeout(30):
        while wanted - {each.message.id for each in taken}:
            batch = await inbox.next_batch()
            inbox.ack([each.tag for each in batch])
            taken += batch
    return taken


async def test_poison_of_every_kind_is_put_aside_with_why_and_delays_nothing(
    server: RunningServer, agent: Puppet
) -> None:
    url = str(agent.registered.transport.amqp.url)
    bus = await AmqpBus.open(url)
    inbox = await bus.subscribe(agent_queue(agent.id), 200)
    kinds = {
        **{kind: POISON[kind] for kind in POISON.keys() - REFUSED},
        "the largest body": POISON["a negative attempt"],
        "the longest id": (field("to", "S", table(b"agent:nobody")), {"message_id": "i" * 255}),
    }

    # When each kind is sent between good messages of a conversation in the same partition
    wild: list[Raw] = []
    for number, (kind, (headers, more)) in enumerate(kinds.items()):
        body = bytes(MAX_BODY_BYTES) if kind == "the largest body" else kind.encode()
        given = {"message_id": f"msg_{number}", "user_id": agent.id, "type": CHAT, **more}
        good = RawProperties(TO_SELF, f"good_{number}", agent.id, type=CHAT)
        wild += [(TO_BROKER, KEY, RawProperties(headers, **given), body), (TO_BROKER, KEY, good, b"{}")]
    await publish(url, wild)

    # Then the good ones arrive in order, at the first delivery
    taken = await take_until(inbox, {f"good_{number}" for number in range(len(kinds))})
    good_ones = [each.message.id for each in taken if each.message.type == CHAT]
    assert good_ones == [f"good_{number}" for number in range(len(kinds))]
    # And the others are kept, each with its sender and why, but one that is answered
    found = await letters(server, len(kinds) - 1)
    assert len(found) == len(kinds) - 1
    assert {each["reason"] for each in found.values()} == {"frame_malformed"}
    assert {each["sender"] for each in found.values()} == {agent.id}
    assert all(each["detail"] for each in found.values())
    assert {each["queue"] for each in found.values()} == {"parking_queue"}
    assert max(each["size"] for each in found.values()) == MAX_BODY_BYTES
    notices = [NOTICE.validate_json(each.message.body) for each in taken if each.message.type != CHAT]
    while "i" * 255 not in {notice.message_id for notice in notices}:
        async with asyncio.timeout(30):
            notices += [NOTICE.validate_json(each.message.body) for each in await inbox.next_batch()]
    await bus.close()


@pytest.fixture
def roomy(rabbitmq: TestRabbit) -> Iterator[None]:
    """RabbitMQ as somebody else may run it: it takes larger messages than we do."""
    if rabbitmq.node is None:
        pytest.skip("this RabbitMQ is not ours to change")
    # The old place of this setting, and the new one.
    put = "application:set_env(rabbit, max_message_size, {0}), persistent_term:put(max_message_size, {0})."
    rabbitmq.control("eval", put.format(16 * MAX_BODY_BYTES))
    yield
    rabbitmq.control("eval", put.format(MAX_BODY_BYTES))


@pytest.mark.usefixtures("roomy")
async def test_a_body_that_only_the_queue_server_takes_is_kept_whole(server: RunningServer, agent: Puppet) -> None:
    url, size = str(agent.registered.transport.amqp.url), 3 * MAX_BODY_BYTES
    bus = await AmqpBus.open(url)
    inbox = await bus.subscribe(agent_queue(agent.id), 10)
    large = RawProperties(TO_SELF, "large", agent.id, type=CHAT)
    good = RawProperties(TO_SELF, "good", agent.id, type=CHAT)

    await publish(url, [(TO_BROKER, KEY, large, bytes(size)), (TO_BROKER, KEY, good, b"{}")])

    await take_until(inbox, {"good"})
    letter = (await letters(server, 1))["large"]
    assert (letter["queue"].partition(".")[0], letter["size"]) == ("broker_input_queue", size)
    assert (letter["reason"], letter["sender"]) == ("frame_malformed", agent.id)
    assert "body" in letter["detail"]
    await bus.close()


async def test_every_reader_puts_aside_what_it_cannot_read(
    server: RunningServer, agent: Puppet, rabbitmq_url: str
) -> None:
    """The server's inbox, an agent, and the reader of the dead letters itself."""
    bus = await AmqpBus.open(str(agent.registered.transport.amqp.url))
    inbox = await bus.subscribe(agent_queue(agent.id), 1)
    headers, _ = POISON["a time beyond all calendars"]
    ways = {"inbox": (TO_SERVER, IN), "agent": (TO_AGENT, agent.id), "dead": (DEAD_LETTER, "router"),
            "parked": (PARKING, IN)}  # fmt: skip
    login = urlsplit(rabbitmq_url).username or "guest"
    wild: list[Raw] = [
        (*way, RawProperties(headers, name, login, type=CHAT), name.encode()) for name, way in ways.items()
    ]
    death = field("reason", "S", table(b"\0")) + field("queue", "S", table(b"\0" * 300))
    deaths = field("x-death", "A", table(b"F" + table(death))) + field("x-first-death-queue", "S", table(b"\0"))
    wild.append((TO_AGENT, agent.id, RawProperties(deaths, "undead", login, type="poem"), b"undead"))
    await publish(rabbitmq_url, wild)

    async with asyncio.timeout(30):
        for _ in range(2):
            [delivery] = await inbox.next_batch()
            assert judge(delivery.message, None, time.time_ns() // 1_000_000).do is Do.REJECT
            inbox.reject(delivery.tag)

    found = await letters(server, len(wild))
    assert {(name, each["queue"], each["reason"], each["size"]) for name, each in found.items()} == {
        ("inbox", "server_input_queue", "frame_malformed", 5),
        ("agent", agent_queue(agent.id), "frame_malformed", 5),
        ("undead", agent_queue(agent.id), "rejected", 6),
        ("dead", "dead_letter_queue.router", "frame_malformed", 4),
        ("parked", "parking_queue", "frame_malformed", 6),
    }
    # And good ones go on
    await bus.publish(TO_BROKER, KEY, Message("good", CHAT, b"{}", to="agent:alice", conversation=CONVERSATION))
    await take_until(inbox, {"good"})
    await bus.close()
