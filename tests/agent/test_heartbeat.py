"""Heartbeats: they go on whatever handlers do, and both sides reconcile."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from muster_agent import Agent, AgentSettings, IncomingMessage, Reply, run_agent
from muster_agent.control import board as board_module
from muster_agent.control.backoff import Backoff
from muster_agent.control.board import Board, RunNote
from muster_agent.inbox.core import FRESH_MS
from muster_agent.runs.runner import Runner
from muster_protos.v1.status_pb2 import LIFECYCLE_FAILED, LIFECYCLE_RUNNING, LIFECYCLE_STOPPING, HeartbeatReply
from muster_shared_models.problems import MusterError
from tests.agent.conftest import Running
from tests.agent.fake_server import FakeServer
from tests.agent.processes import agent_process
from tests.agent.talk import Talk
from tests.agent.waiting import until

BLOCKING = """
import asyncio, time
from muster_agent import Agent

agent = Agent("bad")


@agent.on_message
async def block(message, reply):
    await reply.say("now I block the loop")
    await asyncio.sleep(0.1)
    time.sleep(2)


agent.run()
"""


async def test_heartbeats_go_on_and_tell_how_late_a_blocked_loop_is(server: FakeServer, tmp_path: Path) -> None:
    server.heartbeat_ms = 100
    async with agent_process(BLOCKING, server, tmp_path) as (_, talk):
        run_id = await talk.send("x")
        late = await until(lambda: [beat for beat in server.beats if beat.loop_lag_ms > 1000], what="a late beat")
        assert late[0].runs[0].run_id == run_id
        await talk.end(run_id)
        await until(lambda: server.beats[-1].loop_lag_ms < 1000 and not server.beats[-1].runs)


async def test_a_beat_tells_the_facts(running: Running, server: FakeServer) -> None:
    agent = Agent("slow", slots=2)
    gate = asyncio.Event()

    @agent.on_message
    async def wait(message: IncomingMessage, reply: Reply) -> None:
        await gate.wait()

    async with running(agent) as talk:
        first = server.beats[-1]
        assert (first.slots, first.unacked, first.lifecycle) == (2, 0, LIFECYCLE_RUNNING)
        run_id = await talk.send("Please wait\nfor me", conversation="cnv_7")
        beat = await until(lambda: server.beats[-1] if server.beats[-1].runs else None)
        assert beat.load_percent >= 50
        assert beat.unacked == 1
        note = beat.runs[0]
        assert (note.run_id, note.conversation, note.title) == (run_id, "cnv_7", "Please wait")
        gate.set()
        await talk.end(run_id)
        await until(lambda: server.beats[-1].last_line == "Please wait for me" and not server.beats[-1].runs)
    assert server.beats[-1].lifecycle == LIFECYCLE_STOPPING
    assert [beat.number for beat in server.beats] == list(range(1, len(server.beats) + 1))


async def test_a_server_that_comes_back_hears_beats_again(running: Running, server: FakeServer) -> None:
    agent = Agent("echo")
    agent.on_message(lambda message: message.text)
    async with running(agent):
        await server.hang_up()
        heard = len(server.beats)
        await server.listen()
        await until(lambda: len(server.beats) > heard)


async def test_when_the_server_is_back_nobody_waits_until_the_next_try_is_due(
    running: Running, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given an agent whose server is away, and pauses of an hour between tries
    monkeypatch.setattr(Backoff, "next", lambda _: 3600.0)
    agent = Agent("echo")
    agent.on_message(lambda message: message.text)
    async with running(agent):
        await server.hang_up()
        beats, attachments = server.streams_of_beats, len(server.attachments)
        await asyncio.sleep(1)  # until all that was cut has been tried again, and waits for an hour

        # When the server is back
        await server.listen()

        # Then it hears beats, and its instructions are heard
        await until(lambda: server.streams_of_beats > beats and len(server.attachments) > attachments)


async def test_what_comes_while_nobody_can_tell_of_a_stop_is_asked_for(running: Running, server: FakeServer) -> None:
    # Given an agent that has been there for some time, and has just lost the stream that tells of stops
    agent = Agent("echo")
    agent.on_message(lambda message: message.text)
    async with running(agent) as talk:
        await talk.end(await talk.send("first"))
        await asyncio.sleep(FRESH_MS / 1000 + 0.2)
        server.refuse_commands = True
        for stream in list(server.command_streams):
            stream.put_nowait(None)
        await until(lambda: not server.command_streams)

        # When a message comes at once
        run_id = await talk.send("hi")

        # Then it is begun when the server says that it is still wanted
        await talk.end(run_id)
        assert run_id in server.claims


async def test_a_server_that_never_answers_is_asked_anew(
    running: Running, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("muster_agent.control.heartbeat.SILENCE_S", 0.5)
    agent = Agent("echo")
    agent.on_message(lambda message: message.text)
    async with running(agent):
        await until(lambda: server.streams_of_beats == 1)
        server.silent = True
        await until(lambda: server.streams_of_beats >= 2)
        server.silent = False


async def test_runs_that_the_server_has_ended_are_stopped(running: Running, server: FakeServer) -> None:
    agent = Agent("slow")

    @agent.on_message
    async def wait(message: IncomingMessage, reply: Reply) -> None:
        await asyncio.Event().wait()

    async with running(agent) as talk:
        run_id = await talk.send("x")
        await until(lambda: server.beats[-1].runs)
        server.runs_to_stop = [run_id, "run_unknown"]
        assert (await talk.end(run_id)).kind == "RUN_ERROR"


async def test_what_the_server_has_ended_is_stopped_before_the_others_may_act(
    running: Running, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    heard, stop_known = Board.heard, Runner.stop_known

    def note_heard(board: Board, reply: HeartbeatReply, at: float) -> None:
        seen.extend(["heard"] if reply.runs_to_stop else [])
        heard(board, reply, at)

    def note_stop(runner: Runner, run_ids: list[str]) -> None:
        seen.append("stopped")
        stop_known(runner, run_ids)

    monkeypatch.setattr(Board, "heard", note_heard)
    monkeypatch.setattr(Runner, "stop_known", note_stop)
    agent = Agent("echo")
    agent.on_message(lambda message: message.text)
    server.runs_to_stop = ["run_1"]
    async with running(agent):
        await until(lambda: len(seen) >= 2)
    assert seen[:2] == ["stopped", "heard"]


def test_the_lease_holds_for_a_while_after_the_server_was_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(board_module, "awake_s", lambda: now[0])
    board = Board()
    assert not board.lease_holds
    board.heard(HeartbeatReply(commands_attached=True), now[0])
    assert board.lease_holds
    now[0] += 46
    assert not board.lease_holds


def test_load_is_the_higher_of_slots_and_machine() -> None:
    board = Board(slots=4)
    board.notes = lambda: [RunNote("run_1", "", "", 0)]
    assert board.beat(machine_load=10, lag_ms=0).load_percent == 25
    assert board.beat(machine_load=80, lag_ms=0).load_percent == 80


async def test_an_agent_that_fails_says_so_in_its_last_beat(
    server: FakeServer, settings_for: Callable[..., AgentSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = Agent("echo")
    agent.on_message(lambda message: message.text)
    task = asyncio.create_task(run_agent(settings_for(), agent))
    await until(lambda: server.beats and server.beats[-1].consumer_attached)
    monkeypatch.setattr("muster_agent.journal.messages.PUT", {1: "INSERT INTO nowhere VALUES (1)"})
    monkeypatch.setattr("muster_agent.journal.messages.AT_ONCE", (1,))
    async with Talk(server.bus, next(iter(server.keys.values()))) as talk:
        run_id = await talk.send("x")
        with pytest.raises(MusterError, match="journal cannot be written"):
            await asyncio.wait_for(task, 20)
        assert talk.kinds(run_id) == []
    assert server.beats[-1].lifecycle == LIFECYCLE_FAILED
