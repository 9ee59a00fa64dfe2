"""Commands against a server: exact, live, bounded, stopped for certain, run once."""

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from muster_agent import Agent
from muster_agent.control.backoff import Backoff
from muster_agent.machine.output import HEAD_BYTES, TAIL_BYTES
from muster_protos.v1 import commands_pb2 as cmd
from muster_shared_models.ids import IdKind, new_id
from tests.agent.conftest import Running
from tests.agent.fake_server import FakeServer
from tests.agent.processes import bearing
from tests.agent.waiting import until

SHOW = "import sys, os; sys.stdout.buffer.write(b'\\0'.join(os.fsencode(a) for a in sys.argv[1:]))"


@pytest.fixture
def agent() -> Agent:
    agent = Agent("worker")
    agent.on_message(lambda message: message.text)
    return agent


def program(*argv: str, shell: str = "", timeout_s: int = 30, expires_at_ms: int = 0) -> cmd.RunProgram:
    return cmd.RunProgram(
        command_id=new_id(IdKind.COMMAND), argv=argv, shell=shell, timeout_s=timeout_s, by="ada",
        expires_at_ms=expires_at_ms or round(time.time() * 1000) + 60_000,
    )  # fmt: skip


async def push(server: FakeServer, order: cmd.RunProgram) -> str:
    await until(lambda: server.command_streams)
    server.push(cmd.Instruction(run_program=order))
    return order.command_id


async def result(server: FakeServer, command_id: str) -> cmd.CommandResult:
    await until(lambda: server.results.get(command_id), what=f"result of {command_id}")
    return server.results[command_id][0]


async def run(server: FakeServer, order: cmd.RunProgram) -> cmd.CommandResult:
    return await result(server, await push(server, order))


def output(server: FakeServer, command_id: str) -> dict[int, cmd.CommandOutput]:
    """Return the pieces by their offsets, as a server places them."""
    return {
        said.output.offset: said.output for said in server.progress[command_id] if said.HasField("output")
    }  # fmt: skip


def text(server: FakeServer, command_id: str) -> bytes:
    return b"".join(piece.data for _, piece in sorted(output(server, command_id).items()))


def stop(server: FakeServer, command_id: str, grace_ms: int = 500) -> None:
    server.push(cmd.Instruction(stop_command=cmd.StopCommand(command_id=command_id, grace_ms=grace_ms)))


async def test_a_program_gets_exactly_its_arguments(running: Running, server: FakeServer, agent: Agent) -> None:
    odd = ["", " ", "two words", "$(id)", "`id`", "*", "a;b", "line\nbreak", "\\", "'\"", "--", "Grüße", "${x@P}", "&&"]
    async with running(agent):
        order = program(sys.executable, "-c", SHOW, *odd)
        done = await run(server, order)
        assert (done.outcome, done.exit_code) == (cmd.OUTCOME_EXITED, 0)
        assert text(server, order.command_id).decode().split("\0") == odd


async def test_a_shell_line_runs_in_the_shell_in_the_working_folder(
    running: Running, server: FakeServer, agent: Agent, tmp_path: Path
) -> None:
    async with running(agent):
        order = program(shell="echo a && echo b >&2; pwd; exit 3")
        done = await run(server, order)
        assert (done.outcome, done.exit_code) == (cmd.OUTCOME_EXITED, 3)
        pieces = list(output(server, order.command_id).values())
        assert b"".join(piece.data for piece in pieces if piece.stderr) == b"b\n"
        assert b"".join(piece.data for piece in pieces if not piece.stderr) == f"a\n{tmp_path / 'work'}\n".encode()
        assert done.output_bytes == sum(len(piece.data) for piece in pieces)
        assert server.progress[order.command_id][0].started.pid > 0


