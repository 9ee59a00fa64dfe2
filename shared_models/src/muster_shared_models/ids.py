"""Identifiers: sortable by time, random in the rest, and prefixed with what they name (`agt_01J8…`)."""

from enum import StrEnum

from ulid import ULID

__all__ = ["IdKind", "made_at_ms", "new_id"]


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


def made_at_ms(identifier: str) -> int:
    """Return when an identifier was made, in milliseconds since 1970; 0 when it does not say."""
    try:
        return ULID.from_str(identifier.partition("_")[2]).milliseconds
    except ValueError:
        return 0
