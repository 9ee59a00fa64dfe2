"""A broker and its server: joining, coming back, and why it may not; two of them share the work."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from muster_broker import joining
from muster_broker.main import run_broker
from muster_broker.settings import BrokerSettings
from muster_cli.provision.ports import free_ports
from muster_messaging.message import Message
from muster_messaging.relay.client import RelayBus
from muster_messaging.topology import agent_queue
from muster_shared_models.problems import MusterError, Reason
from tests.broker.bench import by_conversation
from tests.messaging.transcript import take
from tests.server.puppet import puppet
from tests.server.running import RunningServer, eventually, running_server

PIN = "A" * 43


@pytest.fixture(autouse=True)
def _endless_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waiting cannot change must be said at once."""
    monkeypatch.setattr(joining, "PATIENCE_S", 3600.0)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[RunningServer]:
    async with running_server(tmp_path / "data") as running:
        yield running


def settings(server: RunningServer, name: str, token: str = "") -> BrokerSettings:
    folder = server.folder / name
    return BrokerSettings(server=server.started.grpc_address, join=token, broker_name=name, broker_state_dir=folder)


async def connected(server: RunningServer) -> set[str]:
    return {view["name"] for view in (await server.get("/api/v1/system"))["brokers"] if view["connected"]}


@asynccontextmanager
async def broker(server: RunningServer, name: str, token: str = "") -> AsyncIterator["asyncio.Task[None]"]:
    """A running, connected broker; stopped in order at the end."""
    stop = asyncio.Event()
    task = asyncio.create_task(run_broker(settings(server, name, token), stop))

    async def there() -> bool:
        if task.done():
            task.result()
        return name in await connected(server)

    try:
        await eventually(there)
        yield task
    finally:
        stop.set()
        await asyncio.gather(task, return_exceptions=True)


async def refused(wanted: BrokerSettings) -> MusterError:
    with pytest.raises(MusterError) as error:
        async with asyncio.timeout(30):
            await run_broker(wanted)
    assert error.value.detail
    assert error.value.hint
    return error.value


async def test_without_a_token_it_says_how_to_get_one(tmp_path: Path) -> None:
    error = await refused(BrokerSettings(broker_state_dir=tmp_path))

    assert error.reason is Reason.JOIN_TOKEN_INVALID
    assert "muster token create --kind broker" in error.hint


@pytest.mark.parametrize("token", ["nonsense", "mb_abc", "mb_abc.short", "xx_abc." + PIN])
async def test_half_a_token_is_seen_at_once(tmp_path: Path, token: str) -> None:
    error = await refused(BrokerSettings(join=token, broker_state_dir=tmp_path))

    assert error.reason is Reason.JOIN_TOKEN_INVALID


async def test_a_wrong_token_an_agents_and_a_used_one_are_refused(server: RunningServer) -> None:
    right = await server.join_token("broker")
    wrong = "mb_" + "0" * 20 + right[right.rindex(".") :]
    async with broker(server, "first", right):
        for number, token in enumerate((wrong, await server.join_token("agent"), right)):
            error = await refused(settings(server, f"other-{number}", token))
            assert error.reason is Reason.JOIN_TOKEN_INVALID
    # And a server that is not the token's is not even asked
    error = await refused(settings(server, "misled", f"mb_abc.{PIN}"))
    assert error.reason is Reason.SERVER_IDENTITY


async def test_a_server_that_does_not_answer_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining, "PATIENCE_S", 0.3)
    (port,) = free_ports(1)
    wanted = BrokerSettings(server=f"127.0.0.1:{port}", join=f"mb_abc.{PIN}", broker_state_dir=tmp_path)

    error = await refused(wanted)

    assert error.reason is Reason.UNAVAILABLE
    assert str(port) in error.detail


async def test_it_comes_back_with_its_key_alone_and_its_folder_is_its_users(server: RunningServer) -> None:
    async with broker(server, "b", await server.join_token("broker")):
        pass
    async with broker(server, "b"):
        views = (await server.get("/api/v1/system"))["brokers"]
    assert [view["name"] for view in views] == ["b"]
    assert (server.folder / "b" / "broker.key").stat().st_mode & 0o077 == 0


async def test_a_known_broker_waits_for_a_server_that_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining, "PATIENCE_S", 0.0)
    (port,) = free_ports(1)
    async with running_server(tmp_path / "data", grpc_port=port) as server:
        async with broker(server, "b", await server.join_token("broker")):
            pass
        wanted = settings(server, "b")
    stop = asyncio.Event()
    waiting = asyncio.create_task(run_broker(wanted, stop))
    async with running_server(tmp_path / "data", grpc_port=port) as server:
        await eventually(lambda: connected(server))
        assert not waiting.done()
        stop.set()
        await waiting


async def test_a_broker_goes_on_when_its_server_comes_back(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    stop = asyncio.Event()
    async with running_server(tmp_path / "data", grpc_port=port) as server:
        task = asyncio.create_task(run_broker(settings(server, "b", await server.join_token("broker")), stop))
        await eventually(lambda: connected(server))
    async with running_server(tmp_path / "data", grpc_port=port) as server:
        await eventually(lambda: connected(server))
        said = await say(server, "agent:nobody-yet", 1, status=404)
        assert said[0]["reason"] == Reason.AGENT_NOT_FOUND
        async with puppet(server.started.grpc_address, await server.join_token(), tmp_path) as agent, agent.beating():
            bus = await agent.bus()
            inbox = await bus.subscribe(agent_queue(agent.id), 10)
            await say(server, "agent:puppet", 1)
            assert len(await take(inbox, 1, ack=True)) == 1
            await bus.close()
        stop.set()
        await task


async def say(server: RunningServer, to: str, count: int, *, status: int = 202, **more: Any) -> list[Any]:
    return [await server.post("/api/v1/messages", {"text": f"{n}", "to": to, **more}, status) for n in range(count)]


async def test_two_brokers_share_the_work_and_one_is_enough(server: RunningServer, tmp_path: Path) -> None:
    tokens = [await server.join_token("broker") for _ in range(2)]
    async with (
        broker(server, "one", tokens[0]) as first,
        broker(server, "two", tokens[1]),
        puppet(server.started.grpc_address, await server.join_token(), tmp_path) as agent,
        agent.beating(),
    ):
        bus = await agent.bus()
        conversations = [sent["conversation"] for sent in await say(server, "agent:puppet", 5)]
        expected: dict[str, list[str]] = {}
        for number in range(8):
            if number == 3:
                first.cancel()
            for conversation in conversations:
                sent = await say(server, "", 1, conversation=conversation)
                expected.setdefault(conversation, []).append(sent[0]["message_id"])
        arrived = await read_until(bus, agent.id, 5 + sum(map(len, expected.values())))
        assert {name: found[1:] for name, found in by_conversation(arrived).items()} == expected
        assert await connected(server) == {"two"}
        await bus.close()


async def read_until(bus: RelayBus, agent_id: str, count: int) -> list[Message]:
    """Return what arrives until there are `count` different messages."""
    inbox = await bus.subscribe(agent_queue(agent_id), 100)
    arrived: list[Message] = []
    async with asyncio.timeout(30):
        while len({message.id for message in arrived}) < count:
            batch = await inbox.next_batch()
            arrived += [delivery.message for delivery in batch]
            inbox.ack(delivery.tag for delivery in batch)
    return arrived
