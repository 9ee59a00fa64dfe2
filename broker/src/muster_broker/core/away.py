"""Which messages are on their way round the retry queue, so that nothing of their conversation overtakes them.

The law: in each lane messages go on in the order in which they were first sent round. What comes later goes round too,
until all before it are through or put aside.
"""

from dataclasses import dataclass

__all__ = ["Away"]

#: Seconds after which a message that should be back counts as gone: another broker has it, or the queue was emptied.
GRACE_S = 15.0


@dataclass(slots=True)
class _Round:
    """`here`: it has come back and is being delivered. After `until`, nobody waits for it any more."""

    here: bool
    until: float


class Away:
    """The rounds of one broker, by lane (a conversation and a direction) and message. Times are in seconds."""

    def __init__(self) -> None:
        self._lanes: dict[str, dict[str, _Round]] = {}

    def __bool__(self) -> bool:
        """Whether anything is away."""
        return bool(self._lanes)

    def sent(self, lane: str, message_id: str, now: float, delay_s: float) -> None:
        """A message goes round; it keeps its place if it had one."""
        self._lanes.setdefault(lane, {})[message_id] = _Round(here=False, until=now + delay_s + GRACE_S)

    def must_follow(self, lane: str, message_id: str, now: float) -> bool:
        """Tell whether a message that has come in must go round (again), because one before it is still away.

        One that is here already is published first and fails first: what comes behind it may go on.
        """
        rounds = self._lanes.get(lane)
        if rounds is None:
            return False
        for other, its in list(rounds.items()):
            if other == message_id:
                rounds[other] = _Round(here=True, until=now + GRACE_S)
                break
            if its.until < now:
                del rounds[other]
            elif not its.here:
                return True
        if not rounds:
            del self._lanes[lane]
        return False

    def through(self, lane: str, message_id: str) -> None:
        """A message that had come in is delivered or put aside, unless it was sent round again."""
        rounds = self._lanes.get(lane)
        if rounds is not None and message_id in rounds and rounds[message_id].here:
            del rounds[message_id]
            if not rounds:
                del self._lanes[lane]
