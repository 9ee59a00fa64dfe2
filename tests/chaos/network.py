"""R9: every link between two processes is slow, is cut at any byte, falls silent or dies on one side; a crowd talks."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from tests.chaos.aftermath import ended, outcries
from tests.chaos.checker import Problem
from tests.chaos.crowd import Crowd, Plan, Report, talk_through
from tests.chaos.faultproxy import FaultProxy
from tests.chaos.ledger import Ledger
from tests.chaos.links import LinkedFleet

__all__ = ["LASTING", "SILENT", "network_chaos"]

#: A cut comes behind the 2^n-th byte, n between these: within a handshake, a frame, or some time later.
CUT_AT = (0, 14)
#: Seconds that a quiet link may take to carry so many bytes; then it is cut where it is.
QUIET_S = 1.5
#: Seconds that a connection may be half open. Heartbeats find out, of which the slowest are AMQP's.
NOTICE_S = 60.0
LOOK_S = 0.05


class Way(NamedTuple):
    """How a link can be bad for some time."""

    name: str
    begin: Callable[[FaultProxy], Any]
    #: Seconds; 0: as long as the plan's `freeze_s`.
    lasts_s: float = 0.0


#: What slows down, or is over soon. The slicer cuts every frame.
LASTING = (
    Way("latency", lambda link: link.latency(500, 300), 4.0),
    Way("rate", lambda link: link.rate(125_000), 4.0),
    Way("slicer", lambda link: link.slicer(7, 0.2), 2.0),
    Way("refuse", lambda link: link.refuse(), 3.0),
)
#: What nobody is told of.
SILENT = (
    Way("blackhole", lambda link: link.blackhole("up", "down")),
    Way("blackhole_up", lambda link: link.blackhole("up")),
    Way("blackhole_down", lambda link: link.blackhole("down")),
    Way("half_open_up", lambda link: link.half_open("up"), NOTICE_S),
    Way("half_open_down", lambda link: link.half_open("down"), NOTICE_S),
)


class _Faults:
    """What goes wrong in one run of the bar."""

    def __init__(self, fleet: LinkedFleet, plan: Plan, ways: tuple[Way, ...], share: float) -> None:
        self.noticed_s: dict[str, float] = {}
        self.problems: list[Problem] = []
        self._fleet = fleet
        self._plan = plan
        self._ways = ways
        self._share = share
        self._ledger = Ledger(fleet.ledger, "links")

    async def __call__(self, crowd: Crowd) -> None:
        links = [name for name in self._fleet.links if name != "bench-queues"]
        # Cuts before, between and after what lasts: each of the two meets what the other has left behind.
        bad = [(link, way) for link in links for way in self._ways]
        turns: list[tuple[str, Way | None]] = [*crowd.rng.sample(bad, round(len(bad) * self._share))]
        turns += [(link, None) for link in links for _ in range(self._plan.faults)]
        crowd.rng.shuffle(turns)
        for link, way in turns:
            await asyncio.sleep(crowd.rng.uniform(*self._plan.pause_s))
            if way is None:
                await self._cut(link, int(2 ** crowd.rng.uniform(*CUT_AT)))
            else:
                await self._bad(link, way, way.lasts_s or crowd.rng.uniform(*self._plan.freeze_s))
        self._ledger.close()

    async def _cut(self, name: str, count: int) -> None:
        link = self._fleet.links[name]
        cuts = link.cuts
        self._fleet.tell(link.limit_data, count)
        if not await _until(lambda: link.cuts > cuts, QUIET_S):
            self._fleet.tell(link.heal)
            self._fleet.tell(link.reset_peer)
        self._ledger("fault", kind="cut", ref=name)

    async def _bad(self, name: str, way: Way, lasts_s: float) -> None:
        link = self._fleet.links[name]
        self._ledger("fault", kind=way.name, ref=name)
        known = len(link.noticed_s)
        began = self._fleet.tell(way.begin, link)
        if not way.name.startswith("half_open"):
            await asyncio.sleep(lasts_s)
        elif await _until(lambda: len(link.noticed_s) >= known + began, lasts_s):
            self.noticed_s[name] = round(max([self.noticed_s.get(name, 0.0), *link.noticed_s[known:]]), 1)
        else:
            self.problems.append(Problem("not_noticed", f"{name}: {way.name}, after {lasts_s:g} s"))
        self._fleet.tell(link.heal)


async def network_chaos(
    fleet: LinkedFleet, plan: Plan, ways: tuple[Way, ...] = LASTING + SILENT, *, share: float = 1.0
) -> Report:
    """Each link is cut `faults` times, and bad in each of `ways` once, or in a share of them, in a random order."""
    faults = _Faults(fleet, plan, ways, share)
    report = await talk_through("R9", fleet, plan, faults, port=fleet.ports["browser-server"])
    report.problems += [*faults.problems, *ended(fleet), *outcries(fleet)]
    report.numbers["connections"] = {name: link.accepted for name, link in fleet.links.items()}
    report.numbers["noticed_s"] = faults.noticed_s
    return report


async def _until(condition: Callable[[], bool], within_s: float) -> bool:
    give_up_at = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > give_up_at:
            return False
        await asyncio.sleep(LOOK_S)
    return True
