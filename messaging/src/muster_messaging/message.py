"""What travels on the bus: control fields that the broker routes by, and a body that it never reads."""

from typing import NamedTuple

__all__ = ["MAX_BODY_BYTES", "SCHEMA", "Delivery", "Message"]

#: The version of the control fields. A message with a higher one is parked, not guessed at.
SCHEMA = 1

#: Larger bodies are refused before they are sent: RabbitMQ would close the channel.
MAX_BODY_BYTES = 1024 * 1024


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
