"""What comes back: the events of runs. Stored once, in order, then pushed to browsers."""

from asyncio import Future
from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog

from muster_messaging.message import Message
from muster_server.clock import Clock
from muster_server.conversations import store
from muster_server.conversations.core import ENDED, Run, Taken, take
from muster_server.conversations.passing import Passing
from muster_server.conversations.ports import AgentDirectory, Conduct, Push, Work
from muster_server.conversations.reading import read_body
from muster_server.conversations.waiting import Waiting
from muster_server.edge.lines import event_line
from muster_server.flow.chain import done, then
from muster_server.store.store import Store
from muster_server.store.transaction import Transaction
from muster_shared_models.agents import RunBrief
from muster_shared_models.bodies import RUN_EVENTS, branch_run
from muster_shared_models.conversations import RunQueued, RunState
from muster_shared_models.model import BusModel, WireModel, from_ms
from muster_shared_models.run_events import (
    RunError,
    RunEvent,
    RunFinished,
    RunStarted,
    TextContent,
    ToolContent,
    ToolResult,
)

__all__ = ["LONGEST_RUN_MS", "MANY", "Receiver", "Stored", "seen_as"]

#: The longest that a run may take from its start to its end.
LONGEST_RUN_MS = 2 * 3_600_000
#: Whom a message was for that went to many, in place of an agent's id.
MANY = "*"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Stored:
    """What one message changed: the run, and its conversation's new events with the first one's seq."""

    run: Run
    seq: int = 0
    at: int = 0
    events: tuple[tuple[str, str], ...] = ()
    taken: Taken | None = None


