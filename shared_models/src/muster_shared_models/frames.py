"""The WebSocket protocol: one JSON object a line, several lines a message in either direction.

A browser opens `/ws`, says `hello` with its ticket, and subscribes to streams:

    fleet · conversations · commands      lists: kept in memory, numbered since the server started (its `epoch`)
    conversation:<id> · command:<id>      logs: stored, numbered from 1 without a gap (epoch: the database's)

A subscription with the right `epoch` and `since` continues with the next event; otherwise it begins with a snapshot.
Client rules: ignore `seq` you have; on a gap, subscribe again; on `resync`, subscribe again without `since`.
"""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from muster_shared_models.conversations import SendMessage, Sent
from muster_shared_models.model import StoredText, Time, WireModel
from muster_shared_models.problems import Problem
from muster_shared_models.run_events import PassingEvent
from muster_shared_models.streams import Snapshot, StreamEvent

__all__ = ["CLIENT_FRAME", "ClientFrame", "ServerFrame"]

Stream = Annotated[str, Field(max_length=80)]
Ref = Annotated[StoredText, Field(max_length=64)]

#: The largest message that a browser may send, in bytes.
MAX_FRAME_BYTES = 256 * 1024


class Hello(WireModel):
    """The first frame: the one-time ticket."""

    op: Literal["hello"] = "hello"
    ticket: str = Field(max_length=200)


class Subscribe(WireModel):
    """Follow a stream, from after `since` if `epoch` is still the stream's."""

    op: Literal["subscribe"] = "subscribe"
    stream: Stream
    epoch: str = Field(default="", max_length=64)
    since: int = Field(default=0, ge=0)


class Unsubscribe(WireModel):
    """Follow a stream no longer."""

    op: Literal["unsubscribe"] = "unsubscribe"
    stream: Stream


class ChatSend(WireModel):
    """Say something. `ref` makes it idempotent: the same `ref` by the same person is stored once."""

    op: Literal["chat.send"] = "chat.send"
    ref: Ref
    message: SendMessage


class RunStop(WireModel):
    """Stop a run; the answer is `done`, the effect is seen in the conversation's events."""

    op: Literal["run.stop"] = "run.stop"
    ref: Ref
    run_id: str = Field(max_length=64)


class CommandStop(WireModel):
    """Stop a command on all targets, or on one. `kill` skips the grace."""

    op: Literal["command.stop"] = "command.stop"
    ref: Ref
    command_id: str = Field(max_length=64)
    agent_id: str = Field(default="", max_length=64)
    kill: bool = False


class Ping(WireModel):
    """Ask for a `pong`, to measure the way there and back."""

    op: Literal["ping"] = "ping"
    ref: Ref


ClientFrame = Annotated[
    Hello | Subscribe | Unsubscribe | ChatSend | RunStop | CommandStop | Ping, Field(discriminator="op")
]


class Welcome(WireModel):
    """The socket is open. `epoch` changes when the server restarts."""

    op: Literal["welcome"] = "welcome"
    epoch: str
    user: str
    version: str
    now: Time


class EventFrame(WireModel):
    """Something happened in a stream; `seq` has no gaps."""

    op: Literal["event"] = "event"
    stream: str
    seq: int
    at: Time
    event: StreamEvent


class PassingFrame(WireModel):
    """A piece of text or of a tool's output, placed by its offset; not numbered, not stored."""

    op: Literal["passing"] = "passing"
    stream: str
    event: Annotated[PassingEvent, Field(discriminator="kind")]


class SnapshotFrame(WireModel):
    """The state of a stream as of `seq`: replace what you have."""

    op: Literal["snapshot"] = "snapshot"
    stream: str
    epoch: str
    seq: int
    data: Snapshot


class Resumed(WireModel):
    """The subscription continued: the next event is the one after your `since`."""

    op: Literal["resumed"] = "resumed"
    stream: str
    epoch: str
    seq: int


class Accepted(WireModel):
    """The answer to `chat.send`: stored."""

    op: Literal["accepted"] = "accepted"
    ref: str
    sent: Sent


class Done(WireModel):
    """The answer to a request that returns nothing."""

    op: Literal["done"] = "done"
    ref: str


class Pong(WireModel):
    """The answer to `ping`."""

    op: Literal["pong"] = "pong"
    ref: str


class ErrorFrame(WireModel):
    """A request failed (`ref` names it) or a frame could not be read (`ref` is null). The socket stays open."""

    op: Literal["error"] = "error"
    ref: str | None
    stream: str | None = None
    problem: Problem


class Resync(WireModel):
    """This socket was too slow for the stream and missed events: subscribe again without `since`."""

    op: Literal["resync"] = "resync"
    stream: str


class Reconnect(WireModel):
    """The server is about to stop: connect again after this time."""

    op: Literal["reconnect"] = "reconnect"
    after_ms: int


ServerFrame = Annotated[
    Welcome
    | EventFrame
    | PassingFrame
    | SnapshotFrame
    | Resumed
    | Accepted
    | Done
    | Pong
    | ErrorFrame
    | Resync
    | Reconnect,
    Field(discriminator="op"),
]

CLIENT_FRAME: TypeAdapter[ClientFrame] = TypeAdapter(ClientFrame)
