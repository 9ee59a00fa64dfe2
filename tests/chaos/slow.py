"""R13: one browser reads nothing any more, and one agent is frozen; all others go on as if nothing were."""

import asyncio
import random
import time
from typing import Any

import psutil

from tests.chaos.aftermath import ended, outcries
from tests.chaos.browser import Browser, Door
from tests.chaos.checker import ENDS, Book, Problem
from tests.chaos.crowd import Crowd, Plan, Report, talk_through
from tests.chaos.fleet import IMPORTS, PARROT, ChaosFleet, ChaosProcess
from tests.chaos.ledger import Ledger, read_facts
from tests.chaos.prober import Prober

__all__ = ["Stalled", "slow_chaos"]

#: The frozen agent: its queue fills.
STATUE = "statue"
#: Seconds after which the server must have let go of a browser that takes nothing.
LET_GO_S = 60.0
#: Seconds that the frozen agent may need for what has waited.
ANSWERS_S = 60.0
LOOK_S = 0.25


class Stalled(Browser):
    """Reads nothing between `stall` and `wake`, and does not notice that it is alone."""

    def __init__(self, door: Door, ledger: Ledger, rng: random.Random) -> None:
        door._way = {**door._way, "ping_interval": None}  # who does not read cannot miss an answer either
        super().__init__(door, ledger, rng)
        self.resyncs = 0
        self._awake = asyncio.Event()
        self._awake.set()

    def stall(self) -> int:
        """Stop to read; return the port of the connection."""
        assert self._socket is not None, "cut before it stalled"
        self._socket.transport.pause_reading()
        self._awake.clear()
        return int(self._socket.local_address[1])

    def wake(self) -> None:
        """Read again."""
        assert self._socket is not None, "it could not see that it was cut"
        self._socket.transport.resume_reading()
        self._awake.set()

    async def _take(self, frame: dict[str, Any]) -> None:
        await self._awake.wait()
        self.resyncs += frame["op"] == "resync"
        await super()._take(frame)


class _Slowness:
    def __init__(self, fleet: ChaosFleet, plan: Plan) -> None:
        self.figures: dict[str, Any] = {}
        self.problems: list[Problem] = []
        self.began = 0.0
        self.over = 0.0
        self._fleet = fleet
        self._plan = plan
        self._server = psutil.Process(fleet.server.pid)
        self._most_rss = 0

    async def __call__(self, crowd: Crowd) -> None:
        stalled = next(browser for browser in crowd.browsers if isinstance(browser, Stalled))
        statue = self._fleet.processes[STATUE]
        assert isinstance(statue, ChaosProcess)
        lasts_s = crowd.rng.uniform(*self._plan.freeze_s)
        ledger = Ledger(self._fleet.ledger, "slowness")
        async with Prober(self._fleet, f"statue-{self._plan.seed}", to=f"agent:{STATUE}") as prober:
            await asyncio.sleep(lasts_s)  # how it is without
            ledger("fault", kind="stall")
            before = self._server.memory_info().rss
            self.began = time.monotonic()
            statue.freeze()
            try:
                port = stalled.stall()
                posting = asyncio.create_task(prober.watch(lasts_s))
                closed_s = await self._watch(port, lasts_s)
                seen = await posting
            finally:
                statue.thaw()
            self.over = time.monotonic()
            stalled.wake()
            self.problems += await prober.judge(ANSWERS_S)
        ledger.close()
        self.figures |= {
            "stalled_s": round(lasts_s, 1), "closed_s": closed_s, "resyncs": stalled.resyncs,
            "for_the_frozen_agent": seen.accepted, "server_mb": {"before": _mb(before), "most": _mb(self._most_rss)},
        }  # fmt: skip
        if lasts_s > LET_GO_S and closed_s is None:
            self.problems.append(Problem("not_let_go", f"after {lasts_s:g} s the server still holds the connection"))

    async def _watch(self, port: int, lasts_s: float) -> float | None:
        """Return after how many seconds the server has given up the connection from `port`."""
        began = time.monotonic()
        closed_s: float | None = None
        while time.monotonic() - began < lasts_s:
            self._most_rss = max(self._most_rss, self._server.memory_info().rss)
            if closed_s is None and not await asyncio.to_thread(self._holds, port):
                closed_s = round(time.monotonic() - began, 1)
            await asyncio.sleep(LOOK_S)
        return closed_s

    def _holds(self, port: int) -> bool:
        return any(each.raddr and each.raddr.port == port for each in self._server.net_connections("tcp4"))


async def slow_chaos(fleet: ChaosFleet, plan: Plan) -> Report:
    """As long as the plan's `freeze_s` all is well, and then as long again it is not."""
    if STATUE not in fleet.processes:
        await asyncio.to_thread(
            lambda: fleet.add(STATUE, script=PARROT, CHAOS_LEDGER=str(fleet.ledger), PYTHONPATH=IMPORTS)
        )
    slowness = _Slowness(fleet, plan)
    watchers = [(Stalled, 0), (Browser, 0)]
    report = await talk_through("R13", fleet, plan, slowness, watchers=watchers)
    report.problems += [*slowness.problems, *ended(fleet), *outcries(fleet)]
    before, during = _latencies(Book(read_facts(fleet.ledger)), slowness.began, slowness.over)
    report.numbers |= {**slowness.figures, "p99_ms": {"before": _p99(before), "during": _p99(during)}}
    report.numbers["p99_ratio"] = round(_p99(during) / max(_p99(before), 0.1), 2)
    if not during:
        report.problems.append(Problem("others_stopped", "nobody had an answer while one browser was stalled"))
    return report


def _latencies(book: Book, began: float, over: float) -> tuple[list[float], list[float]]:
    """Return the milliseconds from sending to the end of the answer, at its sender, before and during the stall."""
    ends = {(fact.actor, fact.run): fact.at for fact in reversed(book.by_event["shown"]) if fact.kind in ENDS}
    before, during = [], []
    for ref, sent in book.sent.items():
        accepted = book.accepted.get(ref)
        end = ends.get((sent.actor, accepted.run)) if accepted else None
        if end is not None and end < began:
            before.append((end - sent.at) * 1000)
        elif end is not None and began < sent.at and end < over:
            during.append((end - sent.at) * 1000)
    return before, during


def _p99(values: list[float]) -> float:
    return round(sorted(values)[int(len(values) * 0.99)], 1) if values else 0.0


def _mb(count: int) -> float:
    return round(count / 1_000_000, 1)
