"""What happens inside a run, under AG-UI's names. Agents send them in batches; the server numbers the lasting ones.

Lasting events are stored and numbered per conversation. Passing ones (`TextContent`, `ToolContent`) carry an `offset`
instead: a reader appends what lies at the end of what it has, ignores what it has already, and waits for the final
text when something is missing. So they may be lost or doubled and the transcript is still right.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from muster_shared_models.model import BusModel
from muster_shared_models.problems import Reason

__all__ = [
    "PassingEvent", "RunError", "RunEvent", "RunFinished", "RunStarted", "TextContent", "TextEnd", "ToolContent",
    "ToolResult", "ToolStart",
]  # fmt: skip

#: The longest text of one message and the longest output of one tool call, in characters.
MAX_TEXT = 200_000
MAX_TOOL_OUTPUT = 64_000


class RunStarted(BusModel):
    """The agent began. `attempt` counts from 1; a higher attempt replaces all that earlier ones said."""

    kind: Literal["RUN_STARTED"] = "RUN_STARTED"
    run_id: str
    agent_id: str = ""
    agent_name: str = ""
    attempt: int = 1


class TextContent(BusModel):
    """A piece of text; `offset` counts the characters (code points) before it in this attempt's text."""

    kind: Literal["TEXT_MESSAGE_CONTENT"] = "TEXT_MESSAGE_CONTENT"
    run_id: str
    attempt: int = 1
    offset: int = Field(ge=0)
    delta: str = Field(max_length=MAX_TEXT)


class TextEnd(BusModel):
    """The whole final text of the run's answer, with its SHA-256 (hex of the UTF-8 bytes)."""

    kind: Literal["TEXT_MESSAGE_END"] = "TEXT_MESSAGE_END"
    run_id: str
    attempt: int = 1
    message_id: str
    text: str = Field(max_length=MAX_TEXT)
    sha256: str = ""


class ToolStart(BusModel):
    """A tool call begins. `title` says the intent in words, `subject` what it acts on (a command, a path, a URL)."""

    kind: Literal["TOOL_CALL_START"] = "TOOL_CALL_START"
    run_id: str
    attempt: int = 1
    tool_call_id: str
    tool: str = Field(max_length=64)
    title: str = Field(max_length=200)
    subject: str = Field(default="", max_length=4000)
    arguments: dict[str, Any] = Field(default_factory=dict)
    text_offset: int = 0


class ToolContent(BusModel):
    """A piece of a tool's live output; `offset` counts the characters before it."""

    kind: Literal["TOOL_CALL_CONTENT"] = "TOOL_CALL_CONTENT"
    run_id: str
    attempt: int = 1
    tool_call_id: str
    offset: int = Field(ge=0)
    delta: str = Field(max_length=MAX_TOOL_OUTPUT)


class ToolResult(BusModel):
    """A tool call ended. `output` is what is kept of it; `truncated` counts the characters left out."""

    kind: Literal["TOOL_CALL_RESULT"] = "TOOL_CALL_RESULT"
    run_id: str
    attempt: int = 1
    tool_call_id: str
    ok: bool
    output: str = Field(max_length=MAX_TOOL_OUTPUT + 200)
    media: Literal["text", "markdown", "code", "terminal"] = "text"
    language: str = ""
    exit_code: int | None = None
    duration_ms: int = 0
    truncated: int = 0


class RunFinished(BusModel):
    """The run ended well. Tokens are 0 where no model was asked."""

    kind: Literal["RUN_FINISHED"] = "RUN_FINISHED"
    run_id: str
    attempt: int = 1
    duration_ms: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


class RunError(BusModel):
    """The run ended without an answer, or with part of one: why, and what can be done."""

    kind: Literal["RUN_ERROR"] = "RUN_ERROR"
    run_id: str
    attempt: int = 1
    reason: Reason
    message: str = Field(max_length=4000)
    hint: str = Field(default="", max_length=2000)
    duration_ms: int = 0


RunEvent = Annotated[
    RunStarted | TextContent | TextEnd | ToolStart | ToolContent | ToolResult | RunFinished | RunError,
    Field(discriminator="kind"),
]

PassingEvent = TextContent | ToolContent
