"""What dead letters mean for runs: one whose message died ends, one whose message is sent again waits anew."""

from dataclasses import replace

from muster_messaging.message import Message
from muster_server.clock import Clock
from muster_server.conversations import store
from muster_server.conversations.core import ENDED, take
from muster_server.conversations.reading import read_body
from muster_server.conversations.receiving import LONGEST_RUN_MS, Receiver, Stored, seen_as
from muster_server.conversations.sending import QUEUED_MS
from muster_server.store.transaction import Transaction
from muster_shared_models.addresses import AddressKind
from muster_shared_models.bodies import RUN_EVENTS
from muster_shared_models.conversations import RunQueued, RunState
from muster_shared_models.ids import IdKind
from muster_shared_models.problems import MusterError, Reason
from muster_shared_models.run_events import RunError

__all__ = ["RunEnds"]


class RunEnds:
    """Ends and reopens runs inside somebody else's unit of work; `after` tells browsers."""

    def __init__(self, clock: Clock, receiver: Receiver) -> None:
        self._clock = clock
        self._receiver = receiver

    def died(
        self, tx: Transaction, run_id: str, sender: str, reason: Reason, detail: str, *, begun: bool
    ) -> Stored | None:
        """End a run whose message, or answer, by `sender` is a dead letter; None when there is none, or it has ended.

        A run that its agent has begun ends only if `begun`; what an agent sends ends no other agent's run.
        """
        run = store.run_by_id(tx, run_id)
        if run is None or run.state in ENDED or (run.state is RunState.RUNNING and not begun):
            return None
        if sender.startswith(f"{IdKind.AGENT.value}_") and run.agent_id not in ("", sender):
            return None
        now = self._clock()
        error = RunError(run_id=run.id, attempt=run.attempt, reason=reason, message=detail)
        return self._receiver.end_unit(tx, replace(run, state=RunState.FAILED, ended_at=now), error, now)

    def reopened(self, tx: Transaction, run_id: str, to: str, by: str) -> Stored | None:
        """Let a failed run wait again, as its message is sent again to `to`; None when it has not failed.

        If that is another address than its agent's, whoever takes it now may have it, and begins with attempt one.
        """
        run = store.run_by_id(tx, run_id)
        if run is None or run.state is not RunState.FAILED:
            return None
        now = self._clock()
        agent_id = run.agent_id if to == f"{AddressKind.AGENT.value}:{run.agent_id}" else ""
        again = replace(
            run, agent_id=agent_id, state=RunState.QUEUED, attempt=run.attempt if agent_id else 0, ended_at=0,
            stop_requested_at=0, deadline_at=now + QUEUED_MS,
        )  # fmt: skip
        event = RunQueued(run_id=run.id, agent_id=agent_id, detail=f"Sent again by {by}.")
        return self._receiver.end_unit(tx, again, event, now)

    def answered(self, tx: Transaction, message: Message, by: str) -> Stored | None:
        """Let a failed run take the end of its answer, which is sent again; None when the run has not ended.

        Raises ALREADY_FINISHED when the run would not end by it (once more it could not end otherwise than by its
        deadline), FRAME_MALFORMED when it cannot be read.
        """
        run = store.run_by_id(tx, message.run)
        if run is None or run.state not in ENDED:
            return None
        if run.state is not RunState.FAILED:
            raise MusterError(Reason.ALREADY_FINISHED, f"The run is {run.state.value}: it takes no answer any more.")
        now = self._clock()
        events = read_body(RUN_EVENTS, message, "Run events").events
        again = replace(
            run, agent_id=run.agent_id or message.origin, state=RunState.RUNNING, ended_at=0, stop_requested_at=0,
            deadline_at=now + QUEUED_MS,
        )  # fmt: skip
        arrived = store.seen(tx, seen_as(message.origin, message.id))
        if arrived or take(again, message.origin, "", events, now, LONGEST_RUN_MS).run.state not in ENDED:
            detail = "It had arrived after all." if arrived else "These events do not end the run, which has failed."
            raise MusterError(
                Reason.ALREADY_FINISHED, detail, "Drop it; ask anew, or send the run's last events again."
            )
        event = RunQueued(run_id=run.id, agent_id=again.agent_id, detail=f"The answer was sent again by {by}.")
        return self._receiver.end_unit(tx, again, event, now)

    def after(self, stored: Stored) -> None:
        """Push what `died`, `reopened` or `answered` stored."""
        if stored.run.state not in ENDED:
            self._receiver.reopened(stored.run)
        self._receiver.after(stored)
