"""R1: at every named crash point, under load, the process that is there kills itself and is started again.

Server, broker and agent run under `mortal.py`. A case is a point and a seed: the crowd talks, the process dies at a
pass that the seed chooses, comes back, and the checker must find every promise kept. A point that nobody passed is a
failure.
"""

import asyncio
import random
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tests.chaos.checker import Problem, Rules
from tests.chaos.crash_points import ACT, POINTS, Point
from tests.chaos.crowd import Crowd, Plan, Report, talk_through
from tests.chaos.fleet import IMPORTS, SLOTS, ChaosFleet, ChaosProcess
from tests.chaos.ledger import Ledger

__all__ = ["MortalFleet", "crash", "running_mortals", "sweep"]

MORTAL = Path(__file__).with_name("mortal.py")
#: Seconds until a point must have been passed often enough, and between looks whether it was.
REACH_S, LOOK_S = 40.0, 0.02
#: The short name of a process, and its crash points'.
AGENT = "parrot"
#: Figures of a case that are added up over all.
SUMMED = (
    "sent",
    "accepted",
    "finished",
    "failed",
    "executed",
    "lost",
    "doubled",
    "reordered",
    "unexpected",
    "left_over",
)


class MortalFleet(ChaosFleet):
    """A server, a broker and the bench's agent that die when they are told to."""

    def _process(self, name: str, arguments: list[str], environment: dict[str, str]) -> ChaosProcess:
        orders = {
            "CHAOS_PROCESS": "agent" if name == AGENT else name.partition("-")[0],
            "CHAOS_ORDERS": str(self.orders(name)),
            "PYTHONPATH": IMPORTS,
        }
        return super()._process(name, [str(MORTAL), *arguments], {**orders, **environment})

    def orders(self, name: str) -> Path:
        """Return the file that says where a process dies."""
        return self.folder / f"{name}.orders"

    def victim(self, process: str) -> ChaosProcess:
        """Return server, broker or agent."""
        found = {"server": self.server, "broker": self.brokers[0], "agent": self.processes[AGENT]}[process]
        assert isinstance(found, ChaosProcess)
        return found

    async def back(self, process: str) -> None:
        """Start a process that has died."""
        again = self.start_server if process == "server" else self.victim(process).start
        await asyncio.to_thread(again)


@contextmanager
def running_mortals(folder: Path, bus: str) -> Iterator[MortalFleet]:
    """Run a fleet of mortals on `bus` until the block ends."""
    fleet = MortalFleet(folder, bus, folder / "ledger.jsonl", brokers=1)
    try:
        fleet.start()
        fleet.add_parrot(AGENT)
        yield fleet
    finally:
        fleet.stop()


async def crash(fleet: MortalFleet, plan: Plan, point: Point) -> Report:
    """One case."""
    acts = point.ask == ACT
    rules = Rules(errors=SLOTS if acts and point.process == "agent" else 0, acts=acts)
    missed: list[Problem] = []

    async def faults(crowd: Crowd) -> None:
        missed.extend(await _strike(fleet, crowd.rng, point))

    report = await talk_through("R1", fleet, plan, faults, rules, ask=point.ask, also=(("any:skill=echo", point.ask),))
    report.problems += missed
    for process in fleet.processes.values():
        if not process.is_running:
            report.problems.append(Problem("died", f"{process.name} has ended by itself: {process.tail(5)}"))
    return report


async def _strike(fleet: MortalFleet, rng: random.Random, point: Point) -> list[Problem]:
    """Let the process die at the point, and come back; return what kept it from that."""
    steps = [POINTS[point.after], point] if point.after else [point]
    orders = fleet.orders(fleet.victim(point.process).name)
    orders.with_suffix(".reached").unlink(missing_ok=True)
    wanted = [f"{step.name} {rng.randint(1, step.most)}" for step in steps]
    orders.write_text("".join(f"{order}\n" for order in wanted))
    if point.away:
        await asyncio.to_thread(fleet.victim("agent").stop)
    problems = []
    for number, order in enumerate(wanted):
        if number:
            fleet.victim(point.process).start()  # to die again before it is ready
        if not await _dies(fleet, point.process, order):
            orders.unlink(missing_ok=True)
            problems.append(Problem("not_reached", order))
            break
    else:
        assert orders.with_suffix(".reached").read_text().splitlines() == wanted
        await fleet.back(point.process)
    if point.away:
        await fleet.back("agent")
    return problems


async def _dies(fleet: MortalFleet, process: str, order: str) -> bool:
    """Return whether the process died where it should, within REACH_S."""
    victim = fleet.victim(process)
    give_up_at = time.monotonic() + REACH_S
    while victim.exit_code is None:
        if time.monotonic() > give_up_at:
            return False
        await asyncio.sleep(LOOK_S)
    reached = fleet.orders(victim.name).with_suffix(".reached")
    told = reached.read_text() if reached.exists() else ""
    died_there = victim.exit_code == -signal.SIGKILL and told.endswith(f"{order}\n")
    assert died_there, f"{victim.name} ended by itself with {victim.exit_code}:\n{victim.tail()}"
    ledger = Ledger(fleet.ledger, victim.name)
    ledger("fault", kind=order.partition(" ")[0])
    ledger.close()
    return True


def sweep(folder: Path, bus: str, plan: Plan, points: Iterable[Point] = tuple(POINTS.values())) -> Report:
    """Every point with `faults` seeds. A fleet in which something was broken is ended, and another one goes on."""
    began = time.monotonic()
    whole = Report("R1", "embedded" if bus == "embedded" else "rabbitmq", plan)
    chosen = [point for point in points if point.bus in ("", whole.bus)]
    cases = [(point, replace(plan, seed=plan.seed + number)) for number in range(plan.faults) for point in chosen]
    sums: Counter[str] = Counter(points=len(chosen))
    while cases:
        place = folder / f"{len(cases)}-to-go"
        place.mkdir()
        with running_mortals(place, bus) as fleet:
            whole.problems += _until_broken(fleet, cases, sums)
    whole.numbers = dict(sums)
    whole.seconds = time.monotonic() - began
    return whole


def _until_broken(fleet: MortalFleet, cases: list[tuple[Point, Plan]], sums: Counter[str]) -> list[Problem]:
    """Take cases off the list until one breaks something; return what it was."""
    while cases:
        point, plan = cases.pop(0)
        case = f"{point.name}-{plan.seed}"
        try:
            report = asyncio.run(crash(fleet, plan, point))
        except ExceptionGroup as group:
            broken, others = group.split(AssertionError)
            if broken is None or others is not None:
                raise
            return [Problem("broken", f"{case}: {error}") for error in broken.exceptions]
        sums.update({"cases": 1, **{name: report.numbers[name] for name in SUMMED}})
        print(f"{case}: {report.line()}", file=sys.stderr)
        if report.problems:
            shutil.copy(fleet.ledger, fleet.folder / f"{case}.jsonl")
            return [Problem(kind, f"{case}: {text}") for kind, text in report.problems]
    return []
