"""What waits to be written to one side of a relay's stream, in batches that gRPC lets pass.

A batch is one gRPC message, of which both sides take 4 MiB at the most. It takes no more items once it holds
BATCH_BYTES. The last one may be as large as items are, a little over 1 MiB: so every item fits into some batch.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["Batches"]

BATCH_BYTES = 512 * 1024
#: What an item needs beside its texts and bytes: numbers, tags and lengths.
ITEM_BYTES = 32

B = TypeVar("B")


class Batches(Generic[B]):
    """Batches in the order in which they were begun. It is full above `bound` bytes: whoever can wait should."""

    def __init__(self, make: Callable[[], B], bound: int) -> None:
        self._make = make
        self._bound = bound
        self._waiting: deque[B] = deque()
        self._sizes: deque[int] = deque()
        self._size = 0
        self._some, self._room = asyncio.Event(), asyncio.Event()
        self._room.set()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def full(self) -> bool:
        """Whether so much waits that nothing more should be added."""
        return not self._room.is_set()

    async def room(self) -> None:
        """Return when it is not full."""
        while self.full:  # whoever was woken first may have taken the room
            await self._room.wait()

    def batch(self, size: int) -> B:
        """Return the batch to which the next item is to be added now; its texts and bytes have `size` bytes."""
        if not self._waiting or self._sizes[-1] >= BATCH_BYTES:
            self._waiting.append(self._make())
            self._sizes.append(0)
        self._sizes[-1] += size + ITEM_BYTES
        self._size += size + ITEM_BYTES
        if self._size > self._bound:
            self._room.clear()
        self._some.set()
        return self._waiting[-1]

    async def take(self) -> B:
        """Return the oldest batch, waiting for one; nothing is added to it any more."""
        while not self._waiting:
            self._some.clear()
            await self._some.wait()
        self._size -= self._sizes.popleft()
        if self._size <= self._bound:
            self._room.set()
        return self._waiting.popleft()

    def clear(self) -> None:
        """Forget what waits."""
        self._waiting.clear()
        self._sizes.clear()
        self._size = 0
        self._room.set()
