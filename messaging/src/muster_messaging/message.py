"""What travels on the bus: control fields that the broker routes by, and a body that it never reads.

Every reader checks what it has read: who handles messages meets numbers in their ranges, texts that every queue server
and database takes, and an id. What is not so becomes `unreadable`: a message of a schema that nobody knows.
"""

from hashlib import sha256
from typing import NamedTuple

__all__ = [
    "MAX_BODY_BYTES", "MAX_CONTROL_BYTES", "MAX_SHORT_BYTES", "SCHEMA", "UNREADABLE", "Delivery", "Message", "checked",
    "control_bytes", "unreadable",
]  # fmt: skip

#: The version of the control fields. A message with a higher one is parked, not guessed at.
SCHEMA = 1

#: Larger bodies are refused before they are sent: RabbitMQ would close the channel.
MAX_BODY_BYTES = 1024 * 1024

#: All texts of a message together, and those that AMQP writes as short strings: id, type and correlation id.
MAX_CONTROL_BYTES = 8 * 1024
MAX_SHORT_BYTES = 255

#: The type of what stands for a message that cannot be read.
UNREADABLE = "unreadable"

_MAX_32, _MAX_63 = 2**32 - 1, 2**63 - 1


class Message(NamedTuple):
    """A message. Only `id` and `type` are always there; `to` is an address (see `muster_shared_models.addresses`)."""

    id: str
    type: str
    body: bytes = b""
    #: Who sent it. Transports that can verify the sender overwrite whatever stands here.
    sender: str = ""
    to: str = ""
    conversation: str = ""
    run: str = ""
    correlation_id: str = ""
    #: Per conversation and direction, from 1; 0 where order does not matter.
    seq: int = 0
    attempt: int = 0
    #: How many agents passed it on; the broker refuses loops.
    hops: int = 0
    schema: int = SCHEMA
    #: Milliseconds since 1970; 0 is never.
    expires_at_ms: int = 0
    trace: str = ""
    #: The agent that answered last in this conversation, for `any:` addresses.
    sticky: str = ""
    #: On forwarded copies: the verified sender of the original.
    origin: str = ""
    #: How often the broker sent it round the retry queues.
    retries: int = 0
    #: Why it was put aside, as `reason: detail`; empty on messages that travel.
    aside: str = ""
    #: On copies for an agent that is one of several: whoever claims the run at the server first may begin it.
    claim: bool = False
    #: The message of this conversation to the same agent that came before it and was not answered yet.
    after: str = ""


class Delivery(NamedTuple):
    """A message as a subscription receives it. `tag` is what `ack` and `reject` take."""

    tag: int
    message: Message
    key: str
    #: 1 at the first delivery.
    attempt: int = 1
    #: On dead-letter queues: why it died (rejected, delivery_limit, expired) and in which queue.
    died_of: str = ""
    died_in: str = ""


def control_bytes(message: Message) -> int:
    """Return how many bytes the texts of a message take."""
    return len(_texts(message).encode())


def checked(message: Message) -> Message:
    """Return a message as it was read, or what stands for it when it is none (see `unreadable`)."""
    why = _fault(message)
    return unreadable(message, why) if why else message


def unreadable(message: Message, why: str) -> Message:
    """Return what stands for a message that cannot be read: its id if it has one, its sender and body, and why.

    Without an id it is named after all that it says, so it keeps its name when it comes again.
    """
    name = message.id
    if not name or "\0" in name or _too_long(name):
        name = f"{UNREADABLE}_{sha256(repr(message).encode()).hexdigest()[:26]}"
    return Message(
        name, UNREADABLE, message.body, message.sender, schema=SCHEMA + 1, aside=f"frame_malformed: {why}"
    )  # fmt: skip


def _texts(message: Message) -> str:
    return (
        f"{message.id}{message.type}{message.correlation_id}{message.sender}{message.to}{message.conversation}"
        f"{message.run}{message.trace}{message.sticky}{message.origin}{message.aside}{message.after}"
    )


def _fault(message: Message) -> str:
    """Return what is wrong with a message, in a sentence; empty when nothing is."""
    texts = _texts(message)
    size = len(texts) if texts.isascii() else len(texts.encode())
    why = ""
    if not message.id:
        why = "It has no id."
    elif "\0" in texts:
        why = "A zero byte is in its control fields."
    elif size > MAX_CONTROL_BYTES:
        why = f"Its control fields take {size} bytes; {MAX_CONTROL_BYTES} is the most."
    elif size > MAX_SHORT_BYTES and _too_long(message.id, message.type, message.correlation_id):
        why = f"Its id, type or correlation id has more than {MAX_SHORT_BYTES} bytes."
    elif len(message.body) > MAX_BODY_BYTES:
        why = f"Its body has {len(message.body)} bytes; {MAX_BODY_BYTES} is the most."
    elif not _in_range(message):
        why = "A number of its control fields is out of range."
    return why


def _too_long(*shorts: str) -> bool:
    return any(len(text.encode()) > MAX_SHORT_BYTES for text in shorts)


def _in_range(message: Message) -> bool:
    return (
        0 <= message.seq <= _MAX_63
        and 0 <= message.expires_at_ms <= _MAX_63
        and 0 <= message.attempt <= _MAX_32
        and 0 <= message.hops <= _MAX_32
        and 0 <= message.schema <= _MAX_32
        and 0 <= message.retries <= _MAX_32
    )
