"""Commands and stops while processes die: operators push programs, start runs and stop both; everything ends once.

A program writes into one file when it begins and when it ends, under the mark that its agent gave it. What operators
did, that file, and what is stored afterwards go to `orders.py`.
"""

import asyncio
import random
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2

from tests.chaos.aftermath import ended, outcries
from tests.chaos.checker import Problem
from tests.chaos.crowd import Plan, Report
from tests.chaos.fleet import SLOTS, ChaosFleet, ChaosProcess
from tests.chaos.killing import note_fault
from tests.chaos.ledger import Ledger, read_facts
from tests.chaos.oracle import note_left_overs
from tests.chaos.orders import ENDED, RUN_ENDS, Order, check_orders, check_stops, marks

__all__ = ["command_chaos"]

#: Another agent, which nothing happens to; what goes to all goes to both.
SECOND = "macaw"
#: Of a fault: who, and what is done to it.
WAYS = (("server", "kill"), ("parrot", "kill"), ("server", "stop"), ("parrot", "stop"), ("parrot", "freeze"))
PROGRAM = """echo "$MUSTER_PROGRAM began" >>"$2"; echo "one $1"; sleep "$3"; echo "two $1"
echo "$MUSTER_PROGRAM ended" >>"$2\""""
#: Seconds of a short program, and of one that ends only when it is stopped.
SHORT_S, LONG_S = (0.0, 0.6), 900
#: The share of what is asked for that is a run, of programs that are long, and of both that are stopped.
RUNS, LONG, STOPPED = 0.4, 0.15, 0.4
#: Seconds between asking and stopping.
STOP_AFTER_S = (0.0, 1.0)
AGAIN_S, LOOK_S, CALL_S = 0.1, 0.2, 5.0
#: Programs that an agent runs at a time, at most, when it dies.
PROGRAMS = 16
MARK = b"MUSTER_PROGRAM="

Call = Callable[[], Awaitable[httpx2.Response]]


