"""Messages that have come before the one that they follow. No I/O; time is an argument, in seconds.

Messages of a conversation come in order, but for what a broker sent round the retry queue before its partition went to
another: what comes next overtakes it. So whoever follows a message that is not here waits for it, for as long as that
may take. It is never wrong to go on: nothing is dropped, and doubles are known by their ids.
"""

from collections import Counter, OrderedDict
from typing import Generic, TypeVar

__all__ = ["HOLD_S", "Early"]

T = TypeVar("T")

#: Longer than a message is twice on the first retry queue.
HOLD_S = 12.0
#: What waits in all, and whose coming is remembered.
MOST_HELD = 500
MOST_KNOWN = 10_000


class Early(Generic[T]):
    """What waits, by the id of the message that it follows."""

    def __init__(self) -> None:
        self._came: OrderedDict[str, None] = OrderedDict()
        #: What waits for a message and until when, in the order in which their time comes.
        self._waiting: dict[str, tuple[float, list[tuple[str, T]]]] = {}
        #: The ids of what waits; one may be there twice.
        self._held: Counter[str] = Counter()

    def __len__(self) -> int:
        return self._held.total()

    def knows(self, message_id: str) -> bool:
        """Tell whether this message has come lately, or is not waited for any more."""
        return message_id in self._came

    def hold(self, message_id: str, before: str, item: T, now: float) -> bool:
        """Let a message wait for the one before it; False when too much waits already."""
        if len(self) >= MOST_HELD:
            return False
        self._waiting.setdefault(before, (now + HOLD_S, []))[1].append((message_id, item))
        self._held[message_id] += 1
        return True

    def begin_anew(self, now: float) -> None:
        """Let all that waits have as long as if it had come now."""
        self._waiting = {before: (now + HOLD_S, held) for before, (_, held) in self._waiting.items()}

    def came(self, message_id: str) -> list[T]:
        """A message is here: return what waited for it, in order."""
        self._came[message_id] = None
        self._came.move_to_end(message_id)
        if len(self._came) > MOST_KNOWN:
            self._came.popitem(last=False)
        _, held = self._waiting.pop(message_id, (0.0, []))
        self._held -= Counter(own for own, _ in held)
        return [item for _, item in held]

    def due(self, now: float) -> list[T]:
        """Return what has waited for long enough. What follows something that waits itself goes after that."""
        late = [
            before
            for before, (until, _) in self._waiting.items()
            if until <= now and (before not in self._held or until + HOLD_S <= now)
        ]
        return [item for before in late for item in self.came(before)]
