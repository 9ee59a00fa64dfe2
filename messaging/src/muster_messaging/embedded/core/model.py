"""The embedded queue server's words."""

from collections import deque
from dataclasses import dataclass, field

from muster_messaging.topology import Queue

__all__ = ["Consumer", "DeadLetter", "QueueState", "Stored"]


@dataclass(slots=True)
class Stored:
    """A message in a queue. `id` grows with arrival; `attempts` counts deliveries so far."""

    id: int
    queue: str
    key: str
    sender: str
    frame: bytes
    attempts: int = 0
    died_of: str = ""
    died_in: str = ""
    expires_at_ms: int = 0


@dataclass(slots=True)
class Consumer:
    """A subscription's credit and what it holds, in delivery order."""

    id: int
    queue: str
    prefetch: int
    unacked: dict[int, Stored] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """`stored` leaves its queue for `queues`; with none it is dropped, as its queue has no dead-letter exchange."""

    stored: Stored
    reason: str
    key: str
    queues: tuple[str, ...]


@dataclass(slots=True)
class QueueState:
    """A queue: what waits, who consumes, what is dying (and of what) until its next place has room.

    `moving` is on its way to that place, and stays here when it cannot be stored there.
    """

    spec: Queue
    ready: deque[Stored] = field(default_factory=deque)
    consumers: list[Consumer] = field(default_factory=list)
    dying: deque[tuple[Stored, str]] = field(default_factory=deque)
    moving: dict[int, Stored] = field(default_factory=dict)
    count: int = 0  # ready, unacked, dying, moving and reserved
    size: int = 0
    arrived: int = 0
    left: int = 0
