"""Which acknowledgements to send for one channel: as few as are correct. Plain decisions, no I/O.

The laws of RabbitMQ:
1. `multiple` settles everything up to a tag, so it is right only where all of that is done.
2. A tag that has been settled must not be named again, not even by `multiple`: the channel would be closed.
"""

from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["Ack", "AckLedger"]


class Ack(NamedTuple):
    """One basic.ack."""

    tag: int
    multiple: bool


class AckLedger:
    """The delivery tags of one channel, from 1: delivered, done, told."""

    def __init__(self) -> None:
        self._delivered = 0
        #: Everything up to here has been told.
        self._floor = 0
        #: Told one by one, above the floor.
        self._told: set[int] = set()
        #: Done, not yet told.
        self._done: set[int] = set()

    @property
    def pending(self) -> int:
        """How many acks wait to be told."""
        return len(self._done)

    def delivered(self, tag: int) -> None:
        """Note the highest tag that arrived."""
        self._delivered = tag

    def settled_up_to(self, tag: int) -> bool:
        """Whether everything up to `tag` is done, told or not."""
        open_tags = range(self._floor + 1, tag + 1)
        return all(each in self._done or each in self._told for each in open_tags)

    def ack(self, tags: Iterable[int]) -> None:
        """Note tags as done; those that are done already, or were never delivered, are ignored."""
        floor, told, delivered = self._floor, self._told, self._delivered
        self._done.update(tag for tag in tags if floor < tag <= delivered and tag not in told)

    def reject(self, tag: int) -> bool:
        """Whether a reject of `tag` may be sent; if so it counts as told."""
        if not self._floor < tag <= self._delivered or tag in self._told or tag in self._done:
            return False
        self._told.add(tag)
        return True

    def take(self) -> list[Ack]:
        """Return what to tell now, in order: one `multiple` for the gapless beginning, then the rest one by one."""
        if not self._done:
            return []
        acks = []
        last, top = 0, self._floor
        while True:
            if top + 1 in self._done:
                last = top + 1  # the last one that is still open at the server: by law 2 only this one may be named
            elif top + 1 not in self._told:
                break
            top += 1
        if last:
            acks.append(Ack(last, multiple=True))
        acks += [Ack(tag, multiple=False) for tag in sorted(self._done) if tag > top]
        self._told.update(ack.tag for ack in acks if not ack.multiple)
        self._done.clear()
        self._told = {tag for tag in self._told if tag > top} if top > self._floor and self._told else self._told
        self._floor = top
        return acks
