"""Somebody typing in one conversation: the next message goes when the one before is stored, some unfinished."""

import asyncio
import random
from typing import Any

__all__ = ["Chat"]

WORDS = (
    "amber",
    "birch",
    "cedar",
    "delta",
    "ember",
    "fjord",
    "grove",
    "heath",
    "inlet",
    "jetty",
    "knoll",
    "larch",
    "mossy",
)
MOST_WORDS = 40


class Chat:
    """`ask` begins each message, and tells the agent what to do. Deterministic by `rng`."""

    def __init__(self, name: str, to: str, rng: random.Random, *, ask: str = "echo", window: int = 2) -> None:
        self.name = name
        self.conversation = ""
        self.unanswered: dict[str, Any] | None = None
        self.number = 0
        self._to = to
        self._rng = rng
        self._ask = ask
        self._window = window
        self._runs: list[str] = []
        self._sent_before = False
        self._changed = asyncio.Event()

    def owns(self, ref: str) -> bool:
        """Tell whether this chat sent it."""
        return ref.rpartition("/")[0] == self.name

    def next_frame(self) -> tuple[dict[str, Any], bool]:
        """Return what to send, and whether it was sent before."""
        again = self.unanswered is not None
        if self.unanswered is None:
            self.number += 1
            ref = f"{self.name}/{self.number}"
            words = " ".join(self._rng.choices(WORDS, k=self._rng.randint(1, MOST_WORDS)))
            where = {"conversation": self.conversation} if self.conversation else {"to": self._to}
            self.unanswered = {
                "op": "chat.send", "ref": ref, "message": {"text": f"{ref} {self._ask} {words}", **where},
            }  # fmt: skip
        return self.unanswered, again

    def accepted(self, ref: str, sent: dict[str, Any]) -> None:
        """The server has stored it."""
        if self.unanswered and self.unanswered["ref"] == ref:
            self.unanswered = None
            self.conversation = sent["conversation"]
            self._runs.append(sent["run_id"])
        self._changed.set()

    def look(self, ended: set[str]) -> None:
        """These runs of the conversation have ended."""
        self._runs = [run for run in self._runs if run not in ended]
        self._changed.set()

    @property
    def settled(self) -> bool:
        """Whether everything said so far is stored and has ended."""
        return self.unanswered is None and not self._runs

    async def ready(self) -> None:
        """Return when the next message may be sent."""
        while self.unanswered or len(self._runs) >= self._window:
            self._changed.clear()
            await self._changed.wait()

    async def done(self) -> None:
        """Return when all that was said has ended."""
        while not self.settled:
            self._changed.clear()
            await self._changed.wait()
