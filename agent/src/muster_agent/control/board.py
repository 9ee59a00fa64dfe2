"""What the heartbeat reports: facts that the event loop writes and the heartbeat's thread reads.

The law: every field is one plain value, replaced whole, so that neither side ever waits for the other.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from muster_agent.clock import awake_s, now_ms
from muster_protos.v1.status_pb2 import (
    LIFECYCLE_RUNNING,
    Heartbeat,
    HeartbeatReply,
    Lifecycle,
    RunInHand,
)

__all__ = ["NOT_TOLD", "Board", "RunNote"]

#: A server that was silent for longer may have given our runs away (it waits 45 s).
LEASE_S = 45.0
LINE_LENGTH = 200
#: Later than any time.
NOT_TOLD = 1 << 62


class RunNote(NamedTuple):
    """A run in hand, as people see it on the fleet's wall."""

    run_id: str
    conversation: str
    title: str
    started_at_ms: int


@dataclass(slots=True)
class Board:
    """The agent's facts, and what the server last said."""

    slots: int = 1
    started_at_ms: int = field(default_factory=now_ms)
    lifecycle: Lifecycle = LIFECYCLE_RUNNING
    #: What the agent did last, in words.
    did: str = ""
    #: Asked at each beat, in the heartbeat's thread.
    notes: Callable[[], Sequence[RunNote]] = tuple
    unacked: Callable[[], int] = int
    consumer_attached: Callable[[], bool] = bool
    #: What the server believes; None until it has said so.
    commands_attached: bool | None = None
    heard_at: float = 0.0
    #: Since when stops are told to us (milliseconds since 1970); NOT_TOLD while they are not.
    told_since_ms: int = 0
    beats: int = 0
    #: Set it when the server should hear at once that something has changed.
    news: threading.Event = field(default_factory=threading.Event)

    def beat(self, *, machine_load: int, lag_ms: int) -> Heartbeat:
        """Return the next heartbeat."""
        self.beats += 1
        runs = self.notes()
        return Heartbeat(
            number=self.beats,
            sent_at_ms=now_ms(),
            started_at_ms=self.started_at_ms,
            load_percent=max(min(100, 100 * len(runs) // self.slots), machine_load),
            consumer_attached=self.consumer_attached(),
            unacked=self.unacked(),
            slots=self.slots,
            runs=[RunInHand(**note._asdict()) for note in runs],
            loop_lag_ms=lag_ms,
            last_line=" ".join(self.did[: 2 * LINE_LENGTH].split())[:LINE_LENGTH],
            lifecycle=self.lifecycle,
        )

    def heard(self, reply: HeartbeatReply, at: float) -> None:
        """Note what the server answered, and when (`awake_s`); what it wants stopped is stopped before that."""
        self.commands_attached = reply.commands_attached
        self.heard_at = at

    @property
    def lease_holds(self) -> bool:
        """Whether the server was heard recently enough that the runs in hand are still ours."""
        return awake_s() - self.heard_at < LEASE_S
