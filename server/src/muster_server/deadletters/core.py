"""What a dead delivery means, and how it is sent again. Decisions only."""

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from muster_messaging.message import SCHEMA, Delivery, Message
from muster_messaging.topology import TO_AGENT, TO_BROKER, agent_queue, partition_key, partition_of, route_to
from muster_shared_models.addresses import AddressKind
from muster_shared_models.bodies import MessageType
from muster_shared_models.ids import IdKind
from muster_shared_models.problems import Reason

__all__ = [
    "DeadLetter",
    "agent_of",
    "as_bytes",
    "content",
    "ends_a_begun_run",
    "may_readdress",
    "read",
    "readdressed",
    "refused",
    "replayed",
    "what_ended_the_run",
]

#: How long a replayed message may wait for an agent that is away.
REPLAY_MS = 24 * 3_600_000
MAX_DETAIL = 500
#: Why queues give messages up, in words; RabbitMQ and the embedded queue server use the same names.
WORDS = {
    "rejected": "Its receiver could not read it.",
    "delivery_limit": "It was delivered again and again, and never finished.",
    "expired": "It expired in the queue.",
    "maxlen": "The queue was full.",
}


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that died, where and of what, and the way it takes when it is sent again."""

    message: Message
    queue: str
    reason: str
    detail: str
    exchange: str
    key: str


def read(delivery: Delivery, queue: str, partitions: int) -> DeadLetter:
    """Return what a delivery from the dead-letter or parking queue `queue` says."""
    message = _plain(delivery.message)
    message = message._replace(origin=_origin(message))
    if message.aside:
        reason, _, detail = message.aside.partition(": ")
    else:
        reason = _without_nul(delivery.died_of) or "unknown"
        detail = WORDS.get(reason, "")
    queue = _without_nul(delivery.died_in) or queue
    way = route_to(queue) or (TO_BROKER, partition_key(partition_of(message.conversation, partitions)))
    return DeadLetter(message._replace(aside=""), queue, reason[:64], detail[:MAX_DETAIL], *way)


def _origin(message: Message) -> str:
    """Return who sent it first, by the brokers' rule: an agent is who the transport says, whatever the message claims.

    What is written here is believed when a person sends the message again.
    """
    if not message.sender:
        return "nobody"
    return message.sender if message.sender.startswith(f"{IdKind.AGENT.value}_") else message.origin or message.sender


def _plain(message: Message) -> Message:
    """Return the message without NUL in its control fields: not every database can hold it."""
    texts: dict[str, Any] = {
        name: _without_nul(value) for name, value in message._asdict().items() if isinstance(value, str)
    }
    return message._replace(**texts)


def _without_nul(text: str) -> str:
    return text.replace("\0", "\ufffd")


def as_bytes(letter: DeadLetter, why: str) -> DeadLetter:
    """Return what is kept of a letter that cannot be kept as it is: its body, and why. Nobody takes it for a message.

    The same letter has the same id: it is kept once.
    """
    message = letter.message
    fields = repr(message._replace(body=b""))
    name = f"unreadable_{sha256(fields.encode() + message.body).hexdigest()[:26]}"
    kept = Message(name, "unreadable", message.body, origin=message.origin, schema=SCHEMA + 1)
    detail = f"It cannot be kept as it came: {_without_nul(why)} {fields}"
    return replace(letter, message=kept, detail=detail[:MAX_DETAIL])


def content(message: Message) -> str:
    """Return a hash of what a message says and to whom: two with one id may be different messages."""
    fields = repr((message.type, message.to, message.conversation, message.run))
    return sha256(fields.encode() + message.body).hexdigest()[:16]


def refused(exchange: str, key: str, message: Message, reason: str, detail: str) -> DeadLetter:
    """Return the dead letter of a message that the queue server refused for good."""
    queue = agent_queue(key) if exchange == TO_AGENT else exchange
    return DeadLetter(message, queue, reason, detail[:MAX_DETAIL], exchange, key)


def agent_of(letter: DeadLetter) -> str:
    """Return the agent whose queue it died in, or that sent it; empty when there is none."""
    if letter.queue.startswith("agent_queue_"):
        return letter.queue.removeprefix("agent_queue_")
    return letter.message.origin if letter.message.origin.startswith("agt_") else ""


def what_ended_the_run(letter: DeadLetter) -> tuple[Reason, str]:
    """Return reason and words for a run whose message, or whose answer, is a dead letter."""
    reasons = {"expired": Reason.EXPIRED, "delivery_limit": Reason.INTERRUPTED, "maxlen": Reason.QUEUE_FULL}
    try:
        reason = reasons.get(letter.reason) or Reason(letter.reason)
    except ValueError:
        reason = Reason.INTERRUPTED
    return reason, f"{letter.detail or 'It could not be delivered.'} It is kept among the dead letters."


def ends_a_begun_run(letter: DeadLetter) -> bool:
    """Tell whether even a run that its agent has begun ends with this letter of a message, or of an answer.

    It does not with a copy of its message that never reached the agent: another one has.
    """
    if letter.message.type != MessageType.CHAT.value:
        return True
    return letter.queue.startswith("agent_queue_") and letter.reason in ("rejected", "delivery_limit")


def may_readdress(message: Message) -> bool:
    """Tell whether another address makes sense: a run that is one agent's takes no answer from any other."""
    of_a_run = message.type == MessageType.CHAT.value and bool(message.run)
    return not (of_a_run and message.to.startswith(f"{AddressKind.AGENT.value}:"))


def readdressed(message: Message, to: str, partitions: int) -> tuple[Message, str, str]:
    """Return the message for another address, and the way it takes then: through the broker, like a new one."""
    return message._replace(to=to), TO_BROKER, partition_key(partition_of(message.conversation, partitions))


def replayed(message: Message, now: int) -> Message:
    """Return the message as it is sent again: the same one by its id, with its counters at the start."""
    expires = now + REPLAY_MS if message.expires_at_ms and message.expires_at_ms < now + REPLAY_MS else 0
    return message._replace(aside="", after="", retries=0, hops=0, expires_at_ms=expires or message.expires_at_ms)
