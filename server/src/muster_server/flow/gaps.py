"""Puts what came too early behind what is still on its way. No I/O; time is an argument, in seconds.

An agent numbers its messages of a conversation without gaps. They come in order, but for what a broker sent round the
retry queue before it died: what comes next overtakes it. So whoever is ahead of his turn waits for those before him,
for as long as they may take. It is never wrong to go on: doubles are known by their ids, not by their numbers.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Generic, TypeVar

__all__ = ["HOLD_S", "MOST_MISSING", "Gaps"]

T = TypeVar("T")

#: Longer than a message is on the first retry queue.
HOLD_S = 7.0
#: More are not missing but were never there: after a crash an agent skips so many numbers and more.
MOST_MISSING = 64
#: What waits in all, and whose last number is known.
MOST_HELD = 500
MOST_KNOWN = 10_000


@dataclass(slots=True)
class _Line(Generic[T]):
    last: int
    #: Number to what came too early: the same twice, where it was delivered twice.
    early: dict[int, list[T]] = field(default_factory=dict)
    until: float = 0.0


class Gaps(Generic[T]):
    """The lines of all senders, by a key of theirs."""

    def __init__(self) -> None:
        self._lines: OrderedDict[str, _Line[T]] = OrderedDict()
        #: The lines in which something waits, in the order in which their time comes.
        self._waiting: dict[str, None] = {}
        self._held = 0

    @property
    def due_at(self) -> float | None:
        """When something has waited long enough; None while nothing waits."""
        first = next(iter(self._waiting), None)
        return None if first is None else self._lines[first].until

    def take(self, key: str, number: int, item: T, now: float) -> list[T]:
        """Return what may go on now that `item` has come, in order."""
        line = self._lines.get(key)
        if line is None:
            self._lines[key] = _Line(number)
            self._forget_oldest()
            return [item]
        self._lines.move_to_end(key)
        if number <= line.last:
            return [item]  # a double, or given up: ids say which
        if number == line.last + 1:
            line.last = number
            return [item, *self._follow(key, line)]
        self._held += 1
        line.early.setdefault(number, []).append(item)
        if number - line.last - 1 > MOST_MISSING or self._held > MOST_HELD:
            return self._all(key, line)
        if key not in self._waiting:
            line.until = now + HOLD_S
            self._waiting[key] = None
        return []

    def overdue(self, now: float) -> list[T]:
        """Return what has waited long enough, with what came behind it."""
        found: list[T] = []
        while (due_at := self.due_at) is not None and due_at <= now:
            key = next(iter(self._waiting))
            found += self._all(key, self._lines[key])
        return found

    def _follow(self, key: str, line: _Line[T]) -> list[T]:
        found: list[T] = []
        while line.last + 1 in line.early:
            line.last += 1
            found += line.early.pop(line.last)
        self._held -= len(found)
        if not line.early:
            self._waiting.pop(key, None)
        return found

    def _all(self, key: str, line: _Line[T]) -> list[T]:
        line.last = max(line.early)
        found = [item for number in sorted(line.early) for item in line.early[number]]
        line.early.clear()
        self._held -= len(found)
        self._waiting.pop(key, None)
        return found

    def _forget_oldest(self) -> None:
        if len(self._lines) > MOST_KNOWN:
            key = next(key for key in self._lines if key not in self._waiting)
            del self._lines[key]
