"""The queues as people see them: what waits, who takes it, how fast. What is not known is null, never a guess."""

from enum import StrEnum

from muster_shared_models.model import Time, WireModel

__all__ = ["QueueList", "QueueRole", "QueueView"]


class QueueRole(StrEnum):
    """What a queue is for, in the order in which people want to see them."""

    BROKER_INPUT = "broker_input"
    SERVER_INPUT = "server_input"
    AGENT = "agent"
    RETRY = "retry"
    DEAD_LETTER = "dead_letter"
    PARKING = "parking"


class QueueView(WireModel):
    """One queue as it was at `sampled_at` (null: not yet asked for).

    `depth` is `ready` and, where both are counted together, `unacked`; it is null when the queue server has no such
    queue. Rates are messages a second over the last seconds: `rate_in` and `rate_out` need a queue server that counts
    (RabbitMQ tells these and `unacked` to its management API only, some seconds late), `growth` is how the depth
    changed. `dead_letters` died in it and wait for a person. The queue refuses above `bound` messages.
    """

    name: str
    role: QueueRole
    agent_id: str
    agent_name: str
    depth: int | None
    ready: int | None
    unacked: int | None
    consumers: int | None
    bound: int
    dead_letters: int
    rate_in: float | None
    rate_out: float | None
    growth: float | None
    sampled_at: Time | None


class QueueList(WireModel):
    """Every queue. `trouble` says why the figures are old, or nothing; `dead_letters` counts all that wait."""

    items: list[QueueView]
    dead_letters: int
    trouble: str
