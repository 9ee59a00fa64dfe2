"""Messages that have come before the one that they follow. No I/O; time is an argument: seconds of the desk's patience.

Messages of a conversation come in order, but for what a broker sent round the retry queue before its partition went to
another: what comes next overtakes it. So whoever follows a message that is not here waits for it, for as long as that
may take. It is never wrong to go on: nothing is dropped, and doubles are known by their ids.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Generic, TypeVar

__all__ = ["HOLD_S", "Early"]

T = TypeVar("T")

#: Longer than a message is twice on the first retry queue.
HOLD_S = 12.0
#: How often what waits is given all its time again.
RENEWALS = 5
#: What waits in all, and whose coming is remembered.
MOST_HELD = 500
MOST_KNOWN = 10_000


@dataclass(slots=True)
class _Wait:
    """For one message: until when, how often that may still be put off, and the ids of what follows it, in order."""

    until: float
    renewals: int = RENEWALS
    ids: list[str] = field(default_factory=list)


class Early(Generic[T]):
    """What waits, by its id, and by the id of the message that it follows."""

    def __init__(self) -> None:
        self._came: OrderedDict[str, None] = OrderedDict()
        #: In the order in which their time comes.
        self._waits: dict[str, _Wait] = {}
        self._items: dict[str, T] = {}

    def __len__(self) -> int:
        return len(self._items)

    def held(self, message_id: str) -> T | None:
        """Return what waits under this id."""
        return self._items.get(message_id)

    def all_held(self) -> list[T]:
        """Return all that waits; may be called by another thread."""
        return list(self._items.values())

    def knows(self, message_id: str) -> bool:
        """Tell whether this message has come lately, or is not waited for any more."""
        return message_id in self._came

    def hold(self, message_id: str, before: str, item: T, now: float) -> bool:
        """Let a message that does not wait yet do so for the one before it; False when too much waits already."""
        if len(self) >= MOST_HELD:
            return False
        self._waits.setdefault(before, _Wait(now + HOLD_S)).ids.append(message_id)
        self._items[message_id] = item
        return True

    def begin_anew(self, now: float) -> None:
        """Messages reach us again: let what waits have as long as if it had come now, though not time and again."""
        for wait in self._waits.values():
            if wait.renewals:
                wait.until = now + HOLD_S
                wait.renewals -= 1

    def came(self, message_id: str) -> list[T]:
        """A message is here: return what waited for it, in order."""
        self._came[message_id] = None
        self._came.move_to_end(message_id)
        if len(self._came) > MOST_KNOWN:
            self._came.popitem(last=False)
        wait = self._waits.pop(message_id, None)
        return [self._items.pop(own) for own in wait.ids] if wait else []

    def due(self, now: float) -> list[T]:
        """Return what has waited for long enough. What follows something that waits itself goes after that."""
        late = [
            before
            for before, wait in self._waits.items()
            if wait.until <= now and (before not in self._items or wait.until + HOLD_S <= now)
        ]
        return [item for before in late for item in self.came(before)]
