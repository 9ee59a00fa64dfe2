"""Conversations as people see them, and the numbered events they consist of beside those inside runs."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from muster_shared_models.model import StoredText, Time, WireModel
from muster_shared_models.problems import Reason
from muster_shared_models.run_events import (
    MAX_TEXT,
    RunError,
    RunFinished,
    RunStarted,
    TextEnd,
    ToolResult,
    ToolStart,
)

__all__ = [
    "ConversationEvent", "ConversationSnapshot", "ConversationView", "Draft", "RunBranch", "RunFannedOut", "RunQueued",
    "RunState", "SendMessage", "Sent", "StopRequested", "StoredEvent", "ToolDraft", "UserMessage",
]  # fmt: skip


class RunState(StrEnum):
    """A run's way: queued, then running, then exactly one of the others."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    STOPPED = "stopped"


class SendMessage(WireModel):
    """What a person says. Without `conversation` a new one begins; then `to` is needed."""

    text: Annotated[StoredText, StringConstraints(min_length=1, max_length=MAX_TEXT)]
    to: StoredText = Field(default="", max_length=520)
    conversation: StoredText = Field(default="", max_length=64)


class Sent(WireModel):
    """The message is stored: from now on it is delivered once, whatever dies."""

    conversation: str
    message_id: str
    run_id: str
    seq: int


class UserMessage(WireModel):
    """A person said something, to `to`; `run_id` is the run that answers it."""

    kind: Literal["USER_MESSAGE"] = "USER_MESSAGE"
    message_id: str
    run_id: str
    sender: str
    sender_name: str
    to: str
    text: str


class RunQueued(WireModel):
    """The message waits in its agent's queue, because the agent is away."""

    kind: Literal["RUN_QUEUED"] = "RUN_QUEUED"
    run_id: str
    agent_id: str
    detail: str


class RunBranch(WireModel):
    """One target's share of a message that went to many."""

    run_id: str
    agent_id: str
    agent_name: str


class RunFannedOut(WireModel):
    """A message to `all:<selector>` went to these agents; each of them answers in a run of its own."""

    kind: Literal["RUN_FANNED_OUT"] = "RUN_FANNED_OUT"
    run_id: str
    branches: list[RunBranch]


class StopRequested(WireModel):
    """A person asked to stop the run."""

    kind: Literal["RUN_STOP_REQUESTED"] = "RUN_STOP_REQUESTED"
    run_id: str
    by: str


ConversationEvent = Annotated[
    UserMessage
    | RunQueued
    | RunFannedOut
    | RunStarted
    | ToolStart
    | ToolResult
    | TextEnd
    | StopRequested
    | RunFinished
    | RunError,
    Field(discriminator="kind"),
]


class StoredEvent(WireModel):
    """A numbered event of a conversation, never changed."""

    seq: int
    at: Time
    event: ConversationEvent


class ToolDraft(WireModel):
    """The output so far of a tool call that is still running."""

    tool_call_id: str
    text: str


class Draft(WireModel):
    """What a running run has said so far; it is replaced by the final text."""

    run_id: str
    attempt: int
    text: str
    tools: list[ToolDraft]


class ConversationView(WireModel):
    """A conversation in a list. `to` is the address that it speaks with."""

    id: str
    title: str
    to: str
    agent_id: str
    created_at: Time
    updated_at: Time
    last_seq: int
    preview: str
    active_runs: list[str]
    failed: Reason | None = None


class ConversationSnapshot(WireModel):
    """The latest events of a conversation (from `first_seq` on; earlier ones by REST) and the drafts of its runs."""

    conversation: ConversationView
    first_seq: int
    events: list[StoredEvent]
    drafts: list[Draft]
