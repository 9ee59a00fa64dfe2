"""Agents as real processes: the one that fits on a page, and what is left after a crash, Ctrl-C and SIGTERM."""

import signal
import time
from pathlib import Path

import psutil

from muster_protos.v1 import commands_pb2 as cmd
from muster_protos.v1.status_pb2 import LIFECYCLE_DRAINING, LIFECYCLE_STOPPING
from muster_shared_models.ids import IdKind, new_id
from muster_shared_models.run_events import RunError, RunStarted
from tests.agent.fake_server import FakeServer
from tests.agent.processes import agent_process, attached, bearing, ended, kill, start_agent
from tests.agent.talk import Talk
from tests.agent.waiting import until

GREETER = """
from muster_agent import Agent

agent = Agent("greeter", about="greets people", skills=["greet"])


@agent.on_message
async def greet(message, reply):
    await reply.say(f"Hello, {message.text}!")


agent.run()  # MUSTER_SERVER, MUSTER_JOIN from the environment (or --server/--join on the command line)
"""

SLOW = """
import asyncio
from pathlib import Path
from muster_agent import Agent

agent = Agent("slow", tools=["shell"])


@agent.on_message
async def work(message, reply):
    await reply.say("begun ")
    if message.text.startswith("$"):
        await reply.use("shell", command=message.text[1:])
    elif not Path("go").exists():
        await asyncio.sleep(60)
    await reply.say("done")


agent.run()
"""

STUBBORN = """
import asyncio
from muster_agent import Agent

agent = Agent("stubborn")


@agent.on_message
async def go_on(message, reply):
    await reply.say("begun ")
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            pass


agent.run()
"""

BLOCKING = """
import time
from muster_agent import Agent

agent = Agent("blocking")


@agent.on_message
async def block(message, reply):
    while True:
        time.sleep(0.05)


agent.run()
"""

BUILTIN = """
from muster_agent.builtin import build
from muster_agent.settings import load_settings

settings = load_settings()
build({name!r}, settings).run(settings)
"""


async def test_an_agent_on_one_page_greets(server: FakeServer, tmp_path: Path) -> None:
    assert len(GREETER.strip().splitlines()) <= 15
    async with agent_process(GREETER, server, tmp_path) as (process, talk):
        assert await talk.ask("Ada") == "Hello, Ada!"
        process.send_signal(signal.SIGINT)
        assert await ended(process) == 0
    assert server.beats[-1].lifecycle == LIFECYCLE_STOPPING


async def test_the_command_line_wins_over_the_environment(server: FakeServer, tmp_path: Path) -> None:
    script = GREETER.replace("agent.run()", f"agent.run(arguments=['--server', '{server.address}', '--name', 'other'])")
    async with agent_process(script, server, tmp_path, MUSTER_SERVER="127.0.0.1:1"):
        assert server.joins[0].description.name == "other"


async def test_what_is_wrong_is_told_in_two_lines_and_the_exit_code(server: FakeServer, tmp_path: Path) -> None:
    process = start_agent(GREETER, server, tmp_path, MUSTER_JOIN="")
    assert await ended(process) == 4
    log = (tmp_path / "agent.log").read_text()
    assert "has no join token" in log
    assert "muster token create" in log
    assert "Traceback" not in log


async def test_a_killed_agent_begins_the_run_again_as_its_second_attempt(server: FakeServer, tmp_path: Path) -> None:
    process = start_agent(SLOW, server, tmp_path)
    agent_id = await attached(server, tmp_path, process)
    async with Talk(server.bus, agent_id) as talk:
        run_id = await talk.send("x")
        await until(lambda: talk.kinds(run_id))
        kill(process)
        (tmp_path / "work" / "go").touch()
        script = SLOW.replace("Path(", f"Path({str(tmp_path / 'work')!r}, ")
        server.beats.clear()
        async with agent_process(script, server, tmp_path):
            assert server.joins[-1].unfinished_runs == [run_id]
            assert await talk.answer(run_id) == "begun done"
            attempts = [event.attempt for event in talk.events[run_id] if isinstance(event, RunStarted)]
            assert attempts == [1, 2]
            assert len(talk.ends(run_id)) == 1


