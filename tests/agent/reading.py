"""What an agent's messages tell of its runs."""

from muster_messaging.message import Message
from muster_shared_models.bodies import RUN_EVENTS, RUN_PIECES, MessageType
from muster_shared_models.run_events import RunEvent

__all__ = ["events_in"]


def events_in(message: Message) -> list[RunEvent]:
    """Return the events of a message about one run, or about many."""
    if message.type == MessageType.RUN_PIECES.value:
        return [event for pieces in RUN_PIECES.validate_json(message.body).runs for event in pieces.events]
    return list(RUN_EVENTS.validate_json(message.body).events)
