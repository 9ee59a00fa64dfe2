"""What comes back: the events of runs, and the broker's notices. Stored once, in order, then pushed to browsers."""

import asyncio
from asyncio import Future
from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog
from pydantic import ValidationError
from sqlalchemy import text

from muster_messaging.message import Message
from muster_server.clock import Clock
from muster_server.conversations import store
from muster_server.conversations.core import ENDED, Run, Taken, take
from muster_server.conversations.drafts import Drafts
from muster_server.conversations.ports import AgentDirectory, Push, Work
from muster_server.conversations.waiting import Waiting
from muster_server.edge.lines import event_line, passing_line
from muster_server.flow.chain import then
from muster_server.store.store import Store
from muster_server.store.transaction import Transaction
from muster_shared_models.agents import RunBrief
from muster_shared_models.bodies import NOTICE, RUN_EVENTS, NoticeBody, branch_run
from muster_shared_models.conversations import RunBranch, RunFannedOut, RunQueued, RunState
from muster_shared_models.model import BusModel, WireModel, from_ms
from muster_shared_models.problems import MusterError, Reason
from muster_shared_models.run_events import RunError, RunEvent, RunStarted, TextContent, ToolContent, ToolResult

__all__ = ["Receiver"]

#: The longest that a run may take from its start to its end.
LONGEST_RUN_MS = 2 * 3_600_000
#: Whom an expanded message was for, in place of an agent's id.
MANY = "*"

log = structlog.get_logger()

_SEE = text("INSERT INTO inbox (message_id, at) VALUES (:message_id, :at) ON CONFLICT DO NOTHING")


@dataclass(frozen=True, slots=True)
class Stored:
    """What one message changed: the run, and its conversation's new events with the first one's seq."""

    run: Run
    seq: int = 0
    at: int = 0
    events: tuple[tuple[str, str], ...] = ()
    taken: Taken | None = None


