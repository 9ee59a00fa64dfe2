"""The bodies of messages on the bus. A message's `type` says which one; control fields are never here."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, TypeAdapter

from muster_shared_models.model import BusModel
from muster_shared_models.problems import Reason
from muster_shared_models.run_events import MAX_TEXT, PassingEvent, RunEvent

__all__ = [
    "CHAT",
    "NOTICE",
    "RUN_EVENTS",
    "RUN_PIECES",
    "ChatBody",
    "MessageType",
    "NoticeBody",
    "Pieces",
    "RunEventsBody",
    "RunPiecesBody",
    "Turn",
    "branch_run",
]


class MessageType(StrEnum):
    """What a message on the bus is."""

    CHAT = "chat.message"
    RUN_EVENTS = "run.events"
    RUN_PIECES = "run.pieces"
    NOTICE = "notice"


class Turn(BusModel):
    """One earlier message of a conversation, for agents that asked for history."""

    role: Literal["user", "agent"]
    name: str
    text: str


class ChatBody(BusModel):
    """A person (or an agent) says something. `run_id` names the run that will answer it."""

    text: Annotated[str, StringConstraints(max_length=MAX_TEXT)]
    run_id: str
    sender_name: str
    history: list[Turn] = Field(default_factory=list)


class RunEventsBody(BusModel):
    """What happened inside one run since the last such message, in order."""

    run_id: str
    events: Annotated[list[RunEvent], Field(max_length=1000)]


class Pieces(BusModel):
    """What one run wrote since the last such message."""

    run_id: str
    events: Annotated[list[Annotated[PassingEvent, Field(discriminator="kind")]], Field(max_length=1000)]


class RunPiecesBody(BusModel):
    """What passes in many runs of one agent: one message for all of them, however many are writing."""

    runs: Annotated[list[Pieces], Field(max_length=1000)]


class NoticeBody(BusModel):
    """The broker tells the sender what became of a message it could not simply deliver.

    `final`: the message will not be delivered, `reason` says why. Otherwise it waits in the agent's queue (`queued`),
    or went to the agents `targets` (`fanned_out`), each with the run id that `branch_run` makes.
    """

    message_id: str
    run_id: str
    reason: Reason | Literal["queued", "fanned_out"]
    detail: str
    final: bool
    agent_id: str = ""
    targets: list[str] = Field(default_factory=list)


def branch_run(run_id: str, agent_id: str) -> str:
    """Return the id of one target's run, when a message went to many."""
    return f"{run_id}~{agent_id}"


CHAT: TypeAdapter[ChatBody] = TypeAdapter(ChatBody)
RUN_EVENTS: TypeAdapter[RunEventsBody] = TypeAdapter(RunEventsBody)
RUN_PIECES: TypeAdapter[RunPiecesBody] = TypeAdapter(RunPiecesBody)
NOTICE: TypeAdapter[NoticeBody] = TypeAdapter(NoticeBody)
