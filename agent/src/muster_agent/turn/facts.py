"""The vocabulary of a turn: what happens (events) and what is to be done (instructions)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from muster_shared_models.problems import Reason

__all__ = [
    "Ask", "CallPiece", "Event", "Fail", "Finish", "Instruction", "ModelCall", "ModelDone", "ModelMessage", "Say",
    "TextPiece", "ToolDone", "Use",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class ModelCall:
    """A tool call as the model made it. `arguments` is JSON, as far as it is."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ModelMessage:
    """One message of the conversation with a model. `calls`: of an assistant; `call_id`, `name`: of a tool's answer."""

    role: Literal["system", "user", "assistant", "tool"]
    text: str
    calls: tuple[ModelCall, ...] = ()
    call_id: str = ""
    name: str = ""


# ---- events: from models


@dataclass(frozen=True, slots=True)
class TextPiece:
    """The model says something."""

    text: str


@dataclass(frozen=True, slots=True)
class CallPiece:
    """A piece of a tool call. Pieces with the same index belong together; a new id begins a new call."""

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class ModelDone:
    """The model has finished its message."""

    input_tokens: int = 0
    output_tokens: int = 0


# ---- events: from tools


@dataclass(frozen=True, slots=True)
class ToolDone:
    """A tool has brought its result."""

    call_id: str
    text: str


Event = TextPiece | CallPiece | ModelDone | ToolDone


# ---- instructions


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the model; without tools in the last step."""

    messages: tuple[ModelMessage, ...]
    with_tools: bool = True


@dataclass(frozen=True, slots=True)
class Say:
    """Add text to the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Use:
    """Use a tool, and bring `ToolDone`."""

    call_id: str
    tool: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Finish:
    """The answer is complete."""

    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Fail:
    """The answer cannot be completed."""

    reason: Reason
    message: str
    hint: str = ""


Instruction = Ask | Say | Use | Finish | Fail
