"""Agents that break the rules are cut off on every way in, until a person releases them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from muster_messaging.errors import BusError
from muster_messaging.link.channel import fetch_certificate, open_channel
from muster_messaging.link.identity import Identity
from muster_messaging.link.problems import read_problem
from muster_messaging.message import Message
from muster_messaging.relay.client import RelayBus
from muster_messaging.topology import TO_BROKER, agent_queue, partition_key, partition_of
from muster_protos.v1 import broker_pb2 as wire
from muster_protos.v1.broker_pb2_grpc import BrokerRegistrationStub
from muster_protos.v1.commands_pb2 import ReceiveCommandsRequest
from muster_protos.v1.commands_pb2_grpc import AgentCommandsStub
from muster_protos.v1.registration_pb2 import RenewCredentialsRequest
from muster_protos.v1.registration_pb2_grpc import AgentRegistrationStub
from muster_server.agents.strikes import STRIKES, WINDOW_MS, Strikes
from muster_server.queues.service import QueueSide
from muster_shared_models.problems import MusterError, Reason
from muster_shared_models.run_events import RunFinished, RunStarted, TextContent, TextEnd
from muster_shared_models.system import split_join_token
from tests.server.puppet import Puppet, puppet
from tests.server.running import RunningServer, eventually, running_server

Report = Any


@pytest.fixture
async def agent(server: RunningServer, tmp_path: Path) -> AsyncIterator[Puppet]:
    async with puppet(server.started.grpc_address, await server.join_token(), tmp_path, "alice") as joined:
        yield joined


@asynccontextmanager
async def reporting(server: RunningServer) -> AsyncIterator[Report]:
    """A broker's voice: call it with an agent's id and an offence."""
    secret, pin = split_join_token(await server.join_token("broker"))
    identity = Identity.load_or_create(server.folder / "reporter.key")
    async with open_channel(
        server.started.grpc_address, await fetch_certificate(server.started.grpc_address, pin)
    ) as c:
        stub = BrokerRegistrationStub(c)
        request = wire.RegisterBrokerRequest(
            join_token=secret, name="watcher", proof=identity.prove("broker", "watcher")
        )
        token = (await stub.RegisterBroker(request)).credentials.access_token

        async def report(agent_id: str, offence: Any = wire.OFFENCE_FLOODING, subject: str = "") -> None:
            said = wire.Misconduct(agent_id=agent_id, offence=offence, subject=subject, detail="It sent too much.")
            await stub.ReportMisconduct(
                wire.ReportMisconductRequest(reports=[said]), metadata=(("authorization", f"Bearer {token}"),)
            )

        yield report


async def state_of(server: RunningServer, name: str = "alice") -> str:
    return str((await server.get(f"/api/v1/agents/{name}"))["presence"]["state"])


async def audit_of(server: RunningServer, agent_id: str) -> list[tuple[str, str, str]]:
    import sqlite3

    with sqlite3.connect(server.folder / "muster.db") as database:
        rows = database.execute("SELECT by, action, detail FROM audit WHERE subject = ? ORDER BY id", (agent_id,))
        found = rows.fetchall()
    database.close()
    return found


async def test_a_quarantined_agent_is_refused_everywhere_with_the_reason_and_its_streams_end(
    server: RunningServer, agent: Puppet
) -> None:
    bus = await agent.bus()
    commands = AgentCommandsStub(agent.channel).ReceiveCommands(ReceiveCommandsRequest(), metadata=agent.metadata())
    await commands.initial_metadata()
    async with agent.beating() as beat, reporting(server) as report:
        await report(agent.id)

        # What was open ends, and says why
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            await commands.read()
        assert read_problem(ended.value).reason is Reason.AGENT_QUARANTINED
        with pytest.raises((grpc.aio.AioRpcError, asyncio.InvalidStateError)):
            await beat()
        async with asyncio.timeout(10):
            await bus.wait_refused()
        assert not bus.connected
    # and nothing opens again
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await AgentRegistrationStub(agent.channel).RenewCredentials(
            RenewCredentialsRequest(), metadata=agent.metadata()
        )
    problem = read_problem(refused.value)
    assert (problem.reason, "muster agents release alice" in problem.hint) == (Reason.AGENT_QUARANTINED, True)
    assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED
    with pytest.raises(MusterError, match="It sent too much") as again:
        await agent.register()
    assert again.value.reason is Reason.AGENT_QUARANTINED
    await bus.close()


async def test_people_see_it_with_its_reason_and_release_it_and_both_are_on_record(
    server: RunningServer, agent: Puppet
) -> None:
    async with reporting(server) as report, server.browser() as browser:
        await browser.send(op="subscribe", stream="fleet")
        await browser.op("snapshot")
        await report(agent.id)
        await report(agent.id)  # told by a second broker, or twice: nothing new
        seen = await browser.until(
            lambda f: (
                f["op"] == "event"
                and f["event"]["kind"] == "AGENT_CHANGED"
                and f["event"]["agent"]["presence"]["state"] == "quarantined"
            )
        )
    view = seen["event"]["agent"]
    assert view["presence"]["reason"] == "It sent too much."
    cut = view["quarantine"]
    assert (cut["offence"], cut["detail"], cut["by"]) == ("flooding", "It sent too much.", "watcher")
    assert cut["since"] == view["presence"]["since"]

    released = await server.post("/api/v1/agents/alice/release")
    assert (released["quarantine"], released["presence"]["state"] == "quarantined") == (None, False)
    await agent.register()
    async with agent.beating():
        assert await eventually(lambda: state_is(server, "idle"))
    twice = await server.http.post("/api/v1/agents/alice/release")
    assert (twice.status_code, twice.json()["reason"]) == (409, "already_finished")
    assert await audit_of(server, agent.id) == [
        ("watcher", "quarantine", "It sent too much."),
        ("admin", "release", "It sent too much."),
    ]


async def state_is(server: RunningServer, state: str) -> bool:
    return await state_of(server) == state


async def test_it_survives_a_restart(tmp_path: Path) -> None:
    async with (
        running_server(tmp_path / "data") as server,
        puppet(server.started.grpc_address, await server.join_token(), tmp_path, "alice") as agent,
        reporting(server) as report,
    ):
        await report(agent.id)
        before = (await server.get("/api/v1/agents/alice"))["quarantine"]
    async with running_server(tmp_path / "data") as server:
        pin = (await server.join_token()).rpartition(".")[2]
        certificate = await fetch_certificate(server.started.grpc_address, pin)
        assert (await server.get("/api/v1/agents/alice"))["quarantine"] == before
        async with open_channel(server.started.grpc_address, certificate) as channel:
            agent.channel = channel
            with pytest.raises(MusterError) as refused:
                await agent.register()
            assert refused.value.reason is Reason.AGENT_QUARANTINED
            await server.post("/api/v1/agents/alice/release")
            await agent.register()


async def test_a_login_that_cannot_be_ended_now_is_ended_later_and_after_a_restart_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def shut_out(_side: QueueSide, agent_id: str) -> None:
        asked.append(agent_id)
        if len(asked) < 3:
            raise MusterError(Reason.BUS_UNREACHABLE, "The management API does not answer.")

    monkeypatch.setattr(QueueSide, "shut_out", shut_out)
    async with (
        running_server(tmp_path / "data") as server,
        puppet(server.started.grpc_address, await server.join_token(), tmp_path, "alice") as agent,
        reporting(server) as report,
    ):
        await report(agent.id)
        assert await state_of(server) == "quarantined"
        await eventually(lambda: len(asked) == 3)
    async with running_server(tmp_path / "data"):
        await eventually(lambda: len(asked) == 4)
    assert set(asked) == {agent.id}


async def test_what_is_sent_to_it_waits_and_its_sender_is_told(server: RunningServer, agent: Puppet) -> None:
    async with server.broker(), reporting(server) as report:
        await report(agent.id)
        sent = await server.post("/api/v1/messages", {"to": "agent:alice", "text": "are you there?"}, 202)

        async def told() -> Any:
            events = (await server.get(f"/api/v1/conversations/{sent['conversation']}/events"))["items"]
            return [each["event"]["detail"] for each in events if each["event"]["kind"] == "RUN_QUEUED"]

        assert await eventually(told) == ["alice is quarantined; the message waits in its queue."]
        await server.post("/api/v1/agents/alice/release")
        await agent.register()
        bus = await agent.bus()
        inbox = await bus.subscribe(agent_queue(agent.id), 1)
        async with asyncio.timeout(20):
            [delivery] = await inbox.next_batch()
        assert delivery.message.run == sent["run_id"]
        await bus.close()


async def test_two_forgeries_are_strikes_and_the_third_cuts_off(server: RunningServer, agent: Puppet) -> None:
    async with reporting(server) as report:
        for subject in ("msg_1", "msg_2", "msg_2", "msg_1"):
            await report(agent.id, wire.OFFENCE_FORGING, subject)
        assert await state_of(server) != "quarantined"
        await report("agt_of_nobody", wire.OFFENCE_FORGING, "msg_3")
        await report(agent.id, wire.OFFENCE_FORGING, "msg_3")
    cut = (await server.get("/api/v1/agents/alice"))["quarantine"]
    assert (cut["offence"], cut["detail"]) == ("forging", "It forged 3 times, last: It sent too much.")


async def test_events_of_others_runs_and_in_others_conversations_cut_off_and_change_nothing(
    server: RunningServer, agent: Puppet, tmp_path: Path
) -> None:
    token = await server.join_token()
    async with server.broker(), puppet(server.started.grpc_address, token, tmp_path, "bob") as victim, agent.beating():
        bus, theirs = await agent.bus(), await victim.bus()
        inbox = await bus.subscribe(agent_queue(agent.id), 10)
        for number in range(STRIKES):
            sent = await server.post("/api/v1/messages", {"to": "agent:bob", "text": f"secret {number}"}, 202)
            lie = TextEnd(run_id=sent["run_id"], message_id="m", text="lies")
            forged = Message(
                id=f"msg_x{number}", type="chat.message", conversation=sent["conversation"], run=sent["run_id"]
            )
            if number == 0:
                # its own run, told in a conversation that is not its own: as it streams, where nothing is stored
                own = await server.post("/api/v1/messages", {"to": "agent:alice", "text": "hello"}, 202)
                async with asyncio.timeout(20):
                    [asked] = await inbox.next_batch()
                await bus.publish(*agent.report(asked.message, RunStarted(run_id=own["run_id"])))
                stray = asked.message._replace(conversation=sent["conversation"])
                said = TextContent(run_id=own["run_id"], message_id="m", offset=0, delta="lies")
                await bus.publish(*agent.report(stray, said))
                inbox.ack([asked.tag])
            else:
                await bus.publish(*agent.report(forged, RunStarted(run_id=sent["run_id"]), lie))

        await eventually(lambda: state_is(server, "quarantined"))
        for view in (await server.get("/api/v1/conversations"))["items"]:
            events = (await server.get(f"/api/v1/conversations/{view['id']}/events"))["items"]
            assert not [each for each in events if "lies" in str(each)]
        await asyncio.gather(bus.close(), theirs.close())


async def test_the_broker_tells_of_a_flood_and_of_what_is_forged_by_itself(
    server: RunningServer, agent: Puppet, tmp_path: Path
) -> None:
    async with server.broker(agent_rate=10, agent_burst=100):
        bus = await agent.bus()
        conversation = "cnv_of_the_test"
        wrong = next(f"p{number}" for number in range(4) if number != partition_of(conversation, 4))
        for number in range(STRIKES):
            message = Message(f"msg_{number}", "run.events", to="server", conversation=conversation)
            await bus.publish(TO_BROKER, wrong, message)
        await eventually(lambda: state_is(server, "quarantined"))
        assert (await server.get("/api/v1/agents/alice"))["quarantine"]["by"] == "broker-1"

        await server.post("/api/v1/agents/alice/release")
        async with asyncio.timeout(20):
            await bus.wait_connected()
        with pytest.raises(BusError):
            await flood(bus, conversation)
        await eventually(lambda: state_is(server, "quarantined"))
        assert (await server.get("/api/v1/agents/alice"))["quarantine"]["offence"] == "flooding"
        await bus.close()


async def flood(bus: RelayBus, conversation: str) -> None:
    """Publish as fast as the queue server confirms, until it does not; an agent may not come far."""
    body = b'{"run_id": "run_x", "events": [' + RunFinished(run_id="run_x").model_dump_json().encode() + b"]}"
    key = partition_key(partition_of(conversation, 4))
    for number in range(1000):
        batch = [Message(f"f{number}_{n}", "run.events", body, to="server", run="run_x") for n in range(100)]
        await asyncio.gather(*(bus.publish(TO_BROKER, key, message) for message in batch))


# ---- decided without a server


def test_strikes_are_forgotten_after_a_while_and_no_more_are_kept_than_decide() -> None:
    strikes = Strikes()
    assert [strikes.add("agt_1", subject, 0) for subject in ("a", "a", "b")] == [1, 1, 2]
    assert strikes.add("agt_1", "c", WINDOW_MS) == 1
    assert strikes.add("agt_2", "c", WINDOW_MS) == 1
    for number in range(1000):
        strikes.add("agt_1", str(number), WINDOW_MS)
    assert len(strikes._seen["agt_1"]) == STRIKES
    strikes.forget("agt_1")
    assert strikes.add("agt_1", "d", WINDOW_MS) == 1
