"""What is done with an instruction, and what is said of commands that are not run."""

import asyncio
from pathlib import Path
from typing import Any

import grpc
import pytest

from muster_agent.commands.core import Do, after_crash, judge, without_running
from muster_agent.commands.reporter import Reporter
from muster_agent.commands.service import Commands
from muster_agent.control.backoff import Backoff
from muster_agent.control.board import Board
from muster_agent.journal.commands import CommandRows
from muster_agent.journal.database import Journal
from muster_protos.v1.commands_pb2 import (
    OUTCOME_EXPIRED,
    OUTCOME_INTERRUPTED,
    OUTCOME_NOT_STARTED,
    OUTCOME_REFUSED,
    OUTCOME_STOPPED,
    CommandResult,
    Outcome,
    RunProgram,
)
from tests.agent.waiting import until

ORDER = RunProgram(command_id="cmd_1", argv=["ls"], expires_at_ms=1000)
NOTHING: dict[str, Any] = {"in_hand": False, "journalled": False, "stopped": False, "refusal": "", "now_ms": 999}


@pytest.mark.parametrize(
    ("facts", "do", "outcome"),
    [
        ({}, Do.RUN, None),
        ({"in_hand": True, "journalled": True}, Do.NOTHING, None),
        ({"journalled": True, "refusal": "no"}, Do.REPORT, None),
        ({"refusal": "no", "stopped": True}, Do.DECLINE, OUTCOME_REFUSED),
        ({"stopped": True, "now_ms": 2000}, Do.DECLINE, OUTCOME_STOPPED),
        ({"now_ms": 1000}, Do.DECLINE, OUTCOME_EXPIRED),
    ],
)
def test_an_instruction_is_judged_by_what_is_known(facts: dict[str, Any], do: Do, outcome: Outcome | None) -> None:
    verdict = judge(ORDER, **{**NOTHING, **facts})
    assert verdict.do is do
    if outcome is not None:
        result = without_running("cmd_1", verdict, 5)
        assert (result.outcome, result.ended_at_ms) == (outcome, 5)
        assert result.detail


def test_neither_or_both_of_program_and_shell_line_make_no_sense() -> None:
    for order in (RunProgram(command_id="c"), RunProgram(command_id="c", argv=["ls"], shell="ls")):
        assert judge(order, **NOTHING).outcome == OUTCOME_NOT_STARTED


def test_a_command_without_expiry_does_not_expire() -> None:
    assert judge(RunProgram(command_id="c", argv=["ls"]), **NOTHING).do is Do.RUN


def test_a_crash_is_told_as_what_it_is() -> None:
    result = after_crash("cmd_1", 10, 2, 20)
    assert (result.outcome, result.started_at_ms, result.processes_ended) == (OUTCOME_INTERRUPTED, 10, 2)
    assert "2 of its processes" in result.detail
    assert "processes" not in after_crash("cmd_1", 10, 0, 20).detail


class Told:
    """A reporter that only remembers."""

    def __init__(self) -> None:
        self.results: list[CommandResult] = []

    async def result(self, result: CommandResult) -> None:
        self.results.append(result)

    async def progress(self, command: object) -> None:
        return


async def test_what_the_last_process_owed_is_told_at_the_next_start(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    rows = CommandRows(journal)
    await rows.begin("cmd_died")
    await rows.end("cmd_ended", CommandResult(command_id="cmd_ended", exit_code=7).SerializeToString())
    await rows.end("cmd_told", CommandResult(command_id="cmd_told").SerializeToString())
    await rows.told("cmd_told")
    told = Told()
    commands = Commands(
        rows,
        told,
        Board(),
        agent_id="agt_1",
        workdir=tmp_path,
        environment=dict,
        refuses=lambda _order: "",  # type: ignore[arg-type]
    )
    commands.resume()
    await until(lambda: len(told.results) == 2)
    assert {result.command_id: result.exit_code for result in told.results} == {"cmd_died": 0, "cmd_ended": 7}
    row = rows.find("cmd_died")
    assert row is not None
    assert row.state == "ended"
    commands.take(RunProgram(command_id="cmd_died", argv=["touch", "marker"]))
    await until(lambda: len(told.results) == 3)
    assert not (tmp_path / "marker").exists()
    await commands.close()
    await journal.close()


class Failing:
    """Stands for the channel: each call fails as the script says."""

    def __init__(self, *codes: grpc.StatusCode) -> None:
        self.codes = list(codes)
        self.generation = 1
        self.refusals = 0

    async def refused(self, _generation: int) -> None:
        self.refusals += 1

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def send(self) -> bool:
        if not self.codes:
            return True
        raise grpc.aio.AioRpcError(self.codes.pop(0), grpc.aio.Metadata(), grpc.aio.Metadata())


@pytest.mark.parametrize(
    ("codes", "refusals", "left"),
    [
        ((grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL), 0, 0),
        ((grpc.StatusCode.UNAUTHENTICATED,), 1, 0),
        ((grpc.StatusCode.NOT_FOUND, grpc.StatusCode.UNAVAILABLE), 0, 1),
    ],
)
async def test_a_report_is_sent_until_it_is_taken_or_hopeless(
    tmp_path: Path, codes: tuple[grpc.StatusCode, ...], refusals: int, left: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("muster_agent.commands.reporter.Backoff", lambda: Backoff(0.001, 0.002))
    failing = Failing(*codes)
    journal = Journal(tmp_path / "journal.db")
    await Reporter(failing, CommandRows(journal))._persist(failing.send, "cmd_1")  # type: ignore[arg-type]
    assert (failing.refusals, len(failing.codes)) == (refusals, left)
    await journal.close()
