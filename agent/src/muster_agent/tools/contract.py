"""What a tool is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

__all__ = ["Arguments", "Live", "Outcome", "Tool", "ToolSpec"]

A_contra = TypeVar("A_contra", bound="Arguments", contravariant=True)


class Arguments(BaseModel):
    """The base of a tool's arguments; what is not known is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as a model sees it. `acts`: it changes something and is never begun twice."""

    name: str
    description: str
    arguments: type[Arguments]
    acts: bool = False

    @property
    def parameters(self) -> dict[str, Any]:
        """Return the JSON schema of the arguments."""
        return self.arguments.model_json_schema()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a tool brings back. `shown`: people have seen it as live output, `text` is what the model gets."""

    text: str
    ok: bool = True
    media: Literal["text", "markdown", "code", "terminal"] = "text"
    language: str = ""
    exit_code: int | None = None
    shown: bool = False


#: Takes live output.
Live = Callable[[str], object]


class Tool(Protocol[A_contra]):
    """A tool. `run` raises ToolFailed with a text that people and models can use."""

    spec: ToolSpec

    def describe(self, arguments: A_contra) -> tuple[str, str]:
        """Return the intent in words and what it acts on."""
        ...

    async def run(self, arguments: A_contra, live: Live, mark: str) -> Outcome:
        """Do it; cancelling ends everything it began. `mark` is the run's id."""
        ...
