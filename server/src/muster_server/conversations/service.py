"""Conversations as people follow them: lists, how a stream begins, stopping a run, deadlines."""

from asyncio import Future
from collections.abc import Callable
from dataclasses import replace

from muster_server.access.core import Principal
from muster_server.clock import Clock
from muster_server.conversations import store
from muster_server.conversations.claiming import asked_agents, unanswered_stops
from muster_server.conversations.core import ENDED, Run
from muster_server.conversations.ports import AgentDirectory, Work
from muster_server.conversations.receiving import Receiver, Stored
from muster_server.flow.chain import then
from muster_server.store.store import Store
from muster_server.store.transaction import Transaction
from muster_shared_models.conversations import (
    ConversationView,
    RunState,
    StopRequested,
)
from muster_shared_models.problems import MusterError, Reason
from muster_shared_models.run_events import RunError
from muster_shared_models.streams import ConversationChanged

__all__ = ["Conversations"]

LISTED = 100
#: How long a run may outlive its agent: until then its answer, or the broker's word of it, may be under way.
RETIRED_MS = 10_000
#: How long a stopped run waits for the word of an agent that cannot be reached any more.
UNANSWERED_MS = 30_000
#: Of such agents, in one round.
LOST_AT_ONCE = 20
#: Conversations per round: a list shows few, and a busy server has hundreds.
TOLD_AT_ONCE = 20


class Conversations:
    """What people see and do, beside sending."""

    def __init__(
        self,
        db: Store,
        clock: Clock,
        directory: AgentDirectory,
        work: Work,
        receiver: Receiver,
        changed: dict[str, None],
        announce: Callable[[ConversationChanged], None],
    ) -> None:
        self._store = db
        self._clock = clock
        self._directory = directory
        self._work = work
        self._receiver = receiver
        self._changed = changed
        self._announce = announce
        self._latest: dict[str, ConversationView] = {}  # the one that changed last at the end

    # ---- looking

    async def load(self) -> None:
        """Know the latest conversations, for the list."""
        self._latest = {view.id: view for view in reversed(await self.page("", None, LISTED))}

    def latest(self) -> list[ConversationView]:
        """Return the latest conversations, newest first."""
        return sorted(self._latest.values(), key=lambda view: view.updated_at, reverse=True)

    async def page(self, agent_id: str, before: tuple[int, str] | None, most: int) -> list[ConversationView]:
        """Return conversations, newest first, from before a place (milliseconds and id)."""
        at, before_id = before or (1 << 62, "")
        return await self._store.read(lambda tx: store.latest(tx, agent_id, at, before_id, most))

    async def get(self, conversation_id: str) -> ConversationView:
        """Return one conversation; raises CONVERSATION_NOT_FOUND."""
        view = await self._store.look(lambda tx: store.conversation(tx, conversation_id))
        if view is None:
            raise _not_found(conversation_id)
        return view

    # ---- stopping

    def stop_run(self, principal: Principal, run_id: str) -> "Future[None]":
        """Begin to stop a run; fails with RUN_NOT_FOUND or ALREADY_FINISHED.

        Its agent is asked, and says how it ended: it may have begun the run, though nobody has heard of that yet. A run
        that is nobody's yet, whose agent was not heard for long, or that somebody asks to stop again ends here; its
        agent is told when it asks.
        """
        return then(self._store.write(lambda tx: self._stop_unit(tx, principal, run_id)), self._after_stop)

    def _stop_unit(self, tx: Transaction, principal: Principal, run_id: str) -> Stored:
        now = self._clock()
        run = store.run_by_id(tx, run_id)
        if run is None:
            raise MusterError(Reason.RUN_NOT_FOUND, f"There is no run {run_id[:70]}.")
        if run.state in ENDED:
            raise MusterError(Reason.ALREADY_FINISHED, "The run has ended already.")
        if self._directory.may_act(run.agent_id) and not run.stop_requested_at:
            asked = replace(run, stop_requested_at=now)
            return self._receiver.end_unit(tx, asked, StopRequested(run_id=run.id, by=principal.name), now)
        said = f"Stopped by {principal.name}"
        if run.state is RunState.RUNNING or run.stop_requested_at:
            return self._end_unanswered(tx, run, said, now)
        return self._end_stopped(tx, run, f"{said}.", now)

    def _end_unanswered(self, tx: Transaction, run: Run, said: str, now: int) -> Stored:
        return self._end_stopped(tx, run, f"{said}, without an answer from the agent.", now)

    def _end_stopped(self, tx: Transaction, run: Run, said: str, now: int) -> Stored:
        error = RunError(run_id=run.id, attempt=run.attempt, reason=Reason.STOPPED, message=said)
        return self._receiver.end_unit(tx, replace(run, state=RunState.STOPPED, ended_at=now), error, now)

    def _after_stop(self, stored: Stored) -> None:
        self._receiver.after(stored)
        if stored.run.agent_id:
            self._work.stop_run(stored.run.agent_id, stored.run.id)

    # ---- time

    async def sweep(self) -> None:
        """End runs that nobody will answer: past their deadline, of agents that were retired, or stopped and lost."""
        now = self._clock()
        if await self._store.read(lambda tx: self._overdue(tx, now) or self._lost_stops(tx, now)):
            for stored in await self._store.write(lambda tx: self._end_overdue(tx, now)):
                self._after_stop(stored)

    def _overdue(self, tx: Transaction, now: int) -> list[Run]:
        return store.overdue(tx, now, now - RETIRED_MS)

    def _lost_stops(self, tx: Transaction, now: int) -> list[Run]:
        """Return runs whose agents were asked to stop them and do nothing any more."""
        before = now - UNANSWERED_MS
        lost = [agent_id for agent_id in asked_agents(tx, before) if not self._directory.may_act(agent_id)]
        return [run for agent_id in lost[:LOST_AT_ONCE] for run in unanswered_stops(tx, agent_id, before)]

    def _end_overdue(self, tx: Transaction, now: int) -> list[Stored]:
        ended = []
        for run in self._overdue(tx, now):
            reason, message = _why_overdue(run, now)
            error = RunError(run_id=run.id, attempt=run.attempt, reason=reason, message=message)
            ended.append(self._receiver.end_unit(tx, replace(run, state=RunState.FAILED, ended_at=now), error, now))
        return ended + [self._end_unanswered(tx, run, "Stopped", now) for run in self._lost_stops(tx, now)]

    async def tick(self) -> None:
        """Tell browsers which conversations have changed, some in each round.

        Raises DATABASE_BUSY: the next round tells of them.
        """
        if not self._changed:
            return
        changed = list(self._changed)[:TOLD_AT_ONCE]
        for conversation_id in changed:
            del self._changed[conversation_id]
        try:
            views = await self._store.look(lambda tx: store.views(tx, changed))
        except MusterError:
            self._changed.update(dict.fromkeys(changed))
            raise
        for view in views:
            self._latest.pop(view.id, None)
            self._latest[view.id] = view
            self._announce(ConversationChanged(conversation=view))
        while len(self._latest) > LISTED:
            self._latest.pop(next(iter(self._latest)))


def _why_overdue(run: Run, now: int) -> tuple[Reason, str]:
    if run.deadline_at >= now:
        return Reason.AGENT_NOT_FOUND, "The agent was retired before it answered."
    if run.state is RunState.QUEUED:
        return Reason.EXPIRED, "No agent took the message in time."
    return Reason.TIMED_OUT, "The run took longer than runs may take."


def _not_found(conversation_id: str) -> MusterError:
    return MusterError(Reason.CONVERSATION_NOT_FOUND, f"There is no conversation {conversation_id[:40]}.")
