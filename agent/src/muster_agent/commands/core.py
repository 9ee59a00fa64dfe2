"""What to do with an instruction to run a program, decided from what is known of it."""

from enum import Enum
from typing import NamedTuple

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

__all__ = ["INTERRUPTED", "Do", "Verdict", "after_crash", "judge", "without_running"]

INTERRUPTED = "The agent died while the command ran: how it ended is not known. It is not run again."


class Do(Enum):
    """What to do."""

    RUN = "run"
    #: It is at work here already.
    NOTHING = "nothing"
    #: It ended before: report the journal's result once more.
    REPORT = "report"
    #: It is not run: report why.
    DECLINE = "decline"


class Verdict(NamedTuple):
    """What to do, and for DECLINE as what outcome and why."""

    do: Do
    outcome: Outcome = OUTCOME_REFUSED
    detail: str = ""


def judge(program: RunProgram, *, in_hand: bool, journalled: bool, stopped: bool, refusal: str, now_ms: int) -> Verdict:
    """Decide. `refusal`: why the agent's own policy is against it, or nothing."""
    expired = 0 < program.expires_at_ms <= now_ms
    senseless = bool(program.argv) == bool(program.shell)
    rules = (
        (in_hand, Verdict(Do.NOTHING)),
        (journalled, Verdict(Do.REPORT)),
        (bool(refusal), Verdict(Do.DECLINE, OUTCOME_REFUSED, refusal)),
        (stopped, Verdict(Do.DECLINE, OUTCOME_STOPPED, "It was stopped before it was started.")),
        (expired, Verdict(Do.DECLINE, OUTCOME_EXPIRED, "It expired before the agent could start it.")),
        (senseless, Verdict(Do.DECLINE, OUTCOME_NOT_STARTED, "It is neither a program nor a shell line, or both.")),
    )
    return next((verdict for holds, verdict in rules if holds), Verdict(Do.RUN))


def without_running(command_id: str, verdict: Verdict, now_ms: int) -> CommandResult:
    """Return the result of a command that is not run."""
    return CommandResult(command_id=command_id, outcome=verdict.outcome, ended_at_ms=now_ms, detail=verdict.detail)


def after_crash(command_id: str, started_at_ms: int, ended: int, now_ms: int) -> CommandResult:
    """Return the result of a command at whose run the agent died; `ended` of its processes were found and ended now."""
    detail = INTERRUPTED + (f" {ended} of its processes still ran and were ended." if ended else "")
    return CommandResult(
        command_id=command_id, outcome=OUTCOME_INTERRUPTED, started_at_ms=started_at_ms, ended_at_ms=now_ms,
        detail=detail, processes_ended=ended,
    )  # fmt: skip
