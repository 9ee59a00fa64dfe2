"""An agent that takes up what it was asked long ago learns whether it still may."""

from asyncio import gather
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from muster_protos.v1 import commands_pb2 as wire
from muster_protos.v1.commands_pb2_grpc import AgentCommandsStub
from muster_protos.v1.status_pb2 import Heartbeat, RunInHand
from muster_protos.v1.status_pb2_grpc import AgentStatusStub
from muster_server.agents.core import Beat
from muster_server.agents.hearing import LOOKED_UP, Hearing
from muster_server.agents.registry import ENDED_KEPT, Registry
from muster_server.agents.store import AgentRow
from muster_server.conversations import store as runs
from muster_server.conversations.claiming import ended_runs
from muster_server.conversations.core import Run
from muster_server.store.store import Store
from muster_shared_models.agents import AgentDescription, RunBrief
from muster_shared_models.bodies import branch_run
from muster_shared_models.conversations import RunState
from muster_shared_models.problems import MusterError, Reason
from tests.server.puppet import puppet
from tests.server.running import eventually, running_server
from tests.server.talk import AGENT, ENDED, RUN, STARTED, Talk

MINE = branch_run("run_many", AGENT)
MANY = replace(RUN, id="run_many", agent_id="")


@pytest.fixture
async def talk(store: Store) -> Talk:
    talk = Talk(store)
    await talk.begin()
    await talk.begin(MANY)
    return talk


async def end(store: Store, run: Run, state: RunState, agent_id: str) -> None:
    await store.write(lambda tx: runs.save_run(tx, replace(run, agent_id=agent_id, state=state, ended_at=4)))


async def test_an_agent_may_take_up_what_it_was_asked_until_that_has_ended(talk: Talk, store: Store) -> None:
    assert [await talk.claims.claim(each, RUN.id) for each in (AGENT, "agt_2", AGENT)] == [True, False, True]
    await end(store, RUN, RunState.STOPPED, AGENT)
    assert not await talk.claims.claim(AGENT, RUN.id)


async def test_what_a_person_asked_to_stop_ends_when_the_agent_would_take_it_up_again(talk: Talk, store: Store) -> None:
    await store.write(lambda tx: runs.save_run(tx, replace(RUN, state=RunState.RUNNING, stop_requested_at=3)))
    assert not await talk.claims.claim(AGENT, RUN.id)
    assert await talk.kinds() == ["RUN_ERROR"]
    run = await store.read(lambda tx: runs.run_by_id(tx, RUN.id))
    assert run
    assert (run.state, run.ended_at) == (RunState.STOPPED, 5)


async def test_an_agent_has_its_part_of_a_message_to_many_before_the_notice_of_it_comes(talk: Talk) -> None:
    others = [MINE + "x", branch_run("run_many", "agt_2"), branch_run(RUN.id, AGENT), branch_run("run_x", AGENT)]
    assert [await talk.claims.claim(AGENT, each) for each in (MINE, MINE, *others)] == [True, True] + 4 * [False]


async def test_a_part_that_is_known_is_the_agents_until_it_has_ended(talk: Talk, store: Store) -> None:
    await end(store, MANY, RunState.FINISHED, "*")
    assert await talk.claims.claim(AGENT, MINE)
    await end(store, replace(MANY, id=MINE), RunState.STOPPED, AGENT)
    assert not await talk.claims.claim(AGENT, MINE)


async def test_nobody_begins_his_part_of_what_was_stopped_before_it_went_to_many(talk: Talk, store: Store) -> None:
    await end(store, MANY, RunState.STOPPED, "")
    assert not await talk.claims.claim(AGENT, MINE)


async def test_an_id_that_no_index_can_hold_is_nobodys(talk: Talk, store: Store) -> None:
    long = "".join(map(chr, range(0x4E00, 0x4E00 + 5_000)))
    assert not await talk.claims.claim(AGENT, long)
    assert await store.read(lambda tx: ended_runs(tx, [long])) == []


async def test_who_reports_of_a_run_that_has_ended_is_told_to_stop(talk: Talk, store: Store) -> None:
    await end(store, RUN, RunState.STOPPED, AGENT)
    await talk.report(STARTED, message_id="msg_a")
    assert await talk.kinds() == []
    assert talk.near.stopped == [(AGENT, RUN.id)]


async def test_who_ends_his_run_is_not_told_to_stop(talk: Talk) -> None:
    await talk.report(STARTED, *ENDED, message_id="msg_a")
    assert talk.near.stopped == []


# ---- what heartbeats name


class Fleet:
    """One agent whose heartbeats the test sends."""

    def __init__(self, db: Any) -> None:
        registry = Registry(5_000)
        self.hearing = Hearing(db, lambda: 5, registry, lambda _: None, ended_runs)
        registry.put(AgentRow(AGENT, b"", AgentDescription(name="one"), 1, 0), 1)

    def beat(self, *run_ids: str) -> list[str]:
        held = tuple(RunBrief(run_id=each, conversation="cnv_1", title="", started_at=None) for each in run_ids)
        return self.hearing.beat(AGENT, Beat(1, 0, True, 4, held, "", 0, "running"))


