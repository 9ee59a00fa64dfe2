"""Identifiers: sortable by time, random in the rest, and prefixed with what they name (`agt_01J8…`)."""

from enum import StrEnum

from ulid import ULID

__all__ = ["IdKind", "new_id"]


class IdKind(StrEnum):
    """What an identifier names; its value is the prefix."""

    AGENT = "agt"
    BROKER = "brk"
    COMMAND = "cmd"
    CONVERSATION = "cnv"
    DEAD_LETTER = "dl"
    MESSAGE = "msg"
    RUN = "run"
    TOKEN = "tok"
    TOOL_CALL = "tc"
    USER = "usr"


def new_id(kind: IdKind) -> str:
    """Return a new identifier such as `msg_01JD8Q9X2C3V4B5N6M7K8J9H0G` (26 characters after the prefix)."""
    return f"{kind.value}_{ULID()}"
