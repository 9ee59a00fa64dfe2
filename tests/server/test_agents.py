"""Agents join, beat, are seen by browsers and brokers, and leave."""

import asyncio
import time
from pathlib import Path

import grpc
import pytest

from muster_messaging.link.channel import certificate_pin, fetch_certificate, open_channel
from muster_messaging.link.identity import Identity
from muster_messaging.link.problems import read_problem
from muster_protos.v1.broker_pb2 import RegisterBrokerRequest
from muster_protos.v1.broker_pb2_grpc import BrokerRegistrationStub
from muster_protos.v1.commands_pb2 import ReceiveCommandsRequest
from muster_protos.v1.commands_pb2_grpc import AgentCommandsStub
from muster_protos.v1.registration_pb2 import DeregisterAgentRequest, RenewCredentialsRequest
from muster_protos.v1.registration_pb2_grpc import AgentRegistrationStub
from muster_protos.v1.status_pb2 import LIFECYCLE_STOPPING, RunInHand, SubscribeToAgentStatusRequest
from muster_protos.v1.status_pb2_grpc import AgentStatusStub
from muster_shared_models.problems import MusterError, Reason
from tests.server.puppet import Puppet, puppet
from tests.server.running import RunningServer, eventually, running_server


async def state_of(server: RunningServer, name: str) -> str:
    return str((await server.get(f"/api/v1/agents/{name}"))["presence"]["state"])


async def test_a_registered_agent_is_listed_and_idle_once_it_beats(server: RunningServer, tmp_path: Path) -> None:
    token = await server.join_token()
    async with puppet(server.started.grpc_address, token, tmp_path, about="waits", skills=["wait"]) as agent:
        assert agent.registered.queue == f"agent_queue_{agent.id}"
        assert agent.registered.transport.WhichOneof("way") == "relay"
        assert await state_of(server, "puppet") == "suspect"
        async with agent.beating():
            await eventually(lambda: is_state(server, "idle"))
            view = await server.get(f"/api/v1/agents/{agent.id}")
            assert (view["description"]["about"], view["description"]["skills"]) == ("waits", ["wait"])
            assert view["transport"] == "relay"


async def is_state(server: RunningServer, state: str, name: str = "puppet") -> bool:
    return await state_of(server, name) == state


async def test_an_agent_that_falls_silent_is_suspect_then_lost_and_returns(
    server: RunningServer, tmp_path: Path
) -> None:
    async with (
        puppet(server.started.grpc_address, await server.join_token(), tmp_path) as agent,
        server.browser() as page,
    ):
        async with agent.beating():
            await eventually(lambda: is_state(server, "idle"))
            await page.send(
                op="subscribe", stream="fleet"
            )  # now: that it is suspect may be seen as soon as it is silent
            await page.op("snapshot")
        seen = []
        while "lost" not in seen:
            seen.append((await page.event("AGENT_CHANGED"))["agent"]["presence"]["state"])
        assert [state for state in dict.fromkeys(seen) if state != "idle"] == ["suspect", "lost"]
        view = await server.get("/api/v1/agents/puppet")
        assert view["last_heard"] is not None
        assert view["beats"][-1] == -1
        async with agent.beating():
            await eventually(lambda: is_state(server, "idle"))


async def test_a_clean_stop_is_said(server: RunningServer, tmp_path: Path) -> None:
    async with puppet(server.started.grpc_address, await server.join_token(), tmp_path) as agent:
        async with agent.beating() as again:
            await again(lifecycle=LIFECYCLE_STOPPING)
        await eventually(lambda: is_state(server, "lost"))
        assert (await server.get("/api/v1/agents/puppet"))["presence"]["reason"] == "ended on request"


