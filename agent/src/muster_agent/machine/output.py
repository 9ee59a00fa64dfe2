"""What a program prints, cut into pieces with offsets, and never more than a bound of it.

The laws: the offsets count every byte that the program printed, both streams together, also those left out. The first
`HEAD_BYTES` are kept and passed on as they come; of the rest only the last `TAIL_BYTES`, passed on at the end with the
number of bytes left out before them. A piece never ends inside a UTF-8 character, except where the stream itself does.
"""

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["OutputLog", "Piece"]

#: Passed on live, per program.
HEAD_BYTES = 960 * 1024
#: Kept from the end when there is more.
TAIL_BYTES = 64 * 1024
#: The longest piece.
PIECE_BYTES = 32 * 1024


class Piece(NamedTuple):
    """`offset` counts the bytes before it; `dropped` of them were left out just before it."""

    offset: int
    stderr: bool
    data: bytes
    dropped: int = 0


def _unfinished(data: bytes) -> int:
    """Return how many bytes at the end of `data` begin a UTF-8 character that is not complete."""
    for back in range(1, min(4, len(data) + 1)):
        byte = data[-back]
        if byte & 0xC0 == 0x80:
            continue
        needed = 2 if byte & 0xE0 == 0xC0 else 3 if byte & 0xF0 == 0xE0 else 4 if byte & 0xF8 == 0xF0 else 1
        return back if needed > back else 0
    return 0


def _parts(data: bytes) -> Iterator[bytes]:
    start = 0
    while len(data) - start > PIECE_BYTES:
        part = data[start : start + PIECE_BYTES]
        part = part[: len(part) - _unfinished(part)]
        yield part
        start += len(part)
    yield data[start:]


class OutputLog:
    """Takes bytes as they are read, gives pieces."""

    def __init__(self, head: int = HEAD_BYTES, tail: int = TAIL_BYTES) -> None:
        self._room = head
        self._tail_room = tail
        #: Bytes printed so far.
        self.total = 0
        self._given = 0
        self._ready: deque[tuple[bool, bytes]] = deque()
        self._rest = {False: b"", True: b""}
        self._tail: deque[tuple[bool, bytes]] = deque()
        self._tail_size = 0
        self._dropped = 0

    @property
    def waiting(self) -> int:
        """Bytes that `take` would give now."""
        return sum(len(data) for _, data in self._ready)

    @property
    def over_the_bound(self) -> bool:
        """Whether output is no longer passed on live."""
        return self._room <= 0

    def push(self, stderr: bool, data: bytes) -> None:
        """Add what was read from one of the two streams."""
        self.total += len(data)
        head, rest = data[: self._room], data[self._room :]
        if head:
            self._room -= len(head)
            self._push_head(stderr, head)
        if rest:
            self._push_tail(stderr, rest)

    def take(self, *, everything: bool = False) -> list[Piece]:
        """Return the pieces since the last call; `everything`: the program has ended, nothing is held back."""
        if everything:
            self._finish()
        pieces = []
        while self._ready:
            stderr, data = self._ready.popleft()
            pieces += [self._piece(stderr, part) for part in _parts(data)]
        return pieces

    def _push_head(self, stderr: bool, data: bytes) -> None:
        data = self._rest[stderr] + data
        held = _unfinished(data)
        self._rest[stderr] = data[len(data) - held :]
        whole = data[: len(data) - held]
        if not whole:
            return
        if self._ready and self._ready[-1][0] == stderr:
            self._ready[-1] = (stderr, self._ready[-1][1] + whole)
        else:
            self._ready.append((stderr, whole))

    def _push_tail(self, stderr: bool, data: bytes) -> None:
        self._tail.append((stderr, data))
        self._tail_size += len(data)
        while self._tail_size > self._tail_room:
            first_stderr, first = self._tail.popleft()
            surplus = min(len(first), self._tail_size - self._tail_room)
            self._dropped += surplus
            self._tail_size -= surplus
            if surplus < len(first):
                self._tail.appendleft((first_stderr, first[surplus:]))

    def _finish(self) -> None:
        for stderr, rest in self._rest.items():
            if rest:
                self._ready.append((stderr, rest))
        self._rest = {False: b"", True: b""}
        self._ready.extend(self._tail)
        self._tail.clear()

    def _piece(self, stderr: bool, data: bytes) -> Piece:
        in_tail = self._given >= self.total - self._tail_size - self._dropped
        dropped, self._dropped = (self._dropped, 0) if in_tail else (0, self._dropped)
        piece = Piece(self._given + dropped, stderr, data, dropped)
        self._given = piece.offset + len(data)
        return piece