async def test_a_killed_agent_never_repeats_a_side_effect(server: FakeServer, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    process = start_agent(SLOW, server, tmp_path)
    agent_id = await attached(server, tmp_path, process)
    async with Talk(server.bus, agent_id) as talk:
        run_id = await talk.send(f"$echo line >> {marks}; sleep 45")
        await until(marks.exists)
        kill(process)
        server.beats.clear()
        async with agent_process(SLOW, server, tmp_path):
            end = await talk.end(run_id)
            assert isinstance(end, RunError)
            assert end.reason == "interrupted"
            assert marks.read_text() == "line\n"
            await until(lambda: not bearing(run_id), what="the end of what the first process left running")


async def test_a_killed_agent_reports_its_command_as_interrupted(server: FakeServer, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    process = start_agent(SLOW, server, tmp_path)
    await attached(server, tmp_path, process)
    await until(lambda: server.command_streams)
    order = cmd.RunProgram(
        command_id=new_id(IdKind.COMMAND), shell=f"echo line >> {marks}; sleep 45", timeout_s=60,
        expires_at_ms=round(time.time() * 1000) + 60_000,
    )  # fmt: skip
    server.push(cmd.Instruction(run_program=order))
    await until(marks.exists)
    kill(process)
    server.beats.clear()
    async with agent_process(SLOW, server, tmp_path):
        await until(lambda: server.results[order.command_id])
        done = server.results[order.command_id][0]
        assert done.outcome == cmd.OUTCOME_INTERRUPTED
        assert "not run again" in done.detail
        assert bearing(order.command_id) == []
    assert marks.read_text() == "line\n"


async def test_sigterm_lets_runs_end_within_their_grace(server: FakeServer, tmp_path: Path) -> None:
    async with agent_process(SLOW, server, tmp_path, MUSTER_AGENT_GRACE="20") as (process, talk):
        run_id = await talk.send("$sleep 1; echo finished")
        await until(lambda: "TOOL_CALL_START" in talk.kinds(run_id))
        process.terminate()
        await until(lambda: any(beat.lifecycle == LIFECYCLE_DRAINING for beat in server.beats))
        assert await talk.answer(run_id) == "begun done"
        assert await ended(process) == 0


async def test_after_the_grace_nothing_is_left_running(server: FakeServer, tmp_path: Path) -> None:
    async with agent_process(SLOW, server, tmp_path, MUSTER_AGENT_GRACE="0.2") as (process, talk):
        run_id = await talk.send("$(setsid sleep 61 &); sleep 62")
        await until(lambda: len(bearing(run_id)) >= 3)
        children = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        assert await ended(process) == 0
        assert bearing(run_id) == []
        assert [child for child in children if _lives(child)] == []
        assert talk.ends(run_id) == []


async def test_the_third_signal_ends_even_a_blocked_agent(server: FakeServer, tmp_path: Path) -> None:
    async with agent_process(BLOCKING, server, tmp_path) as (process, talk):
        await talk.send("x")
        await until(lambda: server.beats[-1].loop_lag_ms > 100)
        for _ in range(3):
            process.send_signal(signal.SIGINT)
            await until(lambda: process.poll() is not None or server.beats, what="a moment")
            seen = len(server.beats)
            await until(lambda seen=seen: process.poll() is not None or len(server.beats) > seen)  # type: ignore[misc]
        assert await ended(process) == 130


async def test_the_built_in_operator_runs_a_tool(server: FakeServer, tmp_path: Path) -> None:
    async with agent_process(BUILTIN.format(name="operator"), server, tmp_path) as (_, talk):
        run_id = await talk.send("/shell echo $((6 * 7))")
        assert await talk.answer(run_id) == "Done."
        result = next(event for event in talk.events[run_id] if event.kind == "TOOL_CALL_RESULT")
        assert (result.output, result.exit_code, result.ok) == ("42\n", 0, True)


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


async def test_sigterm_ends_an_agent_whose_handler_ignores_its_cancel(server: FakeServer, tmp_path: Path) -> None:
    async with agent_process(STUBBORN, server, tmp_path, MUSTER_AGENT_GRACE="0") as (process, talk):
        run_id = await talk.send("x")
        await until(lambda: talk.events[run_id])
        process.terminate()
        assert await ended(process, 30) == 0
        assert server.beats[-1].lifecycle == LIFECYCLE_STOPPING
