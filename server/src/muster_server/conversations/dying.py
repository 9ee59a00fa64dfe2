"""What dead letters mean for runs: one whose message died ends, one whose message is sent again waits anew."""

from dataclasses import replace

from muster_server.clock import Clock
from muster_server.conversations import store
from muster_server.conversations.core import ENDED
from muster_server.conversations.receiving import Receiver, Stored
from muster_server.conversations.sending import QUEUED_MS
from muster_server.store.transaction import Transaction
from muster_shared_models.addresses import AddressKind
from muster_shared_models.conversations import RunQueued, RunState
from muster_shared_models.problems import Reason
from muster_shared_models.run_events import RunError

__all__ = ["RunEnds"]


class RunEnds:
    """Ends and reopens runs inside somebody else's unit of work; `after` tells browsers."""

    def __init__(self, clock: Clock, receiver: Receiver) -> None:
        self._clock = clock
        self._receiver = receiver

    def died(self, tx: Transaction, run_id: str, reason: Reason, detail: str) -> Stored | None:
        """End a run whose message, or answer, is a dead letter; None when there is none, or it has ended."""
        run = store.run_by_id(tx, run_id)
        if run is None or run.state in ENDED:
            return None
        now = self._clock()
        error = RunError(run_id=run.id, attempt=run.attempt, reason=reason, message=detail)
        return self._receiver.end_unit(tx, replace(run, state=RunState.FAILED, ended_at=now), error, now)

    def reopened(self, tx: Transaction, run_id: str, to: str, by: str) -> Stored | None:
        """Let a failed run wait again, as its message is sent again to `to`; None when it has not failed.

        If that is another address than its agent's, whoever takes it now may have it.
        """
        run = store.run_by_id(tx, run_id)
        if run is None or run.state is not RunState.FAILED:
            return None
        now = self._clock()
        agent_id = run.agent_id if to == f"{AddressKind.AGENT.value}:{run.agent_id}" else ""
        again = replace(
            run, agent_id=agent_id, state=RunState.QUEUED, ended_at=0, stop_requested_at=0, deadline_at=now + QUEUED_MS
        )
        event = RunQueued(run_id=run.id, agent_id=agent_id, detail=f"Sent again by {by}.")
        return self._receiver.end_unit(tx, again, event, now)

    def after(self, stored: Stored) -> None:
        """Push what `died` or `reopened` stored."""
        self._receiver.after(stored)