class Receiver:
    """Takes the events of runs, and what others do to runs."""

    def __init__(
        self,
        db: Store,
        clock: Clock,
        directory: AgentDirectory,
        work: Work,
        push: Push,
        passing: Passing,
        changed: dict[str, None],
        waiting: Waiting,
        *,
        conduct: Conduct,
    ) -> None:
        self._store = db
        self._clock = clock
        self._directory = directory
        self._work = work
        self._push = push
        self._passing = passing
        self._changed = changed
        self._waiting = waiting
        self._conduct = conduct

    def take_run_events(self, message: Message) -> "Future[None]":
        """Begin to take a batch of a run's events."""
        events = read_body(RUN_EVENTS, message, "Run events").events
        sender = message.origin or message.sender
        passing = all(isinstance(event, TextContent | ToolContent) for event in events)
        if passing and self._passing.holds(message.run, sender, message.conversation):
            self._passing.hand_on(message.run, events)
            return done()
        name = self._directory.name_of(sender)
        return then(
            self._store.write(lambda tx: self._events_unit(tx, message, sender, name, events)),
            lambda stored: self._after_events(stored, sender),
        )

    def _events_unit(
        self, tx: Transaction, message: Message, sender: str, name: str, events: Sequence[RunEvent]
    ) -> Stored | None:
        now = self._clock()
        run = store.run_by_id(tx, message.run) or self.branch(tx, message.run, sender, now)
        if run is None:
            return None
        if message.conversation != run.conversation:
            return Stored(run, taken=Taken(run, forged="events of a run in a conversation that is not its own"))
        taken = take(run, sender, name, events, now, LONGEST_RUN_MS)
        if taken.forged or run.state in ENDED:
            # What is dropped is not remembered: when a person opens the run again, it may come again and count.
            return Stored(run, taken=taken)
        if not store.see(tx, seen_as(sender, message.id), now):
            return None
        seq = 0
        new = tuple((event.kind, event.model_dump_json()) for event in taken.lasting)
        if new:
            # A conversation with many has nobody in particular who answers.
            answered_by = sender if taken.preview and "~" not in run.id else ""
            seq = store.append(
                tx,
                run.conversation,
                new,
                now,
                preview=taken.preview,
                agent_id=answered_by,
                outcome=_outcome(taken.lasting[-1]),
            )
            store.save_run(tx, taken.run)
        return Stored(taken.run, seq, now, new, taken)

    def branch(self, tx: Transaction, run_id: str, agent_id: str, now: int) -> Run | None:
        """Store an agent's own run of a message that went to many, before the broker's notice has come.

        Return None when the id is not that of such a run.
        """
        base = store.run_by_id(tx, run_id.partition("~")[0])
        if base is None or base.agent_id not in ("", MANY) or run_id != branch_run(base.id, agent_id):
            return None
        return self.add_branch(tx, base, agent_id, now)

    @staticmethod
    def add_branch(tx: Transaction, base: Run, agent_id: str, now: int) -> Run:
        """Store the run of one target of a message that went to many."""
        run = replace(
            base, id=branch_run(base.id, agent_id), agent_id=agent_id, state=RunState.QUEUED, created_at=now, ended_at=0
        )
        store.add_run(tx, run)
        return run

    def _after_events(self, stored: Stored | None, sender: str) -> None:
        if stored is None or stored.taken is None:
            return
        run = stored.run
        if stored.taken.forged:
            log.warning("forged run events", run_id=run.id, sender=sender, holder=run.agent_id)
            self._conduct.forged(sender, run.id, f"it reported {stored.taken.forged} (run {run.id}).")
            return
        if run.state in ENDED and not stored.events:  # it works on what has ended, and nobody sees it
            self._work.stop_run(sender, run.id)
        self._passing.begins(run)
        self._push_events(run.conversation, stored)
        self._passing.hand_on(run.id, stored.taken.passing)
        for event in stored.taken.lasting:
            if isinstance(event, RunStarted):
                brief = RunBrief(
                    run_id=run.id,
                    conversation=run.conversation,
                    title="answers a message",
                    started_at=from_ms(stored.at),
                )
                self._work.run_started(run.agent_id, brief)
            elif isinstance(event, ToolResult):
                self._passing.tool_ended(run.id, event.tool_call_id)
        if run.state in ENDED:
            self._ended(run)

    def _ended(self, run: Run) -> None:
        self._passing.ended(run.id)
        if run.agent_id:
            self._waiting.remove(run.agent_id, run.id)
            self._work.run_ended(run.agent_id, run.id)

    def _push_events(self, conversation: str, stored: Stored) -> None:
        stream = f"conversation:{conversation}"
        self._changed[conversation] = None
        if self._push.followed(stream):
            for index, (_, data) in enumerate(stored.events):
                seq = stored.seq + index
                self._push.event(stream, seq, event_line(stream, seq, stored.at, data))

    # ---- what the server itself adds to a run

    def end_unit(self, tx: Transaction, run: Run, event: WireModel | BusModel, now: int) -> Stored:
        """Store one event of a run and what the run is then, inside a unit of work."""
        kind: str = event.kind  # type: ignore[union-attr]
        new = ((kind, event.model_dump_json()),)
        seq = store.append(tx, run.conversation, new, now, outcome=_outcome(event))
        store.save_run(tx, run)
        return Stored(run, seq, now, new)

    def reopened(self, run: Run) -> None:
        """A run that had ended waits anew: whoever holds it is not to stop it."""
        self._work.run_reopened(run.id)

    def after(self, stored: Stored) -> None:
        """Push what `end_unit` stored."""
        self._push_events(stored.run.conversation, stored)
        if stored.run.state in ENDED:
            self._ended(stored.run)


def seen_as(sender: str, message_id: str) -> str:
    """Return the key under which a report is remembered: no agent can use up the ids of another."""
    return f"{sender}>{message_id}"


def _outcome(event: WireModel | BusModel) -> str:
    """Return what a conversation's list says after this event: nothing new, the reason of a failure, or no failure."""
    if isinstance(event, RunError):
        return event.reason.value
    return store.WELL if isinstance(event, RunFinished | RunQueued) else ""
