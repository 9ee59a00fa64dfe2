"""R10: RabbitMQ is short of memory or of disk, the database's disk is full, another process holds the database.

The crowd talks on. What is accepted survives; the rest is refused in words, and goes through when the shortage is over,
without a restart of anything.
"""

import asyncio
import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from muster_cli.provision.queue_server import PrivateRabbit
from tests.chaos.aftermath import ended, outcries
from tests.chaos.alarms import ALARMS, alarm, can_alarm
from tests.chaos.checker import Problem
from tests.chaos.crowd import Crowd, Plan, Report, talk_through
from tests.chaos.fleet import ChaosFleet, running_chaos
from tests.chaos.ledger import Ledger
from tests.chaos.prober import Prober, Seen
from tests.chaos.smalldisk import Locker, NoDisk, small_disk

__all__ = ["Shortage", "alarms", "locks", "running_on_small_disk", "shortage_chaos"]

#: For each database: twice its write-ahead log, which is emptied after 4000 pages of 4 KiB, and what a run stores.
DISK_MB = 48
DATABASES = ("muster.db", "queues.db")
#: Seconds that a database is held: longer than two writes may wait for it, one after the other. The journal of the
#: embedded queue server writes one batch after the other, and the second is the first that has much in it.
LOCKED_S = 12.0
#: Seconds until all is as before.
BACK_S = 90.0


class Shortage(NamedTuple):
    """Something that runs out. `begin` and `over` block."""

    name: str
    begin: Callable[[], None]
    over: Callable[[], None]
    #: Seconds; 0: as long as the plan's `freeze_s`.
    lasts_s: float = 0.0
    #: Whether new messages are accepted, and wait where people see it; otherwise they are refused.
    queues: bool = False


def alarms(node: PrivateRabbit | None) -> list[Shortage]:
    """Return the alarms of RabbitMQ; none, and says so, where the node is not ours to alarm."""
    if not can_alarm(node):
        print("R10: no alarms: this RabbitMQ is not ours to alarm", file=sys.stderr)
        return []
    assert node is not None
    return [
        Shortage(name, partial(alarm, node, name, on=True), partial(alarm, node, name, on=False), queues=True)
        for name in ALARMS
    ]


def locks(fleet: ChaosFleet, lasts_s: float = LOCKED_S) -> list[Shortage]:
    """Return what happens when another process holds the server's databases."""
    lockers = {name: Locker(fleet.folder / name) for name in _databases(fleet.bus)}
    return [Shortage(f"locked {name}", each.hold, each.let_go, lasts_s) for name, each in lockers.items()]


@contextmanager
def running_on_small_disk(folder: Path, bus: str) -> Iterator[tuple[ChaosFleet, list[Shortage]]]:
    """Run a fleet whose databases are on a small disk, and say how to fill it.

    Where it cannot be mounted, databases are where they always are, nothing can be filled, and somebody is told.
    """
    try:
        with small_disk(folder / "small", DISK_MB * len(_databases(bus))) as disk:
            for name in _databases(bus):
                (folder / name).symlink_to(disk.folder / name)
            with running_chaos(folder, bus) as fleet:
                yield fleet, [Shortage("full_disk", disk.fill, disk.free)]
    except NoDisk as missing:
        print(f"R10: no full disk: {missing}", file=sys.stderr)
        with running_chaos(folder, bus) as fleet:
            yield fleet, []


class _Shortages:
    def __init__(self, fleet: ChaosFleet, plan: Plan, shortages: Sequence[Shortage]) -> None:
        self.figures: dict[str, dict[str, object]] = {}
        self.problems: list[Problem] = []
        self._fleet = fleet
        self._plan = plan
        self._shortages = shortages

    async def __call__(self, crowd: Crowd) -> None:
        ledger = Ledger(self._fleet.ledger, "shortage")
        async with Prober(self._fleet, f"probe-{self._plan.seed}") as prober:
            for shortage in self._shortages:
                await asyncio.sleep(crowd.rng.uniform(*self._plan.pause_s))
                ledger("fault", kind=shortage.name)
                await self._suffer(shortage, prober, shortage.lasts_s or crowd.rng.uniform(*self._plan.freeze_s))
            self.problems += await prober.judge(BACK_S)
        ledger.close()

    async def _suffer(self, shortage: Shortage, prober: Prober, lasts_s: float) -> None:
        try:
            await asyncio.to_thread(shortage.begin)
            seen = await prober.watch(lasts_s)
        finally:
            await asyncio.to_thread(shortage.over)
        back_s = await prober.accepted_again(BACK_S)
        self.figures[shortage.name] = {**_figures(seen), "back_s": back_s}
        self.problems += _judge(shortage, seen)
        if back_s is None:
            self.problems.append(Problem("not_back", f"{shortage.name}: not within {BACK_S:g} s"))


async def shortage_chaos(fleet: ChaosFleet, plan: Plan, shortages: Sequence[Shortage]) -> Report:
    """Suffer each of `shortages`, one after another."""
    faults = _Shortages(fleet, plan, shortages)
    report = await talk_through("R10", fleet, plan, faults)
    report.problems += [*faults.problems, *ended(fleet), *outcries(fleet)]
    report.problems += await asyncio.to_thread(lambda: list(_judge_databases(fleet)))
    report.numbers["shortages"] = faults.figures
    return report


def _judge(shortage: Shortage, seen: Seen) -> Iterator[Problem]:
    """A shortage that nobody has felt shows nothing."""
    if shortage.queues and not (seen.queued and any("takes no messages" in text for text in seen.warnings)):
        yield Problem("not_visible", f"{shortage.name}: {seen.queued} waited, warnings {sorted(seen.warnings)}")
    if not shortage.queues and not seen.refused and not seen.queued:
        yield Problem("not_felt", f"{shortage.name}: nothing was refused, and nothing waited")


def _judge_databases(fleet: ChaosFleet) -> Iterator[Problem]:
    for name in _databases(fleet.bus):
        with closing(sqlite3.connect(f"file:{fleet.folder / name}?mode=ro", uri=True)) as database:
            said = database.execute("PRAGMA integrity_check").fetchall()
            if said != [("ok",)]:
                yield Problem("damaged", f"{name}: {said[:3]}")
            if name == "muster.db" and (left := database.execute("SELECT count(*) FROM outbox").fetchone()[0]):
                yield Problem("left_over", f"{left} rows in the outbox's table")


def _databases(bus: str) -> tuple[str, ...]:
    return DATABASES if bus == "embedded" else DATABASES[:1]


def _figures(seen: Seen) -> dict[str, object]:
    return {
        "accepted": seen.accepted, "refused": seen.refused, "queued": seen.queued, "warnings": sorted(seen.warnings),
        "post_ms": _quantiles(seen.post_ms), "health_ms": _quantiles(seen.health_ms),
    }  # fmt: skip


def _quantiles(values: list[float]) -> dict[str, float]:
    ordered = sorted(values) or [0.0]
    return {"p50": round(ordered[len(ordered) // 2], 1), "p99": round(ordered[int(len(ordered) * 0.99)], 1)}
