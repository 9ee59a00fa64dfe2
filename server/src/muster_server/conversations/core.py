"""What a message or a run's events mean for a conversation. Decisions only."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from muster_shared_models.conversations import RunState
from muster_shared_models.problems import Reason
from muster_shared_models.run_events import (
    RunError,
    RunEvent,
    RunFinished,
    RunStarted,
    TextContent,
    TextEnd,
    ToolContent,
)

__all__ = ["ENDED", "Run", "Taken", "preview_of", "take", "title_of"]

TITLE_LENGTH = 72
PREVIEW_LENGTH = 140
ENDED = frozenset({RunState.FINISHED, RunState.FAILED, RunState.STOPPED})


@dataclass(frozen=True, slots=True)
class Run:
    """One agent's work on one message. Times in milliseconds, 0 is "not yet"."""

    id: str
    conversation: str
    message_id: str
    agent_id: str
    state: RunState
    attempt: int
    created_at: int
    started_at: int = 0
    ended_at: int = 0
    stop_requested_at: int = 0
    deadline_at: int = 0


@dataclass(frozen=True, slots=True)
class Taken:
    """What becomes of a batch of events: these last, these pass, and the run is then `run`."""

    run: Run
    lasting: tuple[RunEvent, ...] = ()
    passing: tuple[TextContent | ToolContent, ...] = ()
    preview: str = ""
    #: What the sender claimed that is not its own; empty when all is well.
    forged: str = ""


def take(run: Run, sender: str, sender_name: str, events: Sequence[RunEvent], now: int, longest_ms: int) -> Taken:
    """Decide about events that agent `sender` reports of `run`; a run may take `longest_ms` from its start.

    Events of an ended run and of an earlier attempt are dropped: a zombie sent them. Events from an agent that does
    not hold the run are forged.
    """
    if run.agent_id and sender != run.agent_id:
        return Taken(run, forged="events of another agent's run")
    lasting: list[RunEvent] = []
    passing: list[TextContent | ToolContent] = []
    preview = ""
    for event in events:
        if event.run_id != run.id or run.state in ENDED or event.attempt < run.attempt:
            continue
        if isinstance(event, RunStarted):
            if run.state is RunState.RUNNING and event.attempt == run.attempt:
                continue
            run = replace(
                run,
                agent_id=sender,
                state=RunState.RUNNING,
                attempt=event.attempt,
                started_at=run.started_at or now,
                deadline_at=now + longest_ms,
            )
            lasting.append(event.model_copy(update={"agent_id": sender, "agent_name": sender_name}))
        elif isinstance(event, TextContent | ToolContent):
            passing.append(event)
        else:
            lasting.append(event)
            preview = preview_of(event.text) if isinstance(event, TextEnd) else preview
            run = _end(run, event, now)
    return Taken(run, tuple(lasting), tuple(passing), preview)


def _end(run: Run, event: RunEvent, now: int) -> Run:
    if isinstance(event, RunFinished):
        return replace(run, state=RunState.FINISHED, ended_at=now)
    if isinstance(event, RunError):
        state = RunState.STOPPED if event.reason is Reason.STOPPED else RunState.FAILED
        return replace(run, state=state, ended_at=now)
    return run


def title_of(text: str) -> str:
    """Return a conversation's title: the first line of what was said first."""
    first = next((line.strip() for line in text.splitlines() if line.strip()), "…")
    return first if len(first) <= TITLE_LENGTH else first[: TITLE_LENGTH - 1].rstrip() + "…"


def preview_of(text: str) -> str:
    """Return the beginning of a text on one line."""
    line = " ".join(text[: PREVIEW_LENGTH * 4].split())
    return line if len(line) <= PREVIEW_LENGTH else line[: PREVIEW_LENGTH - 1].rstrip() + "…"
