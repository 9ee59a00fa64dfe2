"""Looks at the queues while somebody asks: one look at a time, no more than one a second, and no answer waits long."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog

from muster_messaging.bus import BusAdmin
from muster_messaging.errors import BusError
from muster_server.clock import Clock
from muster_server.queues.core import Figures, History, Watched, agent_queues, shared_queues, view
from muster_shared_models.problems import MusterError
from muster_shared_models.queues import QueueList, QueueRole

__all__ = ["QueueWatch", "Tell"]

#: A look serves everybody who asks within this time.
FRESH_MS = 1000
#: Seconds that an answer may wait for a look.
PATIENCE_S = 5.0
#: Agents' queues that one look asks for; in a larger fleet the others keep their figures until it is their turn.
AT_ONCE = 500
#: Seconds that a look waits for what only the management API knows.
FIGURES_PATIENCE_S = 2.0

_ORDER = {role: place for place, role in enumerate(QueueRole)}

log = structlog.get_logger()

#: Returns ids and names of all agents.
Fleet = Callable[[], list[tuple[str, str]]]
#: Returns how many dead letters wait, by the queue where they died.
Waiting = Callable[[], Awaitable[Mapping[str, int]]]
#: Returns what a management API says of queues by name; `agents`: of agents' queues, too.
Tell = Callable[..., Awaitable[Mapping[str, Figures]]]


class QueueWatch:
    """What is known of every queue."""

    def __init__(
        self,
        bus: BusAdmin,
        clock: Clock,
        partitions: int,
        fleet: Fleet,
        waiting: Waiting,
        figures: Tell | None = None,
    ) -> None:
        self._bus = bus
        self._clock = clock
        self._shared = shared_queues(partitions)
        self._fleet = fleet
        self._waiting = waiting
        self._figures = figures
        self._histories: dict[str, History] = {}
        self._looking = asyncio.Lock()
        self._looked_at = 0
        self._trouble = ""
        self._turn = 0

    async def everything(self) -> QueueList:
        """Return every queue in the order of roles, and why figures are old if they are."""
        agents = agent_queues(self._fleet())
        await self._look(agents)
        dead = await self._waiting()
        queues = sorted((*self._shared, *agents), key=lambda queue: _ORDER[queue.role])
        items = [view(queue, self._histories.get(queue.name), dead.get(queue.name, 0)) for queue in queues]
        return QueueList(items=items, dead_letters=sum(dead.values()), trouble=self._trouble)

    async def _look(self, agents: list[Watched]) -> None:
        if not self._bus.connected:
            self._trouble = "The queue server cannot be reached: these are the last figures known."
            return
        try:
            async with asyncio.timeout(PATIENCE_S), self._looking:
                if self._clock() - self._looked_at >= FRESH_MS:
                    await self._ask(agents)
                    self._trouble = ""
        except TimeoutError:
            self._trouble = (
                f"The queue server did not answer within {PATIENCE_S:g} s: these are the last figures known."
            )
        except BusError as error:
            self._trouble = f"{error.detail} These are the last figures known."
            log.warning("the queues cannot be counted", detail=error.detail)

    async def _ask(self, agents: list[Watched]) -> None:
        begin = self._turn % len(agents) if len(agents) > AT_ONCE else 0
        chosen = (agents[begin:] + agents[:begin])[:AT_ONCE]
        self._turn = begin + AT_ONCE
        known = {queue.name for queue in (*self._shared, *agents)}
        self._histories = {name: history for name, history in self._histories.items() if name in known}
        figures = await self._tell(agents=len(agents) <= AT_ONCE)
        for queue in (*self._shared, *chosen):
            info = await self._bus.queue_info(queue.name)
            self._histories.setdefault(queue.name, History()).add(self._clock(), info, figures.get(queue.name))
        self._looked_at = self._clock()

    async def _tell(self, *, agents: bool) -> Mapping[str, Figures]:
        """Ask the management API; what it does not say in time is not known."""
        if self._figures is None:
            return {}
        try:
            async with asyncio.timeout(FIGURES_PATIENCE_S):
                return await self._figures(agents=agents)
        except (TimeoutError, MusterError) as error:
            log.warning("no figures from the management API", detail=str(error) or "It did not answer in time.")
            return {}
