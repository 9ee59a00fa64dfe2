"""What runs' events and commands' reports mean, decided without any I/O."""

from dataclasses import replace

import pytest

from muster_agent.machine.output import HEAD_BYTES, TAIL_BYTES, OutputLog
from muster_server.access.core import OPERATIONS, Operation, Principal, Role, allowed
from muster_server.commands import core as commands
from muster_server.commands.core import Result, Target
from muster_server.conversations.core import Run, preview_of, take, title_of
from muster_server.conversations.drafts import Drafts
from muster_shared_models.commands import TargetState
from muster_shared_models.conversations import RunState
from muster_shared_models.problems import Reason
from muster_shared_models.run_events import (
    RunError,
    RunFinished,
    RunStarted,
    TextContent,
    TextEnd,
    ToolContent,
)

HOUR = 3_600_000
QUEUED = Run("run_1", "cnv_1", "msg_1", "", RunState.QUEUED, 0, 100)
STARTED = RunStarted(run_id="run_1", attempt=1)
SAID = TextEnd(run_id="run_1", message_id="msg_2", text="Hello\nthere")
FINISHED = RunFinished(run_id="run_1")


def test_a_whole_run_in_one_batch_runs_and_ends_once() -> None:
    taken = take(QUEUED, "agt_1", "echo", [STARTED, SAID, FINISHED], 200, HOUR)
    assert [event.kind for event in taken.lasting] == ["RUN_STARTED", "TEXT_MESSAGE_END", "RUN_FINISHED"]
    assert (taken.run.state, taken.run.agent_id, taken.run.started_at, taken.run.ended_at) == (
        RunState.FINISHED, "agt_1", 200, 200,
    )  # fmt: skip
    assert taken.preview == "Hello there"
    again = take(taken.run, "agt_1", "echo", [STARTED, SAID, FINISHED], 300, HOUR)
    assert again.lasting == ()


def test_the_agent_is_the_one_that_the_transport_verified() -> None:
    liar = RunStarted(run_id="run_1", agent_id="agt_other", agent_name="boss")
    taken = take(QUEUED, "agt_1", "echo", [liar], 200, HOUR)
    assert taken.lasting == (RunStarted(run_id="run_1", agent_id="agt_1", agent_name="echo"),)


def test_events_of_somebody_elses_run_are_forged() -> None:
    running = take(QUEUED, "agt_1", "echo", [STARTED], 200, HOUR).run
    assert take(running, "agt_2", "evil", [FINISHED], 300, HOUR).forged


def test_events_of_an_earlier_attempt_are_dropped() -> None:
    second = take(QUEUED, "agt_1", "echo", [RunStarted(run_id="run_1", attempt=2)], 200, HOUR).run
    zombie = take(second, "agt_1", "echo", [SAID, FINISHED], 300, HOUR)
    assert (zombie.lasting, zombie.run) == ((), second)


def test_events_of_another_run_are_dropped() -> None:
    assert take(QUEUED, "agt_1", "echo", [RunFinished(run_id="run_9")], 200, HOUR).lasting == ()


@pytest.mark.parametrize(
    ("reason", "state"), [(Reason.STOPPED, RunState.STOPPED), (Reason.MODEL_FAILED, RunState.FAILED)]
)
def test_an_error_ends_the_run(reason: Reason, state: RunState) -> None:
    error = RunError(run_id="run_1", reason=reason, message="")
    assert take(QUEUED, "agt_1", "echo", [STARTED, error], 200, HOUR).run.state is state


def test_titles_and_previews_are_one_short_line() -> None:
    assert title_of("\n\n  Hello  \nthere") == "Hello"
    assert len(title_of("x" * 1000)) == 72
    assert title_of(" \n ") == "…"
    assert preview_of("a\n\n b") == "a b"
    assert len(preview_of("y " * 1000)) <= 140


def test_drafts_are_placed_by_offset() -> None:
    drafts = Drafts()
    for offset, delta in [(0, "He"), (2, "llo"), (2, "llo"), (1, "e"), (9, "!"), (4, "o 👋 you")]:
        drafts.take(TextContent(run_id="run_1", offset=offset, delta=delta))
    draft = drafts.of("run_1")
    assert draft is not None
    assert draft.text == "Hello 👋 you"
    drafts.take(TextContent(run_id="run_1", attempt=2, offset=0, delta="New"))
    drafts.take(TextContent(run_id="run_1", attempt=1, offset=3, delta="old"))
    replaced = drafts.of("run_1")
    assert replaced is not None
    assert (replaced.attempt, replaced.text) == (2, "New")


