"""Whose turn it is. The laws: of one lane (a conversation) one at a time, in order; of all lanes `slots` at a time;
lanes that have to wait get their turn in the order in which they came.
"""

from collections import deque
from typing import Generic, TypeVar

__all__ = ["Slots"]

T = TypeVar("T")


class Slots(Generic[T]):
    """Items are offered, and given back when it is their turn."""

    def __init__(self, slots: int) -> None:
        self._free = slots
        #: Lanes with somebody at work, or waiting for a slot: who comes next in each.
        self._lanes: dict[str, deque[T]] = {}
        self._waiting: deque[tuple[str, T]] = deque()

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return len(self._waiting) + sum(map(len, self._lanes.values()))

    def offer(self, lane: str, item: T) -> T | None:
        """Return the item if it may start at once."""
        queue = self._lanes.get(lane)
        if queue is not None:
            queue.append(item)
            return None
        self._lanes[lane] = deque()
        if not self._free:
            self._waiting.append((lane, item))
            return None
        self._free -= 1
        return item

    def release(self, lane: str) -> T | None:
        """The item at work in this lane has ended: return the one that starts now."""
        queue = self._lanes[lane]
        if queue:
            self._waiting.append((lane, queue.popleft()))
        else:
            del self._lanes[lane]
        if self._waiting:
            return self._waiting.popleft()[1]
        self._free += 1
        return None
