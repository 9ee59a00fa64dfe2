"""Dead letters as people see them: messages that nobody could take, and what a person may do about each."""

from enum import StrEnum

from pydantic import Field

from muster_shared_models.model import StoredText, Time, WireModel

__all__ = [
    "DeadLetterCount", "DeadLetterCounts", "DeadLetterDetail", "DeadLetterFilter", "DeadLetterState",
    "DeadLetterView", "DeadLettersHandled", "EditDeadLetter", "HandleDeadLetters", "HistoryEntry",
]  # fmt: skip

#: Characters of a body that are shown; a longer one can be replayed or dropped, but not edited.
SHOWN_BODY = 256 * 1024


class DeadLetterState(StrEnum):
    """A dead letter waits until a person sends it again or drops it."""

    WAITING = "waiting"
    REPLAYED = "replayed"
    DROPPED = "dropped"


class DeadLetterView(WireModel):
    """One dead letter. `queue` is where it died; `exchange` and `key` are the way it takes when it is replayed."""

    id: str
    message_id: str
    type: str
    queue: str
    reason: str
    detail: str
    exchange: str
    key: str
    sender: str
    to: str
    conversation: str
    run_id: str
    agent_id: str
    size: int
    died_at: Time
    state: DeadLetterState
    edited: bool
    handled_by: str
    handled_at: Time | None


class HistoryEntry(WireModel):
    """What a person did to it."""

    at: Time
    by: str
    action: str
    detail: str


class DeadLetterDetail(WireModel):
    """A dead letter with its body (`body_complete`: it is all of it, and may be edited) and its history.

    `may_readdress` is false where only one agent can take it: the message of a run that is this agent's.
    """

    letter: DeadLetterView
    body: str
    body_complete: bool
    may_readdress: bool
    history: list[HistoryEntry]


class DeadLetterCount(WireModel):
    """How many dead letters have something in common: a queue, a reason, an agent's id."""

    value: str
    number: int


class DeadLetterCounts(WireModel):
    """All dead letters in one state, by what they can be filtered by; the largest numbers first."""

    total: int
    queues: list[DeadLetterCount]
    reasons: list[DeadLetterCount]
    agents: list[DeadLetterCount]


class EditDeadLetter(WireModel):
    """New content for a waiting dead letter; what is left out stays. With another address the broker routes it anew."""

    body: str | None = Field(default=None, max_length=SHOWN_BODY)
    to: StoredText | None = Field(default=None, max_length=520)


class DeadLetterFilter(WireModel):
    """Which waiting dead letters: empty matches all."""

    queue: str = Field(default="", max_length=255)
    reason: str = Field(default="", max_length=64)
    agent_id: str = Field(default="", max_length=64)
    conversation: str = Field(default="", max_length=64)


class HandleDeadLetters(WireModel):
    """Replay or drop up to `limit` waiting dead letters that match, oldest first."""

    filter: DeadLetterFilter = DeadLetterFilter()
    limit: int = Field(default=100, ge=1, le=500)


class DeadLettersHandled(WireModel):
    """How many were handled now, and how many that match still wait."""

    handled: int
    waiting: int
