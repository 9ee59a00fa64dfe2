"""Somebody who uses the REST API while something is short, and judges each answer.

A message is accepted, or refused with 429 or 503, a reason and Retry-After. Reading works, and so does the event loop.
"""

import asyncio
import time
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Self

import httpx2

from tests.chaos.checker import Problem
from tests.chaos.fleet import ChaosFleet

__all__ = ["Prober", "Seen"]

#: Seconds: longer than the server may let a request wait for its database.
ANSWER_S = 15.0
PAUSE_S = 0.1
REASONS = ("overloaded", "queue_full", "database_busy", "unavailable", "bus_unreachable")
ENDS = ("RUN_FINISHED", "RUN_ERROR")


@dataclass(slots=True)
class Seen:
    """What came of asking for some time."""

    accepted: int = 0
    #: Refusals by status and reason.
    refused: dict[str, int] = field(default_factory=dict)
    #: The most that the server said to wait in its outbox, and what it warned of.
    queued: int = 0
    warnings: set[str] = field(default_factory=set)
    health_ms: list[float] = field(default_factory=list)
    post_ms: list[float] = field(default_factory=list)


class Prober:
    """Use it as a context."""

    def __init__(self, fleet: ChaosFleet, tag: str, *, to: str = "agent:parrot") -> None:
        token = (fleet.folder / "admin.token").read_text().strip()
        headers = {"authorization": f"Bearer {token}"}
        self._http = httpx2.AsyncClient(base_url=fleet.url, headers=headers, timeout=ANSWER_S, trust_env=False)
        self._tag = tag
        self._to = to
        self._numbers = count(1)
        self.conversations: list[str] = []
        self.problems: list[Problem] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def watch(self, seconds: float) -> Seen:
        """Use the API for so long, in three ways at once."""
        seen = Seen()
        try:
            async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
                for ask in (self._post, self._read, self._health):
                    group.create_task(_again_and_again(ask, seen))
        except TimeoutError:
            pass  # the time is over
        return seen

    async def accepted_again(self, within_s: float) -> float | None:
        """Return after how many seconds a message is accepted and nothing waits; None when that takes too long."""
        began = time.monotonic()
        seen = Seen()
        while time.monotonic() - began < within_s:
            await self._post(seen)
            if seen.accepted and not (await self._system())["queued_in_outbox"]:
                return round(time.monotonic() - began, 2)
            await asyncio.sleep(PAUSE_S)
        return None

    async def judge(self, within_s: float) -> list[Problem]:
        """Return what was wrong; every message that was accepted must have ended by now, or soon, once."""
        give_up_at = time.monotonic() + within_s
        for conversation in self.conversations:
            while True:
                answer = await self._ask("GET", f"/api/v1/conversations/{conversation}/events")
                events = answer.json()["items"] if answer is not None else []
                ends = [event["event"]["kind"] for event in events if event["event"]["kind"] in ENDS]
                if ends or time.monotonic() > give_up_at:
                    break
                await asyncio.sleep(PAUSE_S)
            if ends != ["RUN_FINISHED"]:
                self.problems.append(Problem("unfinished", f"a probe was accepted and ended as {ends}"))
        return self.problems

    async def _post(self, seen: Seen) -> None:
        key = f"{self._tag}-{next(self._numbers)}"
        began = time.monotonic()
        answer = await self._ask("POST", "/api/v1/messages", key, {"to": self._to, "text": f"{key} echo probe"})
        seen.post_ms.append((time.monotonic() - began) * 1000)
        if answer is None:
            return
        if answer.status_code == 202:
            seen.accepted += 1
            self.conversations.append(answer.json()["conversation"])
        elif problem := _badly_refused(answer):
            self.problems.append(Problem("badly_refused", problem))
        else:
            refusal = f"{answer.status_code} {answer.json()['reason']}"
            seen.refused[refusal] = seen.refused.get(refusal, 0) + 1

    async def _read(self, seen: Seen) -> None:
        answer = await self._ask("GET", "/api/v1/conversations")
        if answer is not None and answer.status_code != 200:
            self.problems.append(Problem("cannot_read", f"{answer.status_code} {answer.text[:200]}"))
        system = await self._system()
        seen.queued = max(seen.queued, system["queued_in_outbox"])
        seen.warnings.update(system["warnings"])

    async def _health(self, seen: Seen) -> None:
        began = time.monotonic()
        answer = await self._ask("GET", "/health")
        seen.health_ms.append((time.monotonic() - began) * 1000)
        if answer is not None and answer.status_code != 200:
            self.problems.append(Problem("not_healthy", f"{answer.status_code} {answer.text[:200]}"))

    async def _system(self) -> dict[str, Any]:
        answer = await self._ask("GET", "/api/v1/system")
        return dict(answer.json()) if answer is not None else {"queued_in_outbox": 0, "warnings": []}

    async def _ask(self, method: str, path: str, key: str = "", body: Any = None) -> httpx2.Response | None:
        headers = {"idempotency-key": key} if key else {}
        try:
            return await self._http.request(method, path, json=body, headers=headers)
        except httpx2.HTTPError as error:
            self.problems.append(Problem("no_answer", f"{method} {path}: {error!r}"))
            return None


async def _again_and_again(ask: Any, seen: Seen) -> None:
    while True:
        await ask(seen)
        await asyncio.sleep(PAUSE_S)


def _badly_refused(answer: httpx2.Response) -> str:
    if answer.status_code not in (429, 503):
        return f"{answer.status_code} {answer.text[:300]}"
    reason = answer.json().get("reason")
    if reason not in REASONS or not answer.headers.get("retry-after", "").isdigit():
        return f"{answer.status_code} {reason}, Retry-After: {answer.headers.get('retry-after')}"
    return ""
