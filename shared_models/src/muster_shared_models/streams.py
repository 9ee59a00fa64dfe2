"""What streams carry to browsers: the events of each, and the snapshot that a subscription begins with."""

from typing import Annotated, Literal

from pydantic import Field

from muster_shared_models.agents import AgentView
from muster_shared_models.commands import CommandEvent, CommandSnapshot, CommandView
from muster_shared_models.conversations import ConversationEvent, ConversationSnapshot, ConversationView
from muster_shared_models.model import WireModel

__all__ = ["Snapshot", "StreamEvent"]


class AgentChanged(WireModel):
    """An agent is new or has changed (stream `fleet`)."""

    kind: Literal["AGENT_CHANGED"] = "AGENT_CHANGED"
    agent: AgentView


class AgentRemoved(WireModel):
    """An agent was retired (stream `fleet`)."""

    kind: Literal["AGENT_REMOVED"] = "AGENT_REMOVED"
    agent_id: str


class Beats(WireModel):
    """Heartbeats since the last such event: agent id to load in percent, -1 for a missed one (stream `fleet`)."""

    kind: Literal["BEATS"] = "BEATS"
    beats: dict[str, int]


class ConversationChanged(WireModel):
    """A conversation is new or has changed (stream `conversations`)."""

    kind: Literal["CONVERSATION_CHANGED"] = "CONVERSATION_CHANGED"
    conversation: ConversationView


class CommandChanged(WireModel):
    """A command is new or has changed (stream `commands`)."""

    kind: Literal["COMMAND_CHANGED"] = "COMMAND_CHANGED"
    command: CommandView


StreamEvent = Annotated[
    AgentChanged | AgentRemoved | Beats | ConversationChanged | CommandChanged | ConversationEvent | CommandEvent,
    Field(discriminator="kind"),
]


class FleetSnapshot(WireModel):
    """Every agent."""

    kind: Literal["fleet"] = "fleet"
    agents: list[AgentView]


class ConversationsSnapshot(WireModel):
    """The latest conversations, newest first; earlier ones by REST."""

    kind: Literal["conversations"] = "conversations"
    conversations: list[ConversationView]


class CommandsSnapshot(WireModel):
    """The latest commands, newest first; earlier ones by REST."""

    kind: Literal["commands"] = "commands"
    commands: list[CommandView]


class ConversationStart(WireModel):
    """A conversation's latest events and drafts."""

    kind: Literal["conversation"] = "conversation"
    snapshot: ConversationSnapshot


class CommandStart(WireModel):
    """A command's latest events."""

    kind: Literal["command"] = "command"
    snapshot: CommandSnapshot


Snapshot = Annotated[
    FleetSnapshot | ConversationsSnapshot | CommandsSnapshot | ConversationStart | CommandStart,
    Field(discriminator="kind"),
]
