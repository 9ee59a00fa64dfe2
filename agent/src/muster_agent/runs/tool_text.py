"""The output of one tool call: passed on live up to a bound, kept as its beginning and its end."""

from collections import deque
from typing import Any

from muster_shared_models.run_events import MAX_TOOL_OUTPUT

__all__ = ["ToolText"]

#: Of output that is too long this much of the end is kept, and the beginning as far as it fits.
TAIL = 16_000
HEAD = MAX_TOOL_OUTPUT - TAIL


class ToolText:
    """Characters in, passing pieces and the kept text out."""

    __slots__ = ("_call_id", "_given", "_head", "_length", "_tail", "_tail_length", "truncated")

    def __init__(self, call_id: str) -> None:
        self._call_id = call_id
        self._head = ""
        self._given = 0
        self._tail: deque[str] = deque()
        self._tail_length = 0
        self._length = 0
        #: Characters left out of what is kept.
        self.truncated = 0

    @property
    def has_news(self) -> bool:
        """Whether there is something to pass on."""
        return len(self._head) > self._given

    def add(self, text: str) -> None:
        """Take some output."""
        self._length += len(text)
        room = HEAD - len(self._head)
        self._head += text[:room]
        rest = text[room:]
        if rest:
            self._tail.append(rest)
            self._tail_length += len(rest)
            self._drop_surplus()

    def take(self, whole: bool) -> list[dict[str, Any]]:
        """Return the piece since the last call, or from the beginning."""
        if not self.has_news and not (whole and self._head):
            return []
        offset = 0 if whole else self._given
        self._given = len(self._head)
        return [{
            "kind": "TOOL_CALL_CONTENT", "tool_call_id": self._call_id, "offset": offset, "delta": self._head[offset:],
        }]  # fmt: skip

    def kept(self) -> str:
        """Return what is kept of the output."""
        tail = "".join(self._tail)
        if not self.truncated:
            return self._head + tail
        return f"{self._head}\n… {self.truncated} characters left out …\n{tail}"

    def _drop_surplus(self) -> None:
        while self._tail_length > TAIL:
            first = self._tail.popleft()
            surplus = min(len(first), self._tail_length - TAIL)
            self.truncated += surplus
            self._tail_length -= surplus
            if surplus < len(first):
                self._tail.appendleft(first[surplus:])