def test_drafts_of_tools_are_bounded() -> None:
    drafts, piece = Drafts(), "x" * 60_000
    drafts.take(ToolContent(run_id="run_1", tool_call_id="y" * 1_000, offset=0, delta="?"))
    for number in range(1_000):
        drafts.take(ToolContent(run_id="run_1", tool_call_id=f"tc_{number}", offset=0, delta=piece))
    drafts.take(TextContent(run_id="run_1", offset=0, delta=piece))
    draft = drafts.of("run_1")
    assert draft is not None
    assert draft.text == piece
    assert len(draft.tools) == 100
    assert sum(len(tool.text) for tool in draft.tools) == 256_000
    # A tool that has ended makes room
    drafts.forget_tool("run_1", "tc_0")
    drafts.take(ToolContent(run_id="run_1", tool_call_id="tc_new", offset=0, delta="new"))
    draft = drafts.of("run_1")
    assert draft is not None
    assert draft.tools[-1].text == "new"


TARGET = Target("cmd_1", "agt_1", "echo")
DONE = Result(TargetState.DONE, 0, 5, "", 0, 0, 0)


def test_a_command_goes_its_way_once() -> None:
    running = commands.started(commands.delivered(TARGET, 1), 42, 2)
    assert (running.state, running.delivered_at, running.started_at, running.pid) == (TargetState.RUNNING, 1, 2, 42)
    done = commands.finished(running, DONE, 3)
    assert (done.state, done.ended_at) == (TargetState.DONE, 3)
    assert commands.finished(done, Result(TargetState.STOPPED, -9, 1, "", 1, 1, 1), 4) is done
    assert commands.started(done, 1, 5) is done
    assert commands.delivered(running, 9) is running


def test_another_exit_code_than_zero_is_a_failure() -> None:
    assert commands.finished(TARGET, Result(TargetState.DONE, 3, 5, "", 0, 0, 0), 3).state is TargetState.FAILED


@pytest.mark.parametrize(
    ("have", "offset", "data", "expected"),
    [
        (0, 0, b"abc", (3, b"abc", 0)),
        (3, 0, b"abc", (3, b"", 0)),
        (3, 1, b"bcde", (5, b"de", 0)),
        (3, 5, b"xy", (7, b"xy", 2)),
        (commands.MAX_OUTPUT - 1, commands.MAX_OUTPUT - 1, b"xy", (commands.MAX_OUTPUT, b"x", 0)),
        (commands.MAX_OUTPUT, commands.MAX_OUTPUT, b"x", (commands.MAX_OUTPUT, b"", 0)),
    ],
)
def test_output_is_placed_by_its_offset(have: int, offset: int, data: bytes, expected: object) -> None:
    target, new, missing = commands.placed(replace(TARGET, output_bytes=have), offset, data)
    assert (target.output_bytes, new, missing) == expected


def test_the_beginning_and_the_end_of_long_output_are_kept_as_the_agent_sends_them() -> None:
    # Given a program that prints three megabytes
    log, pieces = OutputLog(), []
    lines = [b"%015d\n" % number for number in range(3 * 1024 * 64)]
    for first in range(0, len(lines), 1000):
        log.push(False, b"".join(lines[first : first + 1000]))
        pieces += log.take()
    pieces += log.take(everything=True)

    # When the server has every piece, each of them twice
    target, kept = TARGET, b""
    for piece in pieces:
        for _ in range(2):
            target, new, missing = commands.placed(target, piece.offset, piece.data)
            kept += b"|" * (missing > 0) + new

    # Then all that the agent kept is there, and the rest is counted
    head, _, tail = kept.partition(b"|")
    whole = b"".join(lines)
    assert whole.startswith(head)
    assert whole.endswith(tail)
    assert (len(head), len(tail)) == (HEAD_BYTES, TAIL_BYTES)
    assert target.output_bytes == log.total
    assert commands.unseen(target, log.total) == (target, 0)


def test_what_never_came_is_counted_when_a_program_has_ended() -> None:
    half = replace(TARGET, output_bytes=10, output_dropped=2)
    known, missing = commands.unseen(half, 25)
    assert (known.output_bytes, known.output_dropped, missing) == (25, 17, 15)
    assert commands.unseen(half, 1 << 64)[0].output_bytes == commands.MOST_PRINTED
    assert commands.unseen(known, 25) == (known, 0)
    assert commands.unseen(replace(half, state=TargetState.DONE), 25)[1] == 0


def test_every_operation_has_a_row_and_what_has_none_is_refused() -> None:
    assert set(OPERATIONS) == set(Operation)
    assert not allowed(None, Operation.SEND_MESSAGE)
    assert not allowed(Principal(Role.AGENT, "agt_1", "echo"), Operation.SEND_MESSAGE)
    assert not allowed(Principal(Role.ADMIN, "usr_1", "admin"), Operation.REPORT_STATUS)
    assert allowed(Principal(Role.ADMIN, "usr_1", "admin"), Operation.SEND_MESSAGE)
    assert allowed(None, Operation.HEALTH)
