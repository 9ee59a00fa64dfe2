"""Every agent and broker has a RabbitMQ login of its own, which can do what it must and nothing else."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pika
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPError, ChannelClosedByBroker, ConnectionClosedByBroker

from muster_messaging.amqp.bus import AmqpBus
from muster_messaging.message import Message
from muster_messaging.topology import TO_BROKER, agent_queue, partition_key, partition_of
from muster_server.queues.logins import Logins, agent_rights, broker_rights, with_login
from muster_server.queues.service import QueueSide
from muster_shared_models.bodies import MessageType
from muster_shared_models.problems import MusterError, Reason
from muster_shared_models.run_events import RunFinished, RunStarted, TextEnd
from tests.provision.rabbitmq import TestRabbit
from tests.server.puppet import Puppet, puppet
from tests.server.running import RunningServer, eventually, running_server

CONVERSATION = "cnv_of_the_test"
KEY = partition_key(partition_of(CONVERSATION, 4))


@pytest.fixture
async def server(tmp_path: Path, rabbitmq: TestRabbit, rabbitmq_url: str) -> AsyncIterator[RunningServer]:
    api = rabbitmq.management_url
    async with running_server(tmp_path / "data", bus=rabbitmq_url, bus_api=api) as running, running.broker():
        yield running


@pytest.fixture
async def agent(server: RunningServer, tmp_path: Path) -> AsyncIterator[Puppet]:
    async with puppet(server.started.grpc_address, await server.join_token(), tmp_path / "a", "alice") as joined:
        yield joined


def url_of(agent: Puppet) -> str:
    return str(agent.registered.transport.amqp.url)


async def on_a_channel(url: str, act: Callable[[BlockingChannel], Any]) -> Any:
    """Return what `act` returns, or the code with which RabbitMQ closed the channel or the connection."""

    def whole() -> Any:
        connection = pika.BlockingConnection(pika.URLParameters(url))
        try:
            channel = connection.channel()
            channel.confirm_delivery()
            return act(channel)
        except (ChannelClosedByBroker, ConnectionClosedByBroker) as closed:
            return closed.reply_code
        finally:
            if connection.is_open:
                connection.close()

    return await asyncio.to_thread(whole)


async def test_an_agent_has_a_login_of_its_own_and_its_answers_arrive(server: RunningServer, agent: Puppet) -> None:
    assert urlsplit(url_of(agent)).username == agent.id
    async with agent.beating():
        sent = await server.post("/api/v1/messages", {"to": "agent:alice", "text": "hello"}, 202)
        bus = await AmqpBus.open(url_of(agent))
        inbox = await bus.subscribe(agent_queue(agent.id), 10)
        async with asyncio.timeout(20):
            [delivery] = await inbox.next_batch()
        run = delivery.message.run
        said = TextEnd(run_id=run, message_id="msg_answer", text="hello yourself")
        await bus.publish(*agent.report(delivery.message, RunStarted(run_id=run), said, RunFinished(run_id=run)))
        inbox.ack([delivery.tag])

        async def answered() -> bool:
            view = await server.get(f"/api/v1/conversations/{sent['conversation']}")
            return view["preview"] == "hello yourself" and not view["active_runs"]

        await eventually(answered)
        await bus.close()


OTHERS = [
    "agent_queue_agt_somebody_else", "server_input_queue", "broker_input_queue", "broker_input_queue.p1",
    "dead_letter_queue.agent", "parking_queue", "retry_queue.5s",
]  # fmt: skip
EXCHANGES = [
    "", "amq.direct", "amq.topic", "amq.fanout", "amq.headers", "amq.match", "muster.to_agent", "muster.to_server",
    "muster.dlx", "muster.parking", "muster.retry.5s",
]  # fmt: skip


async def test_everything_else_is_refused(server: RunningServer, agent: Puppet, rabbitmq: TestRabbit) -> None:
    await server.post("/api/v1/join-tokens", {"kind": "agent"}, 201)
    url, own = url_of(agent), agent_queue(agent.id)
    attempts: dict[str, Callable[[BlockingChannel], Any]] = {}
    for queue in OTHERS[1:]:
        attempts |= {
            f"get {queue}": lambda channel, queue=queue: channel.basic_get(queue),
            f"consume {queue}": lambda channel, queue=queue: channel.basic_consume(queue, lambda *_: None),
            f"purge {queue}": lambda channel, queue=queue: channel.queue_purge(queue),
            f"delete {queue}": lambda channel, queue=queue: channel.queue_delete(queue),
            f"bind {queue}": lambda channel, queue=queue: channel.queue_bind(queue, TO_BROKER, "x"),
            f"unbind {queue}": lambda channel, queue=queue: channel.queue_unbind(queue, TO_BROKER, "p0"),
        }
    for exchange in EXCHANGES:
        attempts[f"publish to '{exchange}'"] = lambda channel, exchange=exchange: channel.basic_publish(
            exchange, "server_input_queue", b"{}", mandatory=True
        )
    attempts |= {
        "delete its own queue": lambda channel: channel.queue_delete(own),
        "bind its own queue": lambda channel: channel.queue_bind(own, "muster.to_server", "in"),
        "declare a queue": lambda channel: channel.queue_declare("mine"),
        "declare a queue that is made up": lambda channel: channel.queue_declare(own + "|.*"),
        "declare an exchange": lambda channel: channel.exchange_declare("mine"),
        "bind exchanges": lambda channel: channel.exchange_bind(TO_BROKER, "amq.fanout"),
        "consume from where it may write": lambda channel: channel.basic_consume(TO_BROKER, lambda *_: None),
    }

    answers = {what: await on_a_channel(url, act) for what, act in attempts.items()}

    # A queue that does not exist says so before rights are asked for: it must be one of these two, never success.
    assert {what: said for what, said in answers.items() if said not in (403, 404)} == {}
    assert sum(said == 403 for said in answers.values()) >= len(attempts) - 1


async def test_a_sender_cannot_be_forged_nor_left_out(server: RunningServer, agent: Puppet) -> None:
    forged = pika.BasicProperties(user_id="agt_somebody_else")
    said = await on_a_channel(url_of(agent), lambda channel: channel.basic_publish(TO_BROKER, KEY, b"{}", forged))
    assert said == 406

    nobody = pika.BasicProperties(
        message_id="msg_of_nobody", type="run.events", headers={"to": "server", "conversation": CONVERSATION}
    )
    await on_a_channel(url_of(agent), lambda channel: channel.basic_publish(TO_BROKER, KEY, b"{}", nobody))

    async def parked() -> Any:
        items = (await server.get("/api/v1/dead-letters"))["items"]
        return [item for item in items if item["message_id"] == "msg_of_nobody"]

    [letter] = await eventually(parked)
    assert (letter["reason"], letter["sender"]) == ("unauthenticated", "nobody")


async def test_an_agent_cannot_speak_as_a_broker(server: RunningServer, agent: Puppet) -> None:
    bus = await AmqpBus.open(url_of(agent))
    lie = b'{"run_id": "run_x", "reason": "expired", "detail": "gone", "final": true}'
    await bus.publish(
        TO_BROKER,
        KEY,
        Message("msg_lie", MessageType.NOTICE.value, lie, to="server", conversation=CONVERSATION, origin="server"),
    )

    async def rejected() -> Any:
        items = (await server.get("/api/v1/dead-letters"))["items"]
        return [item for item in items if item["message_id"] == "msg_lie"]

    await eventually(rejected)
    await bus.close()


async def test_a_retired_agent_is_cut_off_at_once(server: RunningServer, agent: Puppet) -> None:
    url = url_of(agent)
    bus = await AmqpBus.open(url)
    assert bus.connected
    await server.http.delete(f"/api/v1/agents/{agent.id}")

    await eventually(lambda: not bus.connected)
    with pytest.raises(AMQPError):
        await on_a_channel(url, lambda channel: None)
    await bus.close()


async def test_logins_of_nobody_go_and_missing_ones_come_back(
    tmp_path: Path, rabbitmq: TestRabbit, rabbitmq_url: str
) -> None:
    vhost = urlsplit(rabbitmq_url).path[1:]
    settings = {"bus": rabbitmq_url, "bus_api": rabbitmq.management_url}
    async with (
        running_server(tmp_path / "data", **settings) as server,
        puppet(server.started.grpc_address, await server.join_token(), tmp_path / "a", "alice") as agent,
    ):
        url = url_of(agent)
    rabbitmq.call("DELETE", f"/api/users/{agent.id}")
    rabbitmq.call("PUT", "/api/users/agt_of_nobody", {"password": "x", "tags": ""})
    rabbitmq.call(
        "PUT", f"/api/permissions/{vhost}/agt_of_nobody", {"configure": ".*", "write": ".*", "read": ".*"}
    )  # fmt: skip
    async with running_server(tmp_path / "data", **settings):
        users = {entry["user"] for entry in rabbitmq.call("GET", f"/api/vhosts/{vhost}/permissions")}  # type: ignore[attr-defined]
        assert agent.id in users
        assert "agt_of_nobody" not in users
        assert await on_a_channel(url, lambda channel: "the same password") == "the same password"


async def test_a_wrong_management_api_is_told_at_the_start_without_the_password(
    tmp_path: Path, rabbitmq: TestRabbit, rabbitmq_url: str
) -> None:
    right = urlsplit(rabbitmq.management_url)
    for api in (f"http://muster:hunter2@127.0.0.1:{right.port}", "http://muster:hunter2@127.0.0.1:9"):
        with pytest.raises(MusterError) as refused:
            async with running_server(tmp_path / "data", bus=rabbitmq_url, bus_api=api):
                pass
        assert refused.value.reason is Reason.BUS_UNREACHABLE
        assert "hunter2" not in str(refused.value)


# ---- decided without a queue server


@given(st.text(min_size=1, max_size=255))
def test_no_name_widens_what_an_agent_may_do(name: str) -> None:
    import re

    read = agent_rights(name)["read"]
    for other in ("server_input_queue", "agent_queue_", "agent_queue_agt_other", "", "amq.gen", "parking_queue"):
        assert other == agent_queue(name) or not re.search(read, other)


def test_brokers_read_what_is_for_brokers_and_write_to_all_others() -> None:
    rights = broker_rights(4)
    assert rights["configure"] == "^$"
    assert "agent_queue" not in rights["read"]
    assert "to_broker" not in rights["write"]


def test_the_password_stands_for_the_owner_and_the_key() -> None:
    url = "amqp://root:secret@rabbit:5672/%2F"
    assert with_login(url, "agt_1", "pw") == "amqp://agt_1:pw@rabbit:5672/%2F"
    one, same, other = (Logins(None, url, 4, key)._password("agt_1") for key in (b"k", b"k", b"l"))  # type: ignore[arg-type]
    assert one == same != other
    assert unquote(one) == one


@pytest.mark.parametrize(
    ("url", "logins", "wanted", "local", "way"),
    [
        ("", False, "auto", True, "relay"),
        ("amqp://u:p@localhost/", False, "auto", True, "amqp"),
        ("amqp://u:p@localhost/", False, "auto", False, "relay"),
        ("amqp://u:p@localhost/", False, "amqp", False, "relay"),
        ("amqp://u:p@localhost/", True, "amqp", False, "relay"),
        ("amqp://u:p@rabbit/", False, "auto", True, "relay"),
        ("amqp://u:p@rabbit/", False, "amqp", True, "amqp"),
        ("amqp://u:p@rabbit/", False, "amqp", False, "relay"),
        ("amqp://u:p@rabbit/", True, "amqp", False, "amqp"),
        ("amqp://u:p@rabbit/", True, "relay", True, "relay"),
    ],
)
def test_a_login_never_goes_where_it_must_not(url: str, logins: bool, wanted: Any, local: bool, way: str) -> None:
    own: Any = object() if logins else None
    side = QueueSide(None, None, "rabbitmq", 4, url, wanted, logins=own)  # type: ignore[arg-type]
    assert side.agent_way(local=local) == way
