"""One message in hand and the run that answers it."""

import asyncio

from muster_agent.journal.messages import MessageRow
from muster_agent.runs.core import RunCore
from muster_agent.runs.deliveries import Deliveries
from muster_messaging.message import Message
from muster_shared_models.bodies import ChatBody
from muster_shared_models.problems import MusterError, Reason

__all__ = ["Run"]


class Run:
    """A message, where it was delivered, and what became of it so far."""

    __slots__ = (
        "at_ms", "begun", "begun_at", "body", "core", "deliveries", "flushes", "flushing", "frame", "has_effects",
        "request", "since", "stopped", "stopped_at", "sure", "task", "timer", "touched", "unclaimed",
    )  # fmt: skip

    def __init__(
        self, request: Message, body: ChatBody, deliveries: Deliveries, attempt: int, now: float, at_ms: int
    ) -> None:
        self.request = request
        self.body = body
        # A message to many comes as copies: the control field then names this copy's own run.
        self.core = RunCore(request.run or body.run_id, attempt, now)
        #: When it was received: seconds of the loop's clock, and milliseconds since 1970.
        self.since = now
        self.at_ms = at_ms
        self.deliveries = deliveries
        #: The message as bytes, once it was acknowledged before it was answered.
        self.frame: bytes | None = None
        self.task: asyncio.Task[None] | None = None
        #: Whether its handler was called, and since when.
        self.begun = False
        self.begun_at = now
        #: Why the run was told to end, if it was, and since when that waits to happen.
        self.stopped: MusterError | None = None
        self.stopped_at = 0.0
        self.has_effects = False
        #: Whether the server is to be asked first if this run is ours.
        self.unclaimed = False
        #: The lease's: when it was last sure that the run is ours.
        self.sure = (0, 0)
        # The publisher's: waits for a tick; a flush is not confirmed; flushes so far; wakes up for the next one.
        self.touched = False
        self.flushing = False
        self.flushes = 0
        self.timer: asyncio.TimerHandle | None = None

    @property
    def may_be_anothers(self) -> bool:
        """Whether nothing may be told of it yet, not even that it was stopped."""
        return self.unclaimed and self.request.claim

    def check_wanted(self) -> None:
        """Raise MusterError when it was told to stop, or has ended: nothing may be done for it any more."""
        if self.stopped is not None:
            raise self.stopped
        if self.core.ended:
            raise MusterError(Reason.ALREADY_FINISHED, "The run has ended: nothing is done for it any more.")

    @property
    def lane(self) -> str:
        """What this run waits its turn in: its conversation, or nothing but itself."""
        return self.request.conversation or self.request.id

    def row(self, state: str, seq: int = 0, reply: bytes | None = None) -> MessageRow:
        """Return the journal's row of this message."""
        frame = None if reply is not None else self.frame
        return MessageRow(
            self.request.id, self.core.run_id, self.request.conversation, state, self.core.attempt, self.at_ms, frame,
            seq, reply,
        )  # fmt: skip

    @property
    def acked(self) -> bool:
        """Whether the queue server needs no acknowledgement any more."""
        return not self.deliveries.open

    def acknowledge(self) -> None:
        """Tell the queue server that it need not come again."""
        self.deliveries.acknowledge()
