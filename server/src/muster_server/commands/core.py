"""How far a command may go on a target: legal moves are a table, the first end is the only one."""

from dataclasses import dataclass, replace

from muster_shared_models.commands import ENDED, TargetState
from muster_shared_models.problems import Reason

__all__ = [
    "MAX_OUTPUT",
    "MOST_PRINTED",
    "Result",
    "Target",
    "delivered",
    "expired",
    "finished",
    "lost",
    "placed",
    "started",
    "stop_acknowledged",
    "stop_requested",
    "unseen",
]

#: Bytes of output kept of one target. An agent sends no more; if it does, the rest is left out.
MAX_OUTPUT = 1024 * 1024 + 65_536
#: More than any program prints; what browsers count exactly.
MOST_PRINTED = (1 << 53) - 1

_S = TargetState
#: State to the states that may follow.
_NEXT: dict[TargetState, frozenset[TargetState]] = {
    _S.STORED: frozenset({_S.DELIVERED, _S.RUNNING, *ENDED}),
    _S.DELIVERED: frozenset({_S.RUNNING, *ENDED}),
    _S.RUNNING: ENDED,
}


@dataclass(frozen=True, slots=True)
class Target:
    """A command on one agent. Times in milliseconds, 0 is "not yet"."""

    command_id: str
    agent_id: str
    agent_name: str
    state: TargetState = TargetState.STORED
    reason: str = ""
    detail: str = ""
    stop_requested_by: str = ""
    delivered_at: int = 0
    started_at: int = 0
    ended_at: int = 0
    duration_ms: int = 0
    pid: int = 0
    exit_code: int | None = None
    stop_requested_at: int = 0
    stop_acknowledged_at: int = 0
    stop_confirmed_at: int = 0
    processes_ended: int = 0
    #: Bytes printed, as far as is known; of those, bytes that were not kept.
    output_bytes: int = 0
    output_dropped: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """How a command ended, as its agent says. Durations are by the agent's clock, moments by the server's."""

    state: TargetState
    exit_code: int | None
    duration_ms: int
    detail: str
    stop_acknowledged_at: int
    stop_confirmed_at: int
    processes_ended: int
    #: All that the program has printed, in bytes; 0 where nobody knows.
    output_bytes: int = 0


def _move(target: Target, state: TargetState) -> bool:
    return state in _NEXT.get(target.state, frozenset())


def delivered(target: Target, now: int) -> Target:
    """The agent was sent the command."""
    if _move(target, TargetState.DELIVERED):
        return replace(target, state=TargetState.DELIVERED, delivered_at=now)
    return target


def started(target: Target, pid: int, now: int) -> Target:
    """The agent began to run it."""
    if _move(target, TargetState.RUNNING):
        return replace(
            target, state=TargetState.RUNNING, started_at=now, pid=pid, delivered_at=target.delivered_at or now
        )
    return target


def stop_acknowledged(target: Target, now: int) -> Target:
    """The agent has asked the program to end."""
    if target.state in ENDED or target.stop_acknowledged_at:
        return target
    return replace(target, stop_acknowledged_at=now)


_REASONS = {
    TargetState.STOPPED: Reason.STOPPED,
    TargetState.TIMED_OUT: Reason.TIMED_OUT,
    TargetState.REFUSED: Reason.COMMAND_REFUSED,
    TargetState.EXPIRED: Reason.EXPIRED,
    TargetState.INTERRUPTED: Reason.INTERRUPTED,
}


def finished(target: Target, result: Result, now: int) -> Target:
    """The agent says how it ended. A second result changes nothing."""
    if not _move(target, result.state):
        return target
    state = result.state
    if state is TargetState.DONE and result.exit_code:
        state = TargetState.FAILED
    reason = _REASONS.get(state)
    asked = bool(target.stop_requested_at)
    return replace(
        target,
        state=state,
        reason=reason.value if reason else "",
        detail=result.detail,
        exit_code=result.exit_code,
        duration_ms=result.duration_ms,
        started_at=target.started_at,
        ended_at=now,
        stop_acknowledged_at=target.stop_acknowledged_at or (now if asked and result.stop_acknowledged_at else 0),
        stop_confirmed_at=now if result.stop_confirmed_at else 0,
        processes_ended=result.processes_ended,
    )


def stop_requested(target: Target, by: str, now: int) -> Target:
    """Somebody asked for the end. What was never sent to the agent ends at once."""
    if target.state is TargetState.STORED:
        return expired(target, f"Withdrawn by {by}.", now)
    if target.state in ENDED or target.stop_requested_at:
        return target
    return replace(target, stop_requested_at=now, stop_requested_by=by)


def expired(target: Target, detail: str, now: int) -> Target:
    """It was not fetched in time, or may not be any more. What was sent to the agent is the agent's to end."""
    if target.state is not TargetState.STORED:
        return target
    return replace(target, state=TargetState.EXPIRED, reason=Reason.EXPIRED.value, detail=detail, ended_at=now)


def lost(target: Target, detail: str, now: int) -> Target:
    """Its agent will not say any more how it ended."""
    if target.state is TargetState.STORED:
        return expired(target, detail, now)
    if target.state in ENDED:
        return target
    state, reason = TargetState.INTERRUPTED, Reason.INTERRUPTED.value
    return replace(target, state=state, reason=reason, detail=detail, ended_at=now)


def placed(target: Target, offset: int, data: bytes) -> tuple[Target, bytes, int]:
    """Return the target with a piece of output, what of `data` is new, and how many bytes are missing before that.

    A piece that was here already is cut; nothing is kept beyond MAX_OUTPUT.
    """
    have = target.output_bytes
    room = MAX_OUTPUT - (have - target.output_dropped)
    new = data[max(0, have - offset) :][:room] if room > 0 else b""
    if not new:
        return target, b"", 0
    missing = max(0, offset - have)
    known = replace(target, output_bytes=have + missing + len(new), output_dropped=target.output_dropped + missing)
    return known, new, missing


def unseen(target: Target, printed: int) -> tuple[Target, int]:
    """Return the target when all that its program has `printed` is known of, and how much of it never came here."""
    missing = min(printed, MOST_PRINTED) - target.output_bytes
    if missing <= 0 or target.state in ENDED:
        return target, 0
    return replace(
        target, output_bytes=target.output_bytes + missing, output_dropped=target.output_dropped + missing
    ), missing
