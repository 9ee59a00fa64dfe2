"""The bases of every model on the wire, and how moments are written there."""

from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, PlainSerializer, StringConstraints

__all__ = ["AgentName", "BusModel", "StoredText", "Time", "WireModel", "from_ms", "to_ms"]


class WireModel(BaseModel):
    """Frozen, and refuses fields it does not know: what people and browsers exchange with the server.

    `json_schema_serialization_defaults_required` makes the generated TypeScript say that a field with a default is
    always there in what the server sends, so unions narrow.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        json_schema_serialization_defaults_required=True,
    )


class BusModel(BaseModel):
    """Frozen, and ignores fields it does not know: bodies on the bus, between versions of Muster."""

    model_config = ConfigDict(
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        json_schema_serialization_defaults_required=True,
    )


def _utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _iso(value: datetime) -> str:
    return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")


#: A moment in UTC; on the wire ISO 8601 with milliseconds: 2026-11-21T14:06:31.204Z.
Time = Annotated[datetime, AfterValidator(_utc), PlainSerializer(_iso, return_type=str, when_used="json")]

#: Names never become paths or routing keys, but people type them into addresses: so no `:`, `,`, `=` or space.
NAME_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"

AgentName = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("text cannot contain NUL")
    return text


#: What people send and the server stores as text: not every database can hold NUL.
StoredText = Annotated[str, AfterValidator(_without_nul)]


def from_ms(milliseconds: int) -> datetime:
    """Return the moment that lies `milliseconds` after 1970-01-01T00:00:00Z."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def to_ms(moment: datetime) -> int:
    """Return milliseconds since 1970-01-01T00:00:00Z."""
    return round(moment.timestamp() * 1000)
