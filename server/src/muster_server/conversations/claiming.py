"""Who may do a run: of several agents the first to ask, and nobody once the run has ended.

A broker that dies after it has chosen one of several agents cannot tell the next, which may choose another. Both then
have the message; the run in the database has one agent. And a message may come to its agent long after it was sent:
whatever became of its run meanwhile, the database knows.
"""

from asyncio import Future
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import and_, bindparam, select

from muster_server.clock import Clock
from muster_server.conversations import store
from muster_server.conversations.core import Run
from muster_server.conversations.reading import MAX_ID
from muster_server.conversations.receiving import MANY, Receiver, Stored
from muster_server.conversations.waiting import Waiting
from muster_server.flow.chain import then
from muster_server.store.store import Store
from muster_server.store.tables import ZERO, runs
from muster_server.store.transaction import Transaction
from muster_shared_models.conversations import RunState
from muster_shared_models.problems import Reason
from muster_shared_models.run_events import RunError

__all__ = ["Claims", "asked_agents", "ended_runs", "runs_to_stop", "unanswered_stops"]

#: Runs of one agent that end together.
ENDED_AT_ONCE = 100
_ASKED_TO_STOP = (
    select(runs.c.id)
    .where(runs.c.ended_at == ZERO, runs.c.agent_id == bindparam("agent"), runs.c.stop_requested_at > ZERO)
    .limit(bindparam("most"))
)
_ASKED_BEFORE = and_(
    runs.c.ended_at == ZERO, runs.c.stop_requested_at > ZERO, runs.c.stop_requested_at < bindparam("before")
)
_ASKED_AGENTS = select(runs.c.agent_id).where(_ASKED_BEFORE).distinct()
_UNANSWERED_STOPS = select(runs.c.id).where(_ASKED_BEFORE, runs.c.agent_id == bindparam("agent")).limit(ENDED_AT_ONCE)


class Claims:
    """Gives runs to agents."""

    def __init__(self, db: Store, clock: Clock, receiver: Receiver, waiting: Waiting) -> None:
        self._store = db
        self._clock = clock
        self._receiver = receiver
        self._waiting = waiting

    def claim(self, agent_id: str, run_id: str) -> "Future[bool]":
        """Begin to give a run to an agent; the future says whether it has it. Asked again, the answer is the same.

        Nobody gets a run that has ended, or one that the database does not know; but an agent gets its own run of a
        message that went to many, also when the broker's notice of that has not come. A run that somebody has asked to
        stop ends here: who asks has not begun it, or would begin it again.
        """
        return then(
            self._store.write(lambda tx: self._unit(tx, agent_id, run_id)), lambda found: self._after(agent_id, found)
        )

    def _unit(self, tx: Transaction, agent_id: str, run_id: str) -> Run | Stored | None:
        if len(run_id) > MAX_ID:
            return None
        now = self._clock()
        store.claim_run(tx, run_id, agent_id)
        run = store.run_by_id(tx, run_id) or self._branch(tx, agent_id, run_id, now)
        if run is None or run.agent_id != agent_id or run.ended_at:
            return None
        if not run.stop_requested_at:
            return run
        stopped = replace(run, state=RunState.STOPPED, ended_at=now)
        again = " again" if run.state is RunState.RUNNING else ""
        said = f"Stopped before the agent took it up{again}."
        error = RunError(run_id=run.id, attempt=run.attempt, reason=Reason.STOPPED, message=said)
        return self._receiver.end_unit(tx, stopped, error, now)

    def _branch(self, tx: Transaction, agent_id: str, run_id: str, now: int) -> Run | None:
        base = store.run_by_id(tx, run_id.partition("~")[0])
        if base is None or (base.ended_at and base.agent_id != MANY):
            return None  # what was stopped, or failed, before it went to many
        return self._receiver.branch(tx, run_id, agent_id, now)

    def _after(self, agent_id: str, found: Run | Stored | None) -> bool:
        if isinstance(found, Stored):
            self._receiver.after(found)
            return False
        if found is None:
            return False
        self._waiting.add(agent_id, found.id)
        return True


def ended_runs(tx: Transaction, run_ids: Sequence[str]) -> list[str]:
    """Return those of these runs that have ended; what the database does not know has not."""
    found = (store.run_by_id(tx, run_id) for run_id in run_ids if len(run_id) <= MAX_ID)
    return [run.id for run in found if run and run.ended_at]


def runs_to_stop(tx: Transaction, agent_id: str, most: int) -> list[str]:
    """Return an agent's runs that somebody has asked to stop and that have not ended: it may not have heard of it."""
    return [row[0] for row in tx.all(_ASKED_TO_STOP, agent=agent_id, most=most)]


def asked_agents(tx: Transaction, before: int) -> list[str]:
    """Return the agents that somebody asked before a moment to stop runs that have not ended."""
    return [row[0] for row in tx.all(_ASKED_AGENTS, before=before)]


def unanswered_stops(tx: Transaction, agent_id: str, before: int) -> list[Run]:
    """Return an agent's runs that somebody asked to stop before a moment and that have not ended, or some of them."""
    found = (store.run_by_id(tx, row[0]) for row in tx.all(_UNANSWERED_STOPS, agent=agent_id, before=before))
    return [run for run in found if run]
