"""What the server says of itself, and how people and agents get in."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from muster_shared_models.model import AgentName, Time, WireModel
from muster_shared_models.problems import MusterError, Reason

__all__ = [
    "BrokerView", "JoinToken", "LoginCode", "NewJoinToken", "Page", "Session", "SystemView", "WebSocketTicket",
    "split_join_token",
]  # fmt: skip


class BrokerView(WireModel):
    """A router process: which partitions it consumes, and when it was heard."""

    id: str
    name: str
    connected: bool
    since: Time
    partitions: list[int]


class SystemView(WireModel):
    """The server, its queue server and its brokers. `join_host` is the address other machines can reach, or empty."""

    version: str
    bus: Literal["embedded", "rabbitmq"]
    database: Literal["sqlite", "postgresql"]
    started_at: Time
    brokers: list[BrokerView]
    grpc_address: str
    reachable_from_outside: bool
    queued_in_outbox: int
    warnings: list[str]


class LoginCode(WireModel):
    """The one-time code of a login link."""

    code: Annotated[str, StringConstraints(min_length=8, max_length=200)]


class Session(WireModel):
    """Who is logged in."""

    user: str
    name: str
    role: str
    expires_at: Time


class WebSocketTicket(WireModel):
    """Opens one WebSocket once, within `expires_in_s` seconds."""

    ticket: str
    expires_in_s: int


class NewJoinToken(WireModel):
    """What a join token shall allow: one agent (of this name, if given) or one broker."""

    kind: Literal["agent", "broker"] = "agent"
    name: AgentName | None = None
    expires_in_s: int = Field(default=3600, ge=60, le=7 * 86_400)


class JoinToken(WireModel):
    """A join token, shown once. `command` is what to run on the machine where the agent shall live."""

    id: str
    token: str
    kind: Literal["agent", "broker"]
    name: str | None
    expires_at: Time
    command: str


class Page(WireModel):
    """Where a list goes on: pass `next_cursor` as `cursor`; null at the end."""

    next_cursor: str | None = None


def split_join_token(text: str) -> tuple[str, str]:
    """Return the secret and the pin of the server's certificate that a join token `<secret>.<pin>` consists of."""
    secret, dot, pin = text.strip().rpartition(".")
    if not (dot and secret.startswith(("mj_", "mb_")) and len(pin) == 43):
        raise MusterError(
            Reason.JOIN_TOKEN_INVALID,
            "This is not a whole join token.",
            "It begins with mj_ (agents) or mb_ (brokers) and has a dot in it. `muster token create` makes one.",
        )
    return secret, pin