async def test_programs_see_no_secrets_and_no_input(
    running: Running, server: FakeServer, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MUSTER_JOIN", "MISTRAL_API_KEY", "AWS_SECRET_ACCESS_KEY", "DATABASE_URL"):
        monkeypatch.setenv(name, "canary-value")
    monkeypatch.setenv("ALLOWED", "visible")
    async with running(agent, join=server.join_token, pass_environment=["ALLOWED"]):
        order = program(shell="env; cat; echo end")
        await run(server, order)
        seen = text(server, order.command_id).decode()
        assert "canary-value" not in seen
        assert "ALLOWED=visible" in seen
        assert f"MUSTER_COMMAND_ID={order.command_id}" in seen
        assert seen.endswith("end\n")


async def test_output_comes_live_and_in_order(running: Running, server: FakeServer, agent: Agent) -> None:
    async with running(agent):
        order = program(shell="for i in 1 2 3; do echo $i; sleep 0.15; done; read -t 20 x; sleep 20")
        command_id = await push(server, order)
        await until(lambda: text(server, command_id) == b"1\n2\n3\n")
        assert len(output(server, command_id)) >= 2
        assert not server.results[command_id]
        stop(server, command_id)
        await result(server, command_id)


async def test_a_flood_is_bounded_and_says_how_much_it_left_out(
    running: Running, server: FakeServer, agent: Agent
) -> None:
    async with running(agent):
        total = 8_000_000
        order = program(shell=f"yes 0123456789 | head -c {total}; echo; echo the end")
        done = await run(server, order)
        pieces = [piece for _, piece in sorted(output(server, order.command_id).items())]
        assert done.output_bytes == total + 9
        assert sum(len(piece.data) for piece in pieces) == HEAD_BYTES + TAIL_BYTES
        assert sum(piece.dropped for piece in pieces) == total + 9 - HEAD_BYTES - TAIL_BYTES
        assert pieces[-1].data.endswith(b"the end\n")
        position = 0
        for piece in pieces:
            assert piece.offset == position + piece.dropped
            position = piece.offset + len(piece.data)


async def test_what_cannot_be_started_says_why(running: Running, server: FakeServer, agent: Agent) -> None:
    async with running(agent):
        done = await run(server, program("no-such-program-here"))
        assert done.outcome == cmd.OUTCOME_NOT_STARTED
        assert "no-such-program-here" in done.detail
        both = program("ls", shell="ls")
        assert (await run(server, both)).outcome == cmd.OUTCOME_NOT_STARTED
        assert (await run(server, program("nul\0inside"))).outcome == cmd.OUTCOME_NOT_STARTED


async def test_a_missing_working_folder_is_told(
    running: Running, server: FakeServer, agent: Agent, tmp_path: Path
) -> None:
    async with running(agent, workdir=tmp_path / "gone"):
        done = await run(server, program("ls"))
        assert done.outcome == cmd.OUTCOME_NOT_STARTED
        assert "folder" in done.detail


async def test_a_time_limit_ends_it(running: Running, server: FakeServer, agent: Agent) -> None:
    async with running(agent):
        done = await run(server, program(shell="echo begun; sleep 30", timeout_s=1))
        assert done.outcome == cmd.OUTCOME_TIMED_OUT
        assert done.stop_confirmed_at_ms >= done.stop_acknowledged_at_ms > 0


async def test_a_stop_has_three_stages_and_leaves_no_process(
    running: Running, server: FakeServer, agent: Agent
) -> None:
    """Children, children that left the group, and some that ignore SIGTERM."""
    async with running(agent):
        stubborn = "(setsid nohup sh -c 'trap \"\" TERM; sleep 63; sleep 66' &)"
        order = program(
            shell=f"trap '' TERM; sleep 61 & (setsid sleep 62 &); {stubborn}; echo ready; sleep 64; sleep 65"
        )
        command_id = await push(server, order)
        await until(lambda: b"ready" in text(server, command_id))
        await until(lambda: len(bearing(command_id)) >= 5)
        stop(server, command_id, grace_ms=300)
        acknowledged = await until(
            lambda: [said for said in server.progress[command_id] if said.HasField("stop_acknowledged")]
        )
        assert acknowledged[0].stop_acknowledged.processes >= 5
        done = await result(server, command_id)
        assert done.outcome == cmd.OUTCOME_STOPPED
        assert done.processes_ended >= 5
        assert 250 <= done.stop_confirmed_at_ms - done.stop_acknowledged_at_ms < 5000
        assert bearing(command_id) == []


async def test_a_stop_that_is_obeyed_does_not_wait_for_the_grace(
    running: Running, server: FakeServer, agent: Agent
) -> None:
    async with running(agent):
        command_id = await push(server, program(shell="echo ready; exec sleep 60"))
        await until(lambda: text(server, command_id))
        stop(server, command_id, grace_ms=20_000)
        done = await result(server, command_id)
        assert done.outcome == cmd.OUTCOME_STOPPED
        assert done.stop_confirmed_at_ms - done.stop_acknowledged_at_ms < 2000


async def test_a_stop_that_comes_first_prevents_the_start(running: Running, server: FakeServer, agent: Agent) -> None:
    async with running(agent):
        order = program(shell="echo never")
        await until(lambda: server.command_streams)
        stop(server, order.command_id)
        done = await run(server, order)
        assert done.outcome == cmd.OUTCOME_STOPPED
        assert server.progress[order.command_id] == []


async def test_an_expired_command_is_never_started(running: Running, server: FakeServer, agent: Agent) -> None:
    async with running(agent):
        done = await run(server, program(shell="echo never", expires_at_ms=1))
        assert done.outcome == cmd.OUTCOME_EXPIRED


async def test_a_refusing_agent_refuses(running: Running, server: FakeServer, agent: Agent) -> None:
    async with running(agent, commands="refuse"):
        done = await run(server, program("ls"))
        assert done.outcome == cmd.OUTCOME_REFUSED
        assert "owner" in done.detail


async def test_the_same_command_twice_runs_once(
    running: Running, server: FakeServer, agent: Agent, tmp_path: Path
) -> None:
    async with running(agent):
        order = program(shell="echo line >> ../marks; sleep 0.2")
        await push(server, order)
        await push(server, order)
        await result(server, order.command_id)

        def told_again() -> bool:
            server.push(cmd.Instruction(run_program=order))
            return len(server.results[order.command_id]) >= 2

        await until(told_again)
        assert (tmp_path / "marks").read_text() == "line\n"
        assert len({done.ended_at_ms for done in server.results[order.command_id]}) == 1


async def test_output_and_result_survive_a_lost_connection(
    running: Running, server: FakeServer, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("reporter", "stream"):
        monkeypatch.setattr(f"muster_agent.commands.{module}.Backoff", lambda: Backoff(0.02, 0.1))
    async with running(agent):
        order = program(shell="for i in 1 2 3 4 5 6; do echo $i; sleep 0.1; done")
        server.cut_output_after = 3
        command_id = await push(server, order)
        await until(lambda: len(server.progress[command_id]) >= 3)
        server.refuse_results = True
        await server.hang_up()
        await server.listen()
        await until(lambda: text(server, command_id) == b"1\n2\n3\n4\n5\n6\n")
        server.refuse_results = False
        done = await result(server, command_id)
        assert done.outcome == cmd.OUTCOME_EXITED
        assert len(server.results[command_id]) == 1


async def test_the_stream_says_what_is_running_when_it_is_opened_again(
    running: Running, server: FakeServer, agent: Agent
) -> None:
    async with running(agent):
        command_id = await push(server, program(shell="echo ready; sleep 60"))
        await until(lambda: text(server, command_id))
        server.push(cmd.Instruction(goodbye=cmd.Goodbye(reconnect_after_ms=10)))
        await until(lambda: len(server.attachments) >= 2)
        assert server.attachments[-1] == [command_id]
        stop(server, command_id)
        await result(server, command_id)


async def test_a_stream_that_the_server_does_not_see_is_opened_anew(
    running: Running, server: FakeServer, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("muster_agent.commands.stream.DISBELIEF_S", 0.1)
    monkeypatch.setattr("muster_agent.commands.stream.LOOK_S", 0.05)
    async with running(agent):
        await until(lambda: len(server.attachments) == 1)
        server.attached_belief = False
        await until(lambda: len(server.attachments) >= 2)
        server.attached_belief = None


async def test_a_run_is_stopped_through_the_command_stream(running: Running, server: FakeServer) -> None:
    agent = Agent("slow")
    agent.on_message(_wait)
    async with running(agent) as talk:
        run_id = await talk.send("x")
        await until(lambda: talk.kinds(run_id))
        server.push(cmd.Instruction(stop_run=cmd.StopRun(run_id=run_id)))
        end = await talk.end(run_id)
        assert end.kind == "RUN_ERROR"
        assert end.reason == "stopped"


async def _wait(message: Any) -> None:
    await asyncio.Event().wait()


async def test_stopping_the_agent_ends_its_programs_and_reports_them(
    running: Running, server: FakeServer, agent: Agent
) -> None:
    async with running(agent):
        command_id = await push(server, program(shell="echo ready; sleep 60 & sleep 60"))
        await until(lambda: text(server, command_id))
    done = server.results[command_id][0]
    assert done.outcome == cmd.OUTCOME_STOPPED
    assert "agent was stopped" in done.detail
    assert bearing(command_id) == []


async def test_what_a_program_leaves_running_is_left_and_told(
    running: Running, server: FakeServer, agent: Agent
) -> None:
    async with running(agent):
        done = await run(server, program(shell="sleep 61 >/dev/null 2>&1 & echo started"))
        assert done.outcome == cmd.OUTCOME_EXITED
        assert "1 process that it started still runs" in done.detail
        (left,) = bearing(done.command_id)
        psutil.Process(left).kill()


async def test_many_commands_wait_for_a_place(
    running: Running, server: FakeServer, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("muster_agent.commands.service.AT_ONCE", 2)
    async with running(agent):
        orders = [program(shell="echo begin >> ../marks; sleep 0.1; echo end >> ../marks") for _ in range(6)]
        for order in orders:
            await push(server, order)
        for order in orders:
            assert (await result(server, order.command_id)).outcome == cmd.OUTCOME_EXITED
