"""Runs that people stop: their agents say how they ended, or the server does where they cannot."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from muster_protos.v1.runs_pb2 import ClaimRunRequest
from muster_protos.v1.runs_pb2_grpc import AgentRunsStub
from muster_server.conversations.service import UNANSWERED_MS, Conversations
from muster_server.store.store import Store
from muster_shared_models.conversations import StopRequested
from tests.server.desk import at_work
from tests.server.running import RunningServer, eventually
from tests.server.talk import RUN, Talk
from tests.server.test_commands import Hands, hands


async def ask(server: RunningServer, to: str = "agent:puppet") -> dict[str, Any]:
    return dict(await server.post("/api/v1/messages", {"to": to, "text": "act"}, 202))


async def stop(server: RunningServer, sent: dict[str, Any]) -> None:
    await server.post(f"/api/v1/runs/{sent['run_id']}/stop", status=202)


async def events(server: RunningServer, sent: dict[str, Any]) -> list[dict[str, Any]]:
    items = (await server.get(f"/api/v1/conversations/{sent['conversation']}/events"))["items"]
    return [item["event"] for item in items]


async def kinds(server: RunningServer, sent: dict[str, Any]) -> list[str]:
    return [event["kind"] for event in await events(server, sent)]


async def claim(agent: Hands, sent: dict[str, Any]) -> bool:
    stub = AgentRunsStub(agent.agent.channel)
    request = ClaimRunRequest(run_id=sent["run_id"])
    return bool((await stub.ClaimRun(request, metadata=agent.agent.metadata(), timeout=10)).granted)


async def test_an_agent_that_listens_is_asked_and_has_the_last_word(server: RunningServer, tmp_path: Path) -> None:
    async with at_work(server, tmp_path, "puppet") as desk, server.broker():
        hears = Hands(desk.agent)
        await hears.instructions.initial_metadata()
        sent = await ask(server)
        asked, _ = await desk.take()
        # The agent has begun, and nobody knows it yet.
        await stop(server, sent)
        assert (await hears.next()).stop_run.run_id == sent["run_id"]
        assert await kinds(server, sent) == ["USER_MESSAGE", "RUN_STOP_REQUESTED"]
        await desk.answer(asked, "done before I heard of it")

        async def finished() -> bool:
            return (await kinds(server, sent))[-1] == "RUN_FINISHED"

        await eventually(finished)
        hears.instructions.cancel()


async def test_an_agent_that_has_not_begun_asks_and_the_run_ends(server: RunningServer, tmp_path: Path) -> None:
    async with hands(server, tmp_path) as agent:
        sent = await ask(server)
        await stop(server, sent)
        assert (await agent.next()).stop_run.run_id == sent["run_id"]
        assert not await claim(agent, sent)
        assert (await events(server, sent))[-1]["reason"] == "stopped"
        assert (await events(server, sent))[-1]["message"] == "Stopped before the agent took it up."
        assert not await claim(agent, sent)
        assert len(await events(server, sent)) == 3


async def test_who_asks_again_does_not_wait_for_an_agent_that_says_nothing(
    server: RunningServer, tmp_path: Path
) -> None:
    async with hands(server, tmp_path) as agent:
        sent = await ask(server)
        await stop(server, sent)
        await stop(server, sent)
        assert (await events(server, sent))[-1]["kind"] == "RUN_ERROR"
        assert (await events(server, sent))[-1]["message"].endswith(", without an answer from the agent.")
        assert not await claim(agent, sent)


async def test_an_agent_that_comes_back_is_told_what_it_is_to_stop(server: RunningServer, tmp_path: Path) -> None:
    async with hands(server, tmp_path) as agent:
        asked, ended, wanted = [await ask(server) for _ in range(3)]
        for sent in (asked, ended, ended):
            await stop(server, sent)
        again = Hands(agent.agent)
        assert (await again.next()).stop_run.run_id == asked["run_id"]
        await stop(server, wanted)
        assert (await again.next()).stop_run.run_id == wanted["run_id"]
        again.instructions.cancel()


async def test_a_stop_does_not_wait_for_ever_for_an_agent_that_was_lost(
    server: RunningServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("muster_server.conversations.service.UNANSWERED_MS", 100)
    monkeypatch.setattr("muster_server.agents.core.LEASE_MS", 100)
    async with hands(server, tmp_path) as heard, hands(server, tmp_path / "other", "other") as lost:
        waits, ends = await ask(server), await ask(server, "agent:other")
        for agent, sent in ((heard, waits), (lost, ends)):
            await stop(server, sent)
            assert (await agent.next()).stop_run.run_id == sent["run_id"]
        lost.instructions.cancel()

        async def ended() -> bool:
            return (await kinds(server, ends))[-1] == "RUN_ERROR"

        await eventually(ended)
        assert (await events(server, ends))[-1]["message"] == "Stopped, without an answer from the agent."
        # It was stopped before the other one, and its agent can be asked.
        assert (await kinds(server, waits))[-1] == "RUN_STOP_REQUESTED"
        assert not await claim(lost, ends)


async def test_an_agent_whose_line_is_cut_is_asked_too_for_it_may_act(server: RunningServer, tmp_path: Path) -> None:
    async with hands(server, tmp_path) as agent:
        sent = await ask(server)
        agent.instructions.cancel()

        async def cut() -> bool:
            view = await server.get("/api/v1/agents/puppet")
            return view["presence"]["commands"]["state"] != "holds"

        await eventually(cut)
        await stop(server, sent)
        assert await kinds(server, sent) == ["USER_MESSAGE", "RUN_STOP_REQUESTED"]
        again = Hands(agent.agent)
        assert (await again.next()).stop_run.run_id == sent["run_id"]
        again.instructions.cancel()


async def test_what_was_to_be_stopped_ends_once_its_agent_acts_no_more(store: Store) -> None:
    now = 10 * UNANSWERED_MS
    talk = Talk(store)
    near: Any = talk.near
    conversations = Conversations(store, lambda: now, near, near, talk.receiver, {}, lambda _: None)
    await talk.begin()
    asked = StopRequested(run_id=RUN.id, by="Ada")
    await store.write(lambda tx: talk.receiver.end_unit(tx, replace(RUN, stop_requested_at=now), asked, 1))
    now += UNANSWERED_MS
    await conversations.sweep()
    assert await talk.kinds() == ["RUN_STOP_REQUESTED"]
    now += 1
    await conversations.sweep()
    assert await talk.kinds() == ["RUN_STOP_REQUESTED", "RUN_ERROR"]
    assert near.stopped == [(RUN.agent_id, RUN.id)]
    await conversations.sweep()
    assert len(await talk.kinds()) == 2
