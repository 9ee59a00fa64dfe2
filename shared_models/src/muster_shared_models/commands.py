"""Commands as operators push them and see them: what, to whom, and for each target how far it is."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from muster_shared_models.model import StoredText, Time, WireModel
from muster_shared_models.problems import Reason

__all__ = [
    "CommandEvent", "CommandSnapshot", "CommandView", "Output", "OutputStream", "PushCommand", "StoredCommandEvent",
    "TargetChanged", "TargetState", "TargetView",
]  # fmt: skip

Argument = Annotated[str, StringConstraints(max_length=32_000)]


class TargetState(StrEnum):
    """How far a command is on one target. The first four are the strokes of its tally; the others are ends."""

    STORED = "stored"
    DELIVERED = "delivered"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"
    TIMED_OUT = "timed_out"
    REFUSED = "refused"
    EXPIRED = "expired"
    INTERRUPTED = "interrupted"


#: States in which a target has ended.
ENDED = frozenset(
    {TargetState.DONE, TargetState.FAILED, TargetState.STOPPED, TargetState.TIMED_OUT, TargetState.REFUSED,
     TargetState.EXPIRED, TargetState.INTERRUPTED}
)  # fmt: skip


class PushCommand(WireModel):
    """A program with arguments (`argv`), or a line for the agent's shell (`shell`), for every agent that `to` names.

    `to` is `agent:<id|name>` or `all:<selector>`. Times are in seconds: `timeout_s` bounds the running, `expires_s`
    how long an agent that is away may take to fetch it.
    """

    to: StoredText = Field(max_length=520)
    argv: Annotated[list[Argument], Field(max_length=1000)] = Field(default_factory=list)
    shell: str = Field(default="", max_length=32_000)
    timeout_s: int = Field(default=600, ge=1, le=7200)
    expires_s: int = Field(default=3600, ge=1, le=7 * 86_400)

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if bool(self.argv) == bool(self.shell.strip()):
            raise ValueError("give either argv or shell")
        if any("\0" in part for part in (*self.argv, self.shell)):
            raise ValueError("a command cannot contain NUL")
        return self


class TargetView(WireModel):
    """One target of a command. The stop's three stages are shown by their times."""

    agent_id: str
    agent_name: str
    state: TargetState
    delivered_at: Time | None = None
    started_at: Time | None = None
    ended_at: Time | None = None
    duration_ms: int | None = None
    pid: int | None = None
    exit_code: int | None = None
    reason: Reason | None = None
    detail: str = ""
    stop_requested_at: Time | None = None
    stop_requested_by: str = ""
    stop_acknowledged_at: Time | None = None
    stop_confirmed_at: Time | None = None
    processes_ended: int = 0


class CommandView(WireModel):
    """A command: the exact `argv`, or the exact line for the agent's shell."""

    id: str
    to: str
    argv: list[str]
    shell: str
    by: str
    created_at: Time
    expires_at: Time
    timeout_s: int
    targets: list[TargetView]


class OutputStream(StrEnum):
    """Which of the program's outputs a piece came from."""

    STDOUT = "stdout"
    STDERR = "stderr"


class Output(WireModel):
    """A piece of output. `offset` counts the bytes of this target's output before it, both streams together."""

    kind: Literal["OUTPUT"] = "OUTPUT"
    agent_id: str
    stream: OutputStream
    offset: int
    text: str
    dropped: int = 0


class TargetChanged(WireModel):
    """A target is further than before."""

    kind: Literal["TARGET_CHANGED"] = "TARGET_CHANGED"
    target: TargetView


CommandEvent = Annotated[Output | TargetChanged, Field(discriminator="kind")]


class StoredCommandEvent(WireModel):
    """A numbered event of a command, never changed."""

    seq: int
    at: Time
    event: CommandEvent


class CommandSnapshot(WireModel):
    """A command and its latest events (from `first_seq` on; earlier ones by REST)."""

    command: CommandView
    first_seq: int
    events: list[StoredCommandEvent]