async def test_runs_in_hand_make_it_busy(server: RunningServer, tmp_path: Path) -> None:
    run = RunInHand(run_id="run_1", conversation="cnv_1", title="counts sheep", started_at_ms=1)
    async with (
        puppet(server.started.grpc_address, await server.join_token(), tmp_path) as agent,
        agent.beating() as again,
    ):
        reply = await again(runs=[run])
        assert reply.number == 2
        assert abs(reply.server_time_ms - time.time() * 1000) < 60_000
        await eventually(lambda: is_state(server, "busy"))
        view = await server.get("/api/v1/agents/puppet")
        assert view["presence"]["reason"].startswith("counts sheep")
        await again(runs=[])
        await eventually(lambda: is_state(server, "idle"))


async def test_the_same_key_is_the_same_agent_without_a_token(server: RunningServer, tmp_path: Path) -> None:
    async with puppet(server.started.grpc_address, await server.join_token(), tmp_path) as agent:
        first = agent.id
        await agent.register(about="came back")
        assert agent.id == first
        assert (await server.get("/api/v1/agents/puppet"))["description"]["about"] == "came back"


async def test_a_taken_name_is_refused_whatever_the_case_and_only_one_of_many_wins(
    server: RunningServer, tmp_path: Path
) -> None:
    async def enter(number: int) -> str:
        token = await server.join_token()
        name = "Lab" if number % 2 else "lab"
        async with puppet(server.started.grpc_address, token, tmp_path / str(number), name) as agent:
            return agent.id

    outcomes = await asyncio.gather(*(enter(number) for number in range(20)), return_exceptions=True)

    refused = [outcome for outcome in outcomes if isinstance(outcome, MusterError)]
    assert len(refused) == 19
    assert {error.reason for error in refused} == {Reason.NAME_TAKEN}
    assert "retire" in refused[0].hint


@pytest.mark.parametrize("token", ["mj_wrong", "", "mb_"])
async def test_a_wrong_join_token_is_refused(server: RunningServer, tmp_path: Path, token: str) -> None:
    pin = (await server.join_token()).rpartition(".")[2]
    channel = open_channel(server.started.grpc_address, await fetch_certificate(server.started.grpc_address, pin))
    agent = Puppet(channel, Identity.load_or_create(tmp_path / "key"), "x")
    with pytest.raises(MusterError) as refused:
        await agent.register(token)
    assert refused.value.reason is Reason.JOIN_TOKEN_INVALID
    assert "muster token create" in refused.value.hint
    await channel.close()


async def test_a_server_that_the_token_does_not_name_is_not_spoken_to(server: RunningServer) -> None:
    with pytest.raises(MusterError) as refused:
        await fetch_certificate(server.started.grpc_address, "x" * 43)
    assert refused.value.reason is Reason.SERVER_IDENTITY
    assert certificate_pin((server.folder / "server.crt").read_text()) in await server.join_token()


async def test_a_forged_or_stale_proof_is_refused(server: RunningServer, tmp_path: Path) -> None:
    async with puppet(server.started.grpc_address, await server.join_token(), tmp_path) as agent:
        good = agent.identity.prove
        agent.identity.prove = lambda purpose, name: good("broker", name)  # type: ignore[method-assign]
        with pytest.raises(MusterError) as forged:
            await agent.register()
        assert forged.value.reason is Reason.UNAUTHENTICATED

        def old(purpose: str, name: str):  # type: ignore[no-untyped-def]
            proof = good(purpose, name)
            proof.signed_at_ms -= 700_000
            return proof

        agent.identity.prove = old  # type: ignore[method-assign]
        with pytest.raises(MusterError) as stale:
            await agent.register()
        assert stale.value.reason is Reason.CLOCK_SKEW


@pytest.mark.parametrize("name", ["", "a b", "x" * 65, "../x", "a:b", "ünïcode", "-x"])
async def test_names_that_could_be_misread_are_refused(server: RunningServer, tmp_path: Path, name: str) -> None:
    async with puppet(server.started.grpc_address, await server.join_token(), tmp_path) as agent:
        agent.name = name
        with pytest.raises(MusterError) as refused:
            await agent.register()
    assert refused.value.reason is Reason.INVALID_REQUEST


