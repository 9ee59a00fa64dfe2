"""A crowd of simulated browsers that talk to the bench's agent while something goes wrong, and what came of it."""

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.browser import Browser, Door
from tests.chaos.chat import Chat
from tests.chaos.checker import Book, Problem, Rules, check, figures
from tests.chaos.fleet import ChaosFleet
from tests.chaos.ledger import Ledger, read_facts
from tests.chaos.oracle import note_left_overs, note_stored
from tests.chaos.recovery import summary

__all__ = ["Crowd", "Faults", "Plan", "Report", "talk_through"]

DEFAULT = Rules()
#: Whom a chat is with, and what it asks for.
Kind = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of everything. Chats go on until the faults are over, and at least for `messages` messages each."""

    seed: int
    messages: int = 6
    browsers: int = 2
    chats: int = 3
    watchers: int = 1
    faults: int = 3
    #: Seconds between faults.
    pause_s: tuple[float, float] = (0.3, 1.0)
    #: Seconds of a SIGSTOP.
    freeze_s: tuple[float, float] = (5.0, 6.0)
    #: Seconds that somebody thinks before typing on.
    think_s: float = 0.05
    #: Messages of one chat that have not ended when the next is sent.
    window: int = 2
    #: Seconds until what has not ended counts as lost.
    deadline_s: float = 60.0
    #: Seconds that viewers may need to catch up with the database, when all runs have ended.
    catch_up_s: float = 15.0


@dataclass(slots=True)
class Report:
    """What a bar prints as one JSON line."""

    bar: str
    bus: str
    plan: Plan
    numbers: dict[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether every promise was kept."""
        return not self.problems

    def line(self) -> str:
        """Return the JSON line."""
        return json.dumps({
            "bar": self.bar, "bus": self.bus, "seed": self.plan.seed, "passed": self.passed, **self.numbers,
            "seconds": round(self.seconds, 1), "problems": [f"{kind}: {text}" for kind, text in self.problems[:20]],
        })  # fmt: skip


#: What goes wrong, as a coroutine; it returns when nothing more will.
Faults = Callable[["Crowd"], Awaitable[None]]
#: What kind of browser watches, and through which port (0: the server's own).
Watcher = tuple[type[Browser], int]


class Crowd:
    """Browsers that chat, and watchers that see all of it."""

    def __init__(
        self, fleet: ChaosFleet, plan: Plan, name: str, *, ask: str = "echo", also: Sequence[Kind] = (),
        watchers: Sequence[Watcher] = (), port: int = 0,
    ) -> None:  # fmt: skip
        self.rng = random.Random(plan.seed)
        self.tag = f"{name}-{plan.seed}-{time.monotonic_ns() % 10**6}"
        self.plan = plan
        self.enough = asyncio.Event()
        self.ledger = Ledger(fleet.ledger, "database")
        self._fleet = fleet
        self._doors: list[Door] = []
        talkers = [self._open(Browser, port, f"browser-{n}") for n in range(plan.browsers)]
        kinds = watchers or [(Browser, port)] * plan.watchers
        self._watchers = [self._open(kind, port, f"watcher-{n}") for n, (kind, port) in enumerate(kinds)]
        self.browsers = talkers + self._watchers
        talks = [("agent:parrot", ask), *also]
        self.chats = [
            (browser, self._chat(f"{self.tag}-b{n}c{m}", talks[m % len(talks)]))
            for n, browser in enumerate(talkers) for m in range(plan.chats)
        ]  # fmt: skip

    def _open(self, kind: type[Browser], port: int, name: str) -> Browser:
        token = (self._fleet.folder / "admin.token").read_text().strip()
        self._doors.append(Door(self._fleet.url, token, port=port))
        browser = kind(self._doors[-1], Ledger(self._fleet.ledger, name), random.Random(self.rng.random()))
        browser.on_conversation = self._watch
        return browser

    @property
    def reconnects(self) -> int:
        """How often browsers came back."""
        return sum(browser.connections - 1 for browser in self.browsers)

    def _chat(self, name: str, kind: Kind) -> Chat:
        rng = random.Random(self.rng.random())
        return Chat(name, kind[0], rng, ask=kind[1], window=self.plan.window)

    def _watch(self, conversation: str) -> None:
        for watcher in self._watchers:
            watcher.follow(conversation)

    @property
    def grown(self) -> int:
        """How many answers somebody had seen the beginning of, when they were complete."""
        return sum(held.grown for browser in self.browsers for held in browser.transcripts.values())

    async def talk(self, faults: Faults) -> None:
        """Talk while `faults` happen, until all has ended and everybody has seen it, or the deadline has come."""
        try:
            async with asyncio.TaskGroup() as group:
                pages = [group.create_task(browser.run()) for browser in self.browsers]
                typing = [group.create_task(self._type(browser, chat)) for browser, chat in self.chats]
                try:
                    async with asyncio.timeout(self.plan.deadline_s):
                        await faults(self)
                        self.enough.set()
                        await asyncio.gather(*typing)
                except TimeoutError:
                    pass  # whatever has not ended by now is found by the checker
                await self._note_stored()
                for task in [*pages, *typing]:
                    task.cancel()
        finally:
            for door in self._doors:
                await door.close()
            for browser in self.browsers:
                browser.ledger.close()

    async def _type(self, browser: Browser, chat: Chat) -> None:
        while chat.number < self.plan.messages or not self.enough.is_set():
            browser.say(chat)
            await chat.ready()
            await asyncio.sleep(self.plan.think_s * self.rng.uniform(0.2, 1.8))
        await chat.done()

    async def _note_stored(self) -> None:
        """Write down what is stored, and wait until every viewer has it, as long as that may take."""
        known = {conversation for browser in self.browsers for conversation in browser.transcripts}
        lasts = await asyncio.to_thread(note_stored, self._fleet, self.ledger, self.tag, known)
        try:
            async with asyncio.timeout(self.plan.catch_up_s):
                await asyncio.gather(*(browser.reaches(lasts) for browser in self.browsers))
        except TimeoutError:
            pass  # what somebody does not show by now is found by the checker


async def talk_through(
    bar: str, fleet: ChaosFleet, plan: Plan, faults: Faults, rules: Rules = DEFAULT, *, ask: str = "echo",
    also: Sequence[Kind] = (), watchers: Sequence[Watcher] = (), letters: int = 0, port: int = 0,
) -> Report:  # fmt: skip
    """Let a crowd talk to the bench's agent while `faults` happen; return what came of it.

    `also`: kinds of chats that take turns with asking it for `ask`.
    `letters`: dead letters that the faults make. `port`: through which browsers come, where it is not the server's.
    """
    began = time.monotonic()
    fleet.ledger.write_text("")
    letters += (await asyncio.to_thread(fleet.get, "/api/v1/dead-letters"))["waiting"]
    crowd = Crowd(fleet, plan, bar, ask=ask, also=also, watchers=watchers, port=port)
    await crowd.talk(faults)
    await note_left_overs(fleet, crowd.ledger, planned_letters=letters)
    crowd.ledger.close()
    book = Book(read_facts(fleet.ledger))
    problems = check(book, rules)
    if not crowd.enough.is_set():
        problems.append(Problem("unfinished", f"the faults were not over after {plan.deadline_s:g} s"))
    numbers = {**figures(book, problems), **summary(book), "reconnects": crowd.reconnects, "grown": crowd.grown}
    return Report(bar, fleet.kind, plan, numbers, problems, time.monotonic() - began)
