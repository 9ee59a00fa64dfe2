"""Which queues there are, and what their figures say. Decisions only."""

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from muster_messaging.bus import QueueInfo
from muster_messaging.topology import (
    PARKING_QUEUE,
    RETRY_DELAYS,
    SERVER_INPUT,
    agent_queue,
    agent_topology,
    base_topology,
    broker_input,
    dead_letter_queues,
    retry_queue,
)
from muster_shared_models.model import from_ms
from muster_shared_models.queues import QueueRole, QueueView

__all__ = ["Figures", "History", "Watched", "agent_queues", "shared_queues", "view"]

#: Rates are of so many milliseconds; older figures are forgotten.
WINDOW_MS = 15_000
#: Two figures closer together say nothing of a rate.
APART_MS = 400
#: Every agent's queue has the same bound.
AGENT_BOUND = agent_topology("").queues[0].max_length


class Watched(NamedTuple):
    """A queue that exists as far as Muster knows."""

    name: str
    role: QueueRole
    bound: int
    agent_id: str = ""
    agent_name: str = ""


class Figures(NamedTuple):
    """What a management API says of a queue: messages delivered and not acknowledged, and messages a second.

    Statistics, some seconds old: they are shown beside the counts, not mixed with them.
    """

    unacked: int | None = None
    rate_in: float | None = None
    rate_out: float | None = None


class Sample(NamedTuple):
    """A queue's counts at a time; None when the queue server had no such queue."""

    at: int
    info: QueueInfo | None
    figures: Figures = Figures()


def shared_queues(partitions: int) -> list[Watched]:
    """Return every queue that is not an agent's."""
    bounds = {queue.name: queue.max_length for queue in base_topology(partitions).queues}
    names = [
        *((broker_input(number), QueueRole.BROKER_INPUT) for number in range(partitions)),
        (SERVER_INPUT, QueueRole.SERVER_INPUT),
        *((retry_queue(delay), QueueRole.RETRY) for delay in RETRY_DELAYS),
        *((name, QueueRole.DEAD_LETTER) for name in dead_letter_queues()),
        (PARKING_QUEUE, QueueRole.PARKING),
    ]
    return [Watched(name, role, bounds[name]) for name, role in names]


def agent_queues(agents: Iterable[tuple[str, str]]) -> list[Watched]:
    """Return the queues of agents, given by id and name, in the order of their names."""
    return [
        Watched(agent_queue(agent_id), QueueRole.AGENT, AGENT_BOUND, agent_id, name)
        for agent_id, name in sorted(agents, key=lambda agent: agent[1])
    ]


class History:
    """The latest counts of one queue."""

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque()

    def add(self, at: int, info: QueueInfo | None, figures: Figures | None = None) -> None:
        """Take counts; forget what is too old, or of a queue that was deleted since."""
        samples, figures = self._samples, figures or Figures()
        if samples and _is_new(samples[-1].info, info):
            samples.clear()
        while samples and samples[0].at < at - WINDOW_MS:
            samples.popleft()
        samples.append(Sample(at, info, figures))

    @property
    def latest(self) -> Sample | None:
        """The newest counts."""
        return self._samples[-1] if self._samples else None

    def rates(self) -> tuple[float | None, float | None, float | None]:
        """Return messages a second in, out, and how fast the depth grows; None for what is not known."""
        if not self._samples:
            return None, None, None
        (start, before, _), (end, after, figures) = self._samples[0], self._samples[-1]
        if before is None or after is None or end - start < APART_MS:
            return figures.rate_in, figures.rate_out, None

        def per_second(old: int, new: int) -> float:
            return round((new - old) * 1000 / (end - start), 2)

        growth = per_second(depth_of(before), depth_of(after))
        if after.arrived < 0:
            return figures.rate_in, figures.rate_out, growth
        return per_second(before.arrived, after.arrived), per_second(before.left, after.left), growth


def _is_new(before: QueueInfo | None, after: QueueInfo | None) -> bool:
    return before is None or after is None or after.arrived < before.arrived or after.left < before.left


def depth_of(info: QueueInfo) -> int:
    """Return how many messages a queue holds, as far as is known."""
    return info.ready + max(0, info.unacked)


def view(queue: Watched, history: History | None, dead_letters: int) -> QueueView:
    """Return a queue as people see it."""
    latest = history.latest if history else None
    info = latest.info if latest else None
    rate_in, rate_out, growth = history.rates() if history else (None, None, None)
    return QueueView(
        name=queue.name,
        role=queue.role,
        agent_id=queue.agent_id,
        agent_name=queue.agent_name,
        depth=depth_of(info) if info else None,
        ready=info.ready if info else None,
        unacked=info.unacked if info and info.unacked >= 0 else latest.figures.unacked if latest else None,
        consumers=info.consumers if info else None,
        bound=queue.bound,
        dead_letters=dead_letters,
        rate_in=rate_in,
        rate_out=rate_out,
        growth=growth,
        sampled_at=from_ms(latest.at) if latest else None,
    )