async def test_renewed_credentials_work_and_a_retired_agent_has_none(server: RunningServer, tmp_path: Path) -> None:
    async with puppet(server.started.grpc_address, await server.join_token(), tmp_path) as agent:
        stub = AgentRegistrationStub(agent.channel)
        renewed = await stub.RenewCredentials(RenewCredentialsRequest(), metadata=agent.metadata())
        metadata = (("authorization", f"Bearer {renewed.credentials.access_token}"),)
        await stub.DeregisterAgent(DeregisterAgentRequest(), metadata=metadata)
        assert (await server.get("/api/v1/agents"))["items"] == []
        for credentials in (metadata, agent.metadata()):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stub.RenewCredentials(RenewCredentialsRequest(), metadata=credentials)
            assert read_problem(refused.value).reason is Reason.UNAUTHENTICATED
        with pytest.raises(MusterError):
            await agent.register()


async def test_what_an_agent_has_open_ends_when_it_is_retired(server: RunningServer, tmp_path: Path) -> None:
    async with puppet(server.started.grpc_address, await server.join_token(), tmp_path) as agent:
        bus = await agent.bus()
        commands = AgentCommandsStub(agent.channel).ReceiveCommands(ReceiveCommandsRequest(), metadata=agent.metadata())
        await commands.initial_metadata()
        assert (await server.http.delete(f"/api/v1/agents/{agent.id}")).status_code == 204
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            await commands.read()
        assert read_problem(ended.value).reason is Reason.UNAUTHENTICATED
        async with asyncio.timeout(10):
            await bus.wait_refused()
        assert not bus.connected
        await bus.close()


async def test_the_name_of_a_retired_agent_is_free_and_its_messages_are_not_inherited(
    server: RunningServer, tmp_path: Path
) -> None:
    async with puppet(server.started.grpc_address, await server.join_token(), tmp_path / "1") as first:
        old = first.id
    assert (await server.http.delete(f"/api/v1/agents/{old}")).status_code == 204
    assert (await server.http.get(f"/api/v1/agents/{old}")).status_code == 404
    async with puppet(server.started.grpc_address, await server.join_token(), tmp_path / "2") as second:
        assert second.id != old
        assert second.registered.queue != f"agent_queue_{old}"


async def test_agents_and_their_last_words_survive_a_restart_of_the_server(tmp_path: Path) -> None:
    async with (
        running_server(tmp_path / "data") as server,
        puppet(server.started.grpc_address, await server.join_token(), tmp_path) as agent,
    ):
        first = agent.id
    async with running_server(tmp_path / "data") as server:
        view = await server.get("/api/v1/agents/puppet")
        assert (view["id"], view["presence"]["state"]) == (first, "suspect")
        channel = open_channel(server.started.grpc_address, (tmp_path / "data/server.crt").read_text())
        again = Puppet(channel, Identity.load_or_create(tmp_path / "puppet.key"), "puppet")
        await again.register()
        assert again.id == first
        await channel.close()


async def test_brokers_see_everybody_then_changes_in_order(server: RunningServer, tmp_path: Path) -> None:
    async with puppet(server.started.grpc_address, await server.join_token(), tmp_path, labels={"env": "lab"}) as agent:
        secret = (await server.join_token("broker")).rpartition(".")[0]
        proof = Identity.load_or_create(tmp_path / "broker.key").prove("broker", "b")
        request = RegisterBrokerRequest(join_token=secret, name="b", proof=proof)
        registered = await BrokerRegistrationStub(agent.channel).RegisterBroker(request)
        metadata = (("authorization", f"Bearer {registered.credentials.access_token}"),)
        call = AgentStatusStub(agent.channel).SubscribeToAgentStatus(SubscribeToAgentStatusRequest(), metadata=metadata)
        first = await call.read()
        assert [(a.name, dict(a.labels), a.attached) for a in first.snapshot.agents] == [
            ("puppet", {"env": "lab"}, False)
        ]
        async with agent.beating():
            change = await call.read()
            while not change.changed.attached:
                change = await call.read()
        await server.http.delete(f"/api/v1/agents/{agent.id}")
        while change.removed != agent.id:
            before, change = change, await call.read()
            assert change.sequence == before.sequence + 1
        call.cancel()
