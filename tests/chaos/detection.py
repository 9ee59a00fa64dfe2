"""R11: how long until people see that an agent is gone, that a broker is gone, that a message has died."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from tests.chaos.aftermath import outcries
from tests.chaos.checker import Problem
from tests.chaos.crowd import Plan, Report
from tests.chaos.fleet import ChaosFleet, ChaosProcess
from tests.chaos.poison import KINDS, Poisoner, Voice
from tests.server.puppet import puppet

__all__ = ["detection_trials"]

#: Seconds after which something that nobody has seen counts as not seen: more than any of them may take.
UNSEEN_S = 60.0
#: Seconds until all is as before, for the next trial.
BACK_S = 60.0
LOOK_S = 0.05
#: A poison that becomes a dead letter on its way to the server.
LETTER = next(kind for kind in KINDS if kind.name == "run events that are no JSON")


class _Trials:
    def __init__(self, fleet: ChaosFleet, poisoner: Poisoner) -> None:
        self.seconds: dict[str, list[float]] = {}
        self.problems: list[Problem] = []
        self._fleet = fleet
        self._poisoner = poisoner
        self._letters = 0

    async def turn(self, *, freezing: bool) -> None:
        """Try everything once."""
        agent = self._fleet.processes["parrot"]
        broker = self._fleet.brokers[0]
        assert isinstance(agent, ChaosProcess)
        for name, process, lost, back in (
            ("agent", agent, self._agent_lost, self._agent_back),
            ("broker", broker, self._broker_lost, self._broker_back),
        ):
            await self._try(f"{name} killed", process.kill, lost)
            await self._again(process.start, back, f"{name} was killed and is not back")
            if freezing:
                await self._try(f"{name} frozen", process.freeze, lost)
                await self._again(process.thaw, back, f"{name} was frozen and is not back")
        self._letters += 1
        await self._try_letter()

    async def _try(self, name: str, act: Callable[[], None], seen: Callable[[], bool]) -> None:
        await asyncio.to_thread(act)
        await self._time(name, seen)

    async def _try_letter(self) -> None:
        known = self._waiting()
        await self._poisoner.send(LETTER, self._letters)
        await self._time("dead letter", lambda: self._waiting() > known)

    async def _time(self, name: str, seen: Callable[[], bool]) -> None:
        seconds = await _until(seen, UNSEEN_S)
        if seconds is None:
            self.problems.append(Problem("not_seen", f"{name}: not within {UNSEEN_S:g} s"))
        else:
            self.seconds.setdefault(name, []).append(seconds)

    async def _again(self, act: Callable[[], None], back: Callable[[], bool], otherwise: str) -> None:
        await asyncio.to_thread(act)
        if await _until(back, BACK_S) is None:
            self.problems.append(Problem("not_back", otherwise))

    def _agent_lost(self) -> bool:
        return self._fleet.state_of("parrot") == "lost"

    def _agent_back(self) -> bool:
        return self._fleet.state_of("parrot") == "idle"

    def _broker_lost(self) -> bool:
        return not self._broker_back()

    def _broker_back(self) -> bool:
        name = self._fleet.brokers[0].name
        views = self._fleet.get("/api/v1/system")["brokers"]
        return any(view["name"] == name and view["connected"] for view in views)

    def _waiting(self) -> int:
        return int(self._fleet.get("/api/v1/dead-letters")["waiting"])


async def detection_trials(fleet: ChaosFleet, plan: Plan, *, freezing: bool = True) -> Report:
    """Try everything `faults` times, one after another, on a fleet that has nothing to do."""
    began = time.monotonic()
    token = await asyncio.to_thread(fleet.join_token, "agent")
    async with puppet(fleet.grpc_address, token, fleet.folder, f"detector-{plan.seed}") as agent, agent.beating():
        bus = await agent.bus()
        trials = _Trials(fleet, Poisoner(Voice(agent, bus), f"detector-{plan.seed}"))
        try:
            for _ in range(plan.faults):
                await trials.turn(freezing=freezing)
        finally:
            await bus.close()
    numbers: dict[str, Any] = {"trials": plan.faults, "seen_s": {n: _figures(s) for n, s in trials.seconds.items()}}
    problems = [*trials.problems, *outcries(fleet)]
    return Report("R11", fleet.kind, plan, numbers, problems, time.monotonic() - began)


async def _until(condition: Callable[[], bool], within_s: float) -> float | None:
    """Return after how many seconds it is true; None when it is not."""
    began = time.monotonic()
    while time.monotonic() - began < within_s:
        if await asyncio.to_thread(condition):
            return time.monotonic() - began
        await asyncio.sleep(LOOK_S)
    return None


def _figures(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {"p50": round(ordered[len(ordered) // 2], 2), "max": round(ordered[-1], 2)}