class Counted:
    """A database whose reads are counted; it may be busy."""

    def __init__(self, db: Store) -> None:
        self._db, self.reads, self.busy = db, 0, False

    async def read(self, unit: Any) -> Any:
        if self.busy:
            raise MusterError(Reason.DATABASE_BUSY, "busy")
        self.reads += 1
        return await self._db.read(unit)


async def test_runs_that_ended_before_the_server_started_are_found_once(talk: Talk, store: Store) -> None:
    await end(store, RUN, RunState.STOPPED, AGENT)
    db = Counted(store)
    fleet = Fleet(db)
    assert fleet.beat(RUN.id, MANY.id) == []
    db.busy = True
    with pytest.raises(MusterError):
        await fleet.hearing.look_up()
    db.busy = False
    fleet.beat(RUN.id, MANY.id)
    assert await fleet.hearing.look_up() == [(AGENT, RUN.id)]
    assert fleet.beat(RUN.id, MANY.id) == [RUN.id]
    assert await fleet.hearing.look_up() == []
    assert db.reads == 1


async def test_what_ended_too_long_ago_to_be_remembered_is_looked_up(talk: Talk, store: Store) -> None:
    fleet = Fleet(store)
    fleet.hearing.run_started(AGENT, RunBrief(run_id=RUN.id, conversation="cnv_1", title="", started_at=None))
    await end(store, RUN, RunState.STOPPED, AGENT)
    for run_id in (RUN.id, *map(str, range(ENDED_KEPT))):
        fleet.hearing.run_ended(AGENT, run_id)
    assert fleet.beat(RUN.id) == []
    assert await fleet.hearing.look_up() == [(AGENT, RUN.id)]


async def test_one_round_looks_up_a_few_hundred_runs_at_most(talk: Talk, store: Store) -> None:
    asked: list[int] = []
    fleet = Fleet(store)
    fleet.hearing._ended = lambda _, run_ids: asked.append(len(run_ids)) or []  # type: ignore[func-returns-value]
    for _ in range(20):
        fleet.beat(*map(str, range(1024)))
        await fleet.hearing.look_up()
    assert sum(asked) == 1024
    assert max(asked) <= LOOKED_UP


async def test_a_run_that_is_opened_again_is_not_stopped(talk: Talk, store: Store) -> None:
    fleet = Fleet(store)
    await end(store, RUN, RunState.FAILED, AGENT)
    fleet.hearing.run_ended(AGENT, RUN.id)
    opened = await store.write(lambda tx: talk.ends.reopened(tx, RUN.id, f"agent:{AGENT}", "somebody"))
    assert opened
    talk.ends.after(opened)
    assert talk.near.reopened == [RUN.id]
    fleet.hearing.run_reopened(RUN.id)
    assert fleet.beat(RUN.id) == []
    assert await fleet.hearing.look_up() == []


# ---- over the wire


async def a_stopped_run(folder: Path) -> tuple[str, dict[str, Any]]:
    """Let a server be asked for a run and to stop it, then end; return the agent's token and what was answered."""
    async with running_server(folder / "data") as server:
        token = await server.join_token()
        async with puppet(server.started.grpc_address, token, folder):
            sent = dict(await server.post("/api/v1/messages", {"to": "agent:puppet", "text": "act"}, 202))
        for _ in ("asked", "ended"):
            await server.post(f"/api/v1/runs/{sent['run_id']}/stop", status=202)
    return token, sent


async def test_an_agent_that_comes_back_to_another_server_process_is_told_what_was_stopped(tmp_path: Path) -> None:
    token, sent = await a_stopped_run(tmp_path)
    async with (
        running_server(tmp_path / "data") as server,
        puppet(server.started.grpc_address, token, tmp_path) as agent,
    ):
        request = wire.ReceiveCommandsRequest()
        instructions = AgentCommandsStub(agent.channel).ReceiveCommands(request, metadata=agent.metadata(), timeout=20)
        await instructions.initial_metadata()
        held = [RunInHand(run_id=sent["run_id"], conversation=sent["conversation"])]
        async with agent.beating() as again:
            told = (await gather(again(runs=held), instructions.read()))[1]
            assert told.stop_run.run_id == sent["run_id"]

            async def named() -> bool:
                return list((await again(runs=held)).runs_to_stop) == [sent["run_id"]]

            await eventually(named)
        instructions.cancel()


async def test_what_an_agent_had_begun_is_looked_up_when_it_registers(tmp_path: Path) -> None:
    token, sent = await a_stopped_run(tmp_path)
    run_id = sent["run_id"]
    async with (
        running_server(tmp_path / "data") as server,
        puppet(server.started.grpc_address, token, tmp_path, unfinished=["run_x", run_id]) as agent,
    ):
        first = Heartbeat(number=1, runs=[RunInHand(run_id=run_id, conversation=sent["conversation"])])
        beats = AgentStatusStub(agent.channel).ReportStatus(metadata=agent.metadata(), timeout=20)
        await beats.write(first)
        assert list((await beats.read()).runs_to_stop) == [run_id]
        beats.cancel()
