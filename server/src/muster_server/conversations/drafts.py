"""What running runs have said so far, in memory: placed by offset, replaced by the final text."""

from dataclasses import dataclass, field

from muster_shared_models.conversations import Draft, ToolDraft
from muster_shared_models.run_events import MAX_TEXT, MAX_TOOL_OUTPUT, TextContent, ToolContent

__all__ = ["Drafts"]

#: Tool calls of one run that are shown while they run, the characters of all of them, and of one's id. What is over is
#: shown when it has ended.
MAX_TOOLS = 100
MAX_TOOL_TEXT = 4 * MAX_TOOL_OUTPUT
MAX_CALL_ID = 200
#: Runs with a draft; beyond it the oldest draft is forgotten (its final text still comes).
MAX_DRAFTS = 5_000


@dataclass(slots=True)
class _Writing:
    attempt: int
    text: str = ""
    tools: dict[str, str] = field(default_factory=dict)


class Drafts:
    """Run id to what it wrote."""

    def __init__(self) -> None:
        self._runs: dict[str, _Writing] = {}

    def take(self, event: TextContent | ToolContent) -> None:
        """Place a piece: what lies beyond the end is a gap and waits for the next whole piece."""
        writing = self._runs.get(event.run_id)
        if writing is None or event.attempt > writing.attempt:
            writing = self._runs[event.run_id] = _Writing(event.attempt)
            if len(self._runs) > MAX_DRAFTS:
                self._runs.pop(next(iter(self._runs)))
        if event.attempt < writing.attempt:
            return
        if isinstance(event, TextContent):
            writing.text = _placed(writing.text, event.offset, event.delta, MAX_TEXT)
        elif event.tool_call_id in writing.tools or _fits(writing, event.tool_call_id):
            before = writing.tools.get(event.tool_call_id, "")
            room = MAX_TOOL_TEXT - sum(map(len, writing.tools.values()))
            most = min(MAX_TOOL_OUTPUT, len(before) + room)
            writing.tools[event.tool_call_id] = _placed(before, event.offset, event.delta, most)

    def forget_tool(self, run_id: str, tool_call_id: str) -> None:
        """A tool's result has come."""
        if run_id in self._runs:
            self._runs[run_id].tools.pop(tool_call_id, None)

    def forget(self, run_id: str) -> None:
        """The run's final text has come."""
        self._runs.pop(run_id, None)

    def of(self, run_id: str) -> Draft | None:
        """Return what a run wrote."""
        writing = self._runs.get(run_id)
        if writing is None:
            return None
        tools = [ToolDraft(tool_call_id=key, text=text) for key, text in writing.tools.items()]
        return Draft(run_id=run_id, attempt=writing.attempt, text=writing.text, tools=tools)


def _fits(writing: _Writing, tool_call_id: str) -> bool:
    return len(writing.tools) < MAX_TOOLS and len(tool_call_id) <= MAX_CALL_ID


def _placed(before: str, offset: int, piece: str, most: int) -> str:
    if offset > len(before) or offset + len(piece) <= len(before) or len(before) >= most:
        return before
    return (before + piece[len(before) - offset :])[:most]
