"""Bodies of messages from the bus: read in one place, so that what is in them can be stored in any database."""

import re
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from muster_messaging.message import Message
from muster_shared_models.problems import MusterError, Reason

__all__ = ["MAX_ID", "read_body"]

Body = TypeVar("Body")

#: Longer ids than ours are nobody's, and PostgreSQL cannot look for very long ones.
MAX_ID = 400
#: NUL as JSON writes it, behind an even number of backslashes.
_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")


def read_body(model: TypeAdapter[Body], message: Message, what: str) -> Body:
    """Return the body of a message, with U+FFFD in place of NUL, which not every database can hold.

    Raises FRAME_MALFORMED when `what` it should be cannot be read, or the message's id is too long.
    """
    if len(message.id) > MAX_ID:
        raise MusterError(Reason.FRAME_MALFORMED, f"An id has {MAX_ID} characters at most.")
    body = message.body
    if rb"\u0000" in body:
        body = _NUL.sub(rb"\1\\ufffd", body)
    try:
        return model.validate_json(body)
    except ValidationError as error:
        raise MusterError(Reason.FRAME_MALFORMED, f"{what} cannot be read: {error}") from error
