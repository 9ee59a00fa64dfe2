"""What agents may do to the brokers: how much they send, and in whose name. Time is an argument, in seconds.

A token bucket for each sender. A message costs a token, and one more for each BYTES_A_TOKEN of its body. Tokens come
back with each message that the server has for the agent, at once and for a while: who is asked a lot may answer a lot,
in streams. They come back with time, and where the broker cannot keep up (a flood would look like a trickle to it) with
what others send in its place.
"""

from collections import deque
from enum import Enum
from typing import NamedTuple

from muster_broker.core.router import misplaced
from muster_messaging.message import Message
from muster_shared_models.agents import Offence
from muster_shared_models.bodies import MessageType
from muster_shared_models.ids import IdKind

__all__ = ["AGENT_PREFIX", "Conduct", "Fate", "Report", "forgery"]

#: What the names of agents begin with, as verified senders.
AGENT_PREFIX = f"{IdKind.AGENT.value}_"
BROKER_PREFIX = f"{IdKind.BROKER.value}_"
#: The sender of what came without one. Who that is cannot be found out, but it must not flood the dead letters.
NOBODY = ""
#: A queue of 50,000 messages holds 256 MiB at most: its bytes must not run out before its length.
BYTES_A_TOKEN = 16 * 1024
#: Tokens for each message that the server has for an agent: its run's events, with room for a chatty one. And tokens a
#: second after it, for so many seconds: a run says how its answer goes on 20 times a second at most.
TOKENS_FOR_A_MESSAGE = 20
TOKENS_A_RUN = 25
RUN_S = 60.0
#: Runs that count at the same time.
MAX_RUNS = 400
#: Tokens for each message of somebody else: a broker that is behind cuts off who takes more than a fifth of it, so also
#: each of four who flood together.
SHARE = 0.25
#: Senders that are remembered; a sender with a full bucket needs no memory.
MAX_SENDERS = 10_000


#: Messages of whoever floods that are kept where a person looks. Thousands more would tell nothing else, and hold up
#: everybody behind them.
KEPT = 1_000


class Fate(Enum):
    """What becomes of a message."""

    PASS = "pass"
    ASIDE = "aside"
    DROP = "drop"


class Report(NamedTuple):
    """What the server is told. The same `subject` twice is one strike."""

    agent_id: str
    offence: Offence
    subject: str
    detail: str


class _Bucket:
    __slots__ = ("asked", "at", "count", "since", "tokens", "told")

    def __init__(self, tokens: float, at: float, count: int) -> None:
        self.tokens = tokens
        self.at = at
        self.count = count
        self.told = False
        self.since = 0
        self.asked: deque[float] = deque(maxlen=MAX_RUNS)


def who(message: Message) -> str:
    """Return whom a message counts for: the verified sender.

    What comes to RabbitMQ by the server's relay has the server's login for a sender. Then it is the agent for which the
    relay vouches; but what a broker sent round the retry queue has been counted.
    """
    if message.sender.startswith((AGENT_PREFIX, BROKER_PREFIX)) or not message.sender or message.retries:
        return message.sender
    return message.origin if message.origin.startswith(AGENT_PREFIX) else message.sender


class Conduct:
    """Watches senders. `rate` tokens a second come back, `burst` are the most; a rate of 0 lets everything pass."""

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = burst
        self._buckets: dict[str, _Bucket] = {}
        self._count = 0

    def sent(self, message: Message, now: float, *, behind: bool) -> Report | None:
        """Take a message that an agent sent; return what is to be told when that was too much, once.

        `behind`: more messages wait than the broker has in hand.
        """
        sender = who(message)
        self._count += 1
        if not self._rate or not (sender.startswith(AGENT_PREFIX) or sender == NOBODY):
            return None
        bucket = self._buckets.get(sender)
        if bucket is None:
            bucket = self._remember(sender, now)
        back = (self._count - bucket.count - 1) * SHARE if behind else (now - bucket.at) * self._rate
        asked = bucket.asked
        while asked and asked[0] < now - RUN_S:
            asked.popleft()
        tokens = min(self._burst, bucket.tokens + back + (now - bucket.at) * TOKENS_A_RUN * len(asked))
        bucket.tokens = tokens - 1 - len(message.body) // BYTES_A_TOKEN
        bucket.at, bucket.count = now, self._count
        if sender == NOBODY and bucket.told and tokens == self._burst:
            bucket.told, bucket.since = False, 0  # whoever it was, it is over: there is nobody to be let back in
        if bucket.tokens >= 0 or bucket.told:
            return None
        bucket.told = True
        if sender == NOBODY:
            return None
        detail = f"It sent {self._burst:,} messages above the {self._rate:g} a second that an agent may send unasked."
        return Report(sender, Offence.FLOODING, "", detail)

    def fate(self, message: Message) -> Fate:
        """Return what becomes of the message that was just taken: nothing of a flood is routed once it is told."""
        bucket = self._buckets.get(who(message))
        if bucket is None or not bucket.told:
            return Fate.PASS
        bucket.since += 1
        return Fate.ASIDE if bucket.since <= KEPT else Fate.DROP

    def asked(self, agent_id: str, now: float) -> None:
        """The server has a message for an agent, which will answer."""
        bucket = self._buckets.get(agent_id) or self._remember(agent_id, now)
        bucket.tokens = min(self._burst, bucket.tokens + TOKENS_FOR_A_MESSAGE)
        bucket.asked.append(now)

    def pardon(self, agent_id: str) -> None:
        """Begin anew with an agent that was let back in."""
        self._buckets.pop(agent_id, None)

    def _remember(self, sender: str, now: float) -> _Bucket:
        if len(self._buckets) >= MAX_SENDERS:
            full = [
                who for who, kept in self._buckets.items()
                if not kept.told and kept.tokens + (now - kept.at) * self._rate >= self._burst
            ]  # fmt: skip
            for who in full or [next(iter(self._buckets))]:
                del self._buckets[who]
        bucket = self._buckets[sender] = _Bucket(self._burst, now, self._count - 1)
        return bucket


def forgery(message: Message, key: str, partitions: int) -> Report | None:
    """Return what is to be told of a message in which an agent claims what it is not, or None."""
    sender = who(message)
    if not sender.startswith(AGENT_PREFIX):
        return None
    if misplaced(message, key, partitions):
        detail = f"it sent through partition {key[:16]}, which is not its conversation's."
    elif message.type == MessageType.NOTICE.value:
        detail = "it spoke as a broker."
    elif message.origin not in ("", sender):
        detail = f"it named {message.origin[:64]} as the sender."
    else:
        return None
    return Report(sender, Offence.FORGING, message.id[:128], detail)