class Receiver:
    """Handlers for the inbox."""

    def __init__(
        self,
        db: Store,
        clock: Clock,
        directory: AgentDirectory,
        work: Work,
        push: Push,
        drafts: Drafts,
        changed: dict[str, None],
        waiting: Waiting,
    ) -> None:
        self._store = db
        self._clock = clock
        self._directory = directory
        self._work = work
        self._push = push
        self._drafts = drafts
        self._changed = changed
        self._waiting = waiting
        self._holders: dict[str, str] = {}

    # ---- the events of a run

    def take_run_events(self, message: Message) -> "Future[None]":
        """Begin to take a batch of a run's events."""
        try:
            events = RUN_EVENTS.validate_json(message.body).events
        except ValidationError as error:
            raise MusterError(Reason.FRAME_MALFORMED, f"Run events cannot be read: {error}") from error
        sender = message.origin or message.sender
        passing = all(isinstance(event, TextContent | ToolContent) for event in events)
        if passing and self._holders.get(message.run) == sender:
            self._pass_on(message.conversation, events)
            return _done()
        name = self._directory.name_of(sender)
        return then(
            self._store.write(lambda tx: self._events_unit(tx, message, sender, name, events)), self._after_events
        )

    def _events_unit(
        self, tx: Transaction, message: Message, sender: str, name: str, events: Sequence[RunEvent]
    ) -> Stored | None:
        now = self._clock()
        run = store.run_by_id(tx, message.run) or self._branch(tx, message.run, sender, now)
        if run is None or not _see(tx, message.id, now):
            return None
        taken = take(run, sender, name, events, now, LONGEST_RUN_MS)
        if taken.forged:
            log.warning("forged run events", run_id=run.id, sender=sender, holder=run.agent_id)
            return None
        seq = 0
        new = tuple((event.kind, event.model_dump_json()) for event in taken.lasting)
        if new:
            # A conversation with many has nobody in particular who answers.
            answered_by = sender if taken.preview and "~" not in run.id else ""
            seq = store.append(tx, run.conversation, new, now, preview=taken.preview, agent_id=answered_by)
            store.save_run(tx, taken.run)
        return Stored(taken.run, seq, now, new, taken)

    def _branch(self, tx: Transaction, run_id: str, sender: str, now: int) -> Run | None:
        """A message that went to many is answered before the broker's notice has come."""
        base = store.run_by_id(tx, run_id.partition("~")[0])
        if base is None or run_id != branch_run(base.id, sender):
            return None
        return self._add_branch(tx, base, sender, now)

    @staticmethod
    def _add_branch(tx: Transaction, base: Run, agent_id: str, now: int) -> Run:
        run = replace(
            base, id=branch_run(base.id, agent_id), agent_id=agent_id, state=RunState.QUEUED, created_at=now, ended_at=0
        )
        store.add_run(tx, run)
        return run

    def _after_events(self, stored: Stored | None) -> None:
        if stored is None or stored.taken is None:
            return
        run = stored.run
        self._holders[run.id] = run.agent_id
        self._push_events(run.conversation, stored)
        self._pass_on(run.conversation, stored.taken.passing)
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
                self._drafts.forget_tool(run.id, event.tool_call_id)
        if run.state in ENDED:
            self._ended(run)

    def _ended(self, run: Run) -> None:
        self._drafts.forget(run.id)
        self._holders.pop(run.id, None)
        if run.agent_id:
            self._waiting.remove(run.agent_id, run.id)
            self._work.run_ended(run.agent_id, run.id)

    def _pass_on(self, conversation: str, events: Sequence[RunEvent]) -> None:
        stream = f"conversation:{conversation}"
        followed = self._push.followed(stream)
        for event in events:
            if isinstance(event, TextContent | ToolContent):
                self._drafts.take(event)
                if followed:
                    self._push.passing(stream, passing_line(stream, event.model_dump_json()))

    def _push_events(self, conversation: str, stored: Stored) -> None:
        stream = f"conversation:{conversation}"
        self._changed[conversation] = None
        if self._push.followed(stream):
            for index, (_, data) in enumerate(stored.events):
                seq = stored.seq + index
                self._push.event(stream, seq, event_line(stream, seq, stored.at, data))

    # ---- the broker's notices

    def take_notice(self, message: Message) -> "Future[None]":
        """Begin to take what the broker says of a message."""
        try:
            notice = NOTICE.validate_json(message.body)
        except ValidationError as error:
            raise MusterError(Reason.FRAME_MALFORMED, f"The notice cannot be read: {error}") from error
        return then(self._store.write(lambda tx: self._notice_unit(tx, message.id, notice)), self._after_notice)

    def _notice_unit(self, tx: Transaction, message_id: str, notice: NoticeBody) -> Stored | None:
        now = self._clock()
        run = store.run_by_id(tx, notice.run_id)
        if run is None or run.state in ENDED or not _see(tx, message_id, now):
            return None
        event: WireModel | BusModel
        if notice.reason == "fanned_out":
            event = self._fan_out(tx, run, notice, now)
            run = replace(run, state=RunState.FINISHED, ended_at=now, agent_id=MANY)
        elif notice.final:
            reason = Reason(notice.reason)
            event = RunError(run_id=run.id, attempt=run.attempt, reason=reason, message=notice.detail)
            run = replace(run, state=RunState.FAILED, ended_at=now)
        elif run.state is RunState.QUEUED:
            event = RunQueued(run_id=run.id, agent_id=notice.agent_id, detail=notice.detail)
        else:
            return None
        return self.end_unit(tx, run, event, now)

    def _fan_out(self, tx: Transaction, base: Run, notice: NoticeBody, now: int) -> RunFannedOut:
        branches = []
        for agent_id in notice.targets:
            run_id = branch_run(base.id, agent_id)
            if store.run_by_id(tx, run_id) is None:
                self._add_branch(tx, base, agent_id, now)
            name = self._directory.name_of(agent_id)
            branches.append(RunBranch(run_id=run_id, agent_id=agent_id, agent_name=name))
        return RunFannedOut(run_id=base.id, branches=branches)

    # ---- what the server itself adds to a run

    def end_unit(self, tx: Transaction, run: Run, event: WireModel | BusModel, now: int) -> Stored:
        """Store one event of a run and what the run is then, inside a unit of work."""
        kind: str = event.kind  # type: ignore[union-attr]
        new = ((kind, event.model_dump_json()),)
        seq = store.append(tx, run.conversation, new, now)
        store.save_run(tx, run)
        return Stored(run, seq, now, new)

    def _after_notice(self, stored: Stored | None) -> None:
        if stored:
            self.after(stored)

    def after(self, stored: Stored) -> None:
        """Push what `end_unit` stored."""
        self._push_events(stored.run.conversation, stored)
        if stored.run.state in ENDED:
            self._ended(stored.run)


def _see(tx: Transaction, message_id: str, now: int) -> bool:
    """Remember a message; False when it was here before."""
    return tx.run(_SEE, message_id=message_id, at=now) == 1


def _done() -> "Future[None]":
    future: Future[None] = asyncio.get_running_loop().create_future()
    future.set_result(None)
    return future
