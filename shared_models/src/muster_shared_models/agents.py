"""What is known of an agent: what it said of itself, four facts of presence with their times, and the derived state."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from muster_shared_models.model import AgentName, Time, WireModel

__all__ = [
    "AgentDescription",
    "AgentState",
    "AgentView",
    "Fact",
    "FactState",
    "Machine",
    "Offence",
    "Presence",
    "Quarantine",
    "RunBrief",
]

Label = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$")]
LabelValue = Annotated[str, StringConstraints(max_length=63)]


class AgentState(StrEnum):
    """The closed set of states, in the order in which people want to see them."""

    WAITING = "waiting"
    QUARANTINED = "quarantined"
    FAILED = "failed"
    LOST = "lost"
    SUSPECT = "suspect"
    BUSY = "busy"
    DRAINING = "draining"
    PAUSED = "paused"
    IDLE = "idle"


class FactState(StrEnum):
    """Whether a fact holds, does not hold, or cannot be checked now."""

    HOLDS = "holds"
    HOLDS_NOT = "holds_not"
    UNKNOWN = "unknown"


class Fact(WireModel):
    """One fact of presence: its state, since when, and in words what it rests on."""

    state: FactState
    since: Time | None
    says: str


class Machine(WireModel):
    """Where an agent runs, as it said itself."""

    hostname: str = Field(default="", max_length=255)
    os: str = Field(default="", max_length=255)
    python: str = Field(default="", max_length=64)
    version: str = Field(default="", max_length=64)
    pid: int = 0


class AgentDescription(WireModel):
    """What an agent says of itself when it registers."""

    name: AgentName
    about: str = Field(default="", max_length=500)
    labels: dict[Label, LabelValue] = Field(default_factory=dict, max_length=32)
    skills: list[Label] = Field(default_factory=list, max_length=64)
    examples: list[Annotated[str, StringConstraints(max_length=200)]] = Field(default_factory=list, max_length=8)
    model: str = Field(default="", max_length=128)
    slots: int = Field(default=1, ge=1, le=1024)
    history: int = Field(default=0, ge=0, le=100)
    accepts_commands: bool = True
    machine: Machine = Machine()


class RunBrief(WireModel):
    """A run that an agent holds now."""

    run_id: str
    conversation: str
    title: str
    started_at: Time | None


class Presence(WireModel):
    """The derived state, why, since when, and the four facts it is derived from."""

    state: AgentState
    reason: str
    since: Time
    process: Fact
    commands: Fact
    consumer: Fact
    work: Fact


class Offence(StrEnum):
    """Why an agent was cut off."""

    FLOODING = "flooding"
    FORGING = "forging"


class Quarantine(WireModel):
    """An agent that was cut off, since when and why; it stays so until a person releases it."""

    offence: Offence
    detail: str
    since: Time
    by: str


class AgentView(WireModel):
    """An agent as people see it. `beats`: the last loads in percent, oldest first, -1 for a missed heartbeat."""

    id: str
    description: AgentDescription
    presence: Presence
    last_heard: Time | None
    started_at: Time | None
    registered_at: Time
    transport: str
    runs: list[RunBrief]
    last_line: str
    beats: list[int]
    beat_interval_ms: int
    quarantine: Quarantine | None
