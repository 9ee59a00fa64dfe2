"""A message that was delivered, or taken out of the journal."""

from dataclasses import dataclass

from muster_agent.runs.deliveries import Deliveries
from muster_messaging.message import Message

__all__ = ["Came"]


@dataclass(slots=True)
class Came:
    """Not yet in hand. `since`: seconds of the loop's clock."""

    message: Message
    deliveries: Deliveries
    since: float
    #: Whether it was delivered before.
    again: bool
    #: The message as bytes, once the journal has it whole.
    frame: bytes | None = None