class _Operators:
    """Ask for programs and runs until told that it is enough; each asks for the next when the last has ended."""

    def __init__(self, fleet: ChaosFleet, plan: Plan) -> None:
        self.enough = asyncio.Event()
        self.commands: list[Order] = []
        self.runs: list[Order] = []
        self.stops_s: list[float] = []
        self.book = fleet.folder / f"programs-{plan.seed}"
        self.book.touch()
        self._tag = f"ordered-{plan.seed}-{time.monotonic_ns() % 10**6}"
        self._plan = plan
        self._rng = random.Random(plan.seed)
        token = (fleet.folder / "admin.token").read_text().strip()
        self._http = httpx2.AsyncClient(
            base_url=fleet.url, headers={"authorization": f"Bearer {token}"}, timeout=CALL_S, trust_env=False
        )

    async def work(self) -> None:
        """Return when it is enough and everything has ended."""
        async with asyncio.TaskGroup() as group:
            for number in range(self._plan.browsers * self._plan.chats):
                group.create_task(self._operator(random.Random(self._rng.random()), f"{self._tag}-{number}"))

    async def look(self) -> None:
        """Fetch what is stored of everything."""
        for order in filter(lambda order: order.id, self.commands):
            order.view = (await self._get(f"/api/v1/commands/{order.id}")).json()
            order.events = await self._events(f"/api/v1/commands/{order.id}/events", "after", "0")
        for order in filter(lambda order: order.id, self.runs):
            order.events = await self._events(f"/api/v1/conversations/{order.conversation}/events", "before", "")
        await self._http.aclose()

    # ---- one operator

    async def _operator(self, rng: random.Random, name: str) -> None:
        number = 0
        while number < self._plan.messages or not self.enough.is_set():
            number += 1
            order = Order(f"{name}/{number}")
            if rng.random() < RUNS:
                self.runs.append(order)
                await self._run(order, rng)
            else:
                self.commands.append(order)
                await self._command(order, rng)
            await asyncio.sleep(self._plan.think_s * rng.uniform(0.2, 1.8))

    async def _command(self, order: Order, rng: random.Random) -> None:
        long = rng.random() < LONG
        seconds = LONG_S if long else rng.uniform(*SHORT_S)
        argv = ["/bin/sh", "-c", PROGRAM, "sh", order.ref, str(self.book), f"{seconds:.2f}"]
        to = rng.choice(("agent:parrot", "all:skill=echo"))
        answer = await self._until_taken("/api/v1/commands", {"to": to, "argv": argv}, order.ref)
        order.id = answer.json()["id"]
        path = f"/api/v1/commands/{order.id}"
        if long or rng.random() < STOPPED:
            await self._stop(order, f"{path}/stop", rng)
        await self._ends(order, lambda: self._targets_ended(path))

    async def _run(self, order: Order, rng: random.Random) -> None:
        wanted = {"to": "agent:parrot", "text": f"{order.ref} act now"}
        answer = await self._until_taken("/api/v1/messages", wanted, order.ref)
        order.id, order.conversation = answer.json()["run_id"], answer.json()["conversation"]
        if rng.random() < STOPPED:
            await self._stop(order, f"/api/v1/runs/{order.id}/stop", rng)
        await self._ends(order, lambda: self._run_ended(order))

    async def _stop(self, order: Order, path: str, rng: random.Random) -> None:
        await asyncio.sleep(rng.uniform(*STOP_AFTER_S))
        order.stop_asked = True
        answer = await self._until_answered(lambda: self._http.post(path, json={}))
        if answer.status_code == httpx2.codes.ACCEPTED:
            order.stopped_at = time.monotonic()
        elif answer.json().get("reason") != "already_finished":
            raise AssertionError(f"{path}: {answer.text}")

    async def _ends(self, order: Order, condition: Callable[[], Awaitable[bool]]) -> None:
        while not await condition():  # noqa: ASYNC110 - as a script does that watches what it has begun
            await asyncio.sleep(LOOK_S)
        order.ended_at = time.monotonic()
        if order.stopped_at:
            self.stops_s.append(order.ended_at - order.stopped_at)

    async def _targets_ended(self, path: str) -> bool:
        view = (await self._get(path)).json()
        return all(target["state"] in ENDED for target in view["targets"])

    async def _run_ended(self, order: Order) -> bool:
        events = (await self._get(f"/api/v1/conversations/{order.conversation}/events")).json()["items"]
        return any(each["event"]["kind"] in RUN_ENDS for each in events)

    # ---- the server, which may be away

    async def _until_taken(self, path: str, wanted: dict[str, Any], key: str) -> httpx2.Response:
        headers = {"idempotency-key": key}
        answer = await self._until_answered(lambda: self._http.post(path, json=wanted, headers=headers))
        assert answer.status_code == httpx2.codes.ACCEPTED, f"{path}: {answer.text}"
        return answer

    async def _get(self, path: str, **parameters: str) -> httpx2.Response:
        answer = await self._until_answered(lambda: self._http.get(path, params=parameters))
        assert answer.status_code == httpx2.codes.OK, f"{path}: {answer.text}"
        return answer

    async def _until_answered(self, call: Call) -> httpx2.Response:
        """Ask again as long as nobody is there, or as one is told to come later."""
        while True:
            with suppress(httpx2.TransportError):  # killed, or not yet back
                answer = await call()
                if answer.status_code not in (httpx2.codes.SERVICE_UNAVAILABLE, httpx2.codes.TOO_MANY_REQUESTS):
                    return answer
            await asyncio.sleep(AGAIN_S)

    async def _events(self, path: str, cursor: str, place: str) -> list[dict[str, Any]]:
        events: dict[int, dict[str, Any]] = {}
        following: str | None = place
        while following is not None:
            page = (await self._get(path, limit="200", **({cursor: following} if following else {}))).json()
            events |= {item["seq"]: item["event"] for item in page["items"]}
            following = page["next_cursor"]
        return [events[seq] for seq in sorted(events)]


