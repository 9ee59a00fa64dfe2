"""Numbers the messages of each conversation, from 1, never twice, also across crashes.

Numbers are reserved in blocks, so that the disk is written once a block and not once a message. After a crash counting
goes on behind the block: receivers see a gap of more than SKIPPED, never a number again. A smaller gap says to them
that something is still on its way.
"""

from collections import OrderedDict

from muster_agent.journal.messages import MessageRows

__all__ = ["Sequences"]

BLOCK = 1000
#: The last numbers of a block are not used.
SKIPPED = 64
#: Conversations whose counters are kept in memory.
LIMIT = 10_000


class Sequences:
    """The counters of all conversations."""

    def __init__(self, rows: MessageRows) -> None:
        self._rows = rows
        #: Conversation to the next number and the end of the reserved block.
        self._counters: OrderedDict[str, list[int]] = OrderedDict()

    def next(self, conversation: str) -> int:
        """Return the next number; 0 outside conversations."""
        if not conversation:
            return 0
        counter = self._counters.get(conversation)
        if counter is None:
            first = self._rows.next_sequence(conversation)
            counter = self._counters[conversation] = [first, 0]
            self._forget_oldest()
        number = counter[0]
        if number + SKIPPED >= counter[1]:
            counter[1] = number + BLOCK
            self._rows.reserve(conversation, counter[1])
        counter[0] = number + 1
        return number

    def give_back(self) -> None:
        """Write the exact counters: the process ends cleanly."""
        for conversation, (following, _) in self._counters.items():
            self._rows.reserve(conversation, following)
        self._counters.clear()

    def _forget_oldest(self) -> None:
        if len(self._counters) > LIMIT:
            conversation, (following, _) = self._counters.popitem(last=False)
            self._rows.reserve(conversation, following)