async def command_chaos(fleet: ChaosFleet, plan: Plan) -> Report:
    """Kill, end and freeze server and agent while operators are at work."""
    began = time.monotonic()
    fleet.ledger.write_text("")
    if SECOND not in fleet.processes:
        await asyncio.to_thread(fleet.add_parrot, SECOND)
    operators = _Operators(fleet, plan)
    faults: Counter[str] = Counter()
    problems: list[Problem] = []
    try:
        async with asyncio.timeout(plan.deadline_s), asyncio.TaskGroup() as group:
            group.create_task(operators.work())
            await _faults(fleet, plan, faults)
            operators.enough.set()
    except TimeoutError:
        problems.append(Problem("unfinished", f"not everything had ended after {plan.deadline_s:g} s"))
    await operators.look()
    ledger = Ledger(fleet.ledger, "database")
    await note_left_overs(fleet, ledger)
    ledger.close()
    deaths = faults["parrot kill"] + faults["parrot stop"]
    problems += [*_read(fleet, operators, deaths), *ended(fleet), *outcries(fleet)]
    return Report("commands", fleet.kind, plan, _figures(operators, faults), problems, time.monotonic() - began)


async def _faults(fleet: ChaosFleet, plan: Plan, faults: Counter[str]) -> None:
    rng = random.Random(plan.seed + 1)
    for number in range(plan.faults):
        await asyncio.sleep(rng.uniform(*plan.pause_s))
        who, how = WAYS[number % len(WAYS)]
        victim = fleet.processes[who]
        assert isinstance(victim, ChaosProcess)
        faults[f"{who} {how}"] += 1
        note_fault(fleet, who, how)
        if how == "freeze":
            victim.freeze()
            await asyncio.sleep(rng.uniform(*plan.freeze_s))
            victim.thaw()
            continue
        await asyncio.to_thread(victim.kill if how == "kill" else victim.terminate)
        await asyncio.sleep(rng.uniform(0, 0.5))
        await asyncio.to_thread(fleet.start_server if who == "server" else victim.start)


def _read(fleet: ChaosFleet, operators: _Operators, deaths: int) -> list[Problem]:
    """Return what was broken."""
    facts = read_facts(fleet.ledger)
    executed: dict[str, list[float]] = defaultdict(list)
    for fact in facts:
        if fact.event == "executed":
            executed[fact.run].append(fact.at)
    problems = [Problem("left_over", f"{fact.kind}: {fact.seq}") for fact in facts if fact.event == "left"]
    lines = operators.book.read_text().splitlines()
    problems += check_orders(operators.commands, lines, interrupted=PROGRAMS * deaths)
    problems += check_stops(operators.runs, executed, interrupted=SLOTS * deaths)
    ours = {mark for order in operators.commands if order.view for mark in marks(order)}
    problems += [Problem("left_over", f"a program of {mark} still runs") for mark in _running() & ours]
    return problems


def _running() -> set[str]:
    """Return the marks of all programs that run on this machine."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # it has just ended, or is somebody else's
            found |= {
                entry.removeprefix(MARK).decode() for entry in path.read_bytes().split(b"\0") if entry.startswith(MARK)
            }
    return found


def _figures(operators: _Operators, faults: Counter[str]) -> dict[str, Any]:
    states = Counter(target["state"] for order in operators.commands for target in order.view.get("targets", ()))
    ends = Counter(
        event.get("reason") or "finished"
        for order in operators.runs for event in order.events if event["kind"] in RUN_ENDS
    )  # fmt: skip
    waited = sorted(operators.stops_s) or [0.0]
    return {
        "commands": len(operators.commands), "targets": dict(states), "runs": len(operators.runs), "ends": dict(ends),
        "faults": dict(faults), "stops": len(operators.stops_s),
        "stop_s": {"p50": round(waited[len(waited) // 2], 2), "max": round(waited[-1], 2)},
    }  # fmt: skip
