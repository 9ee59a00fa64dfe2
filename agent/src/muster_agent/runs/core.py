"""What one run has to tell, and when. No I/O, no clock: `now` is an argument, in seconds.

The laws:
1. A flush tells, in order: that the run began (once), tool calls that began or ended, new text, new tool output.
2. An answer that is complete at the first flush is one message without passing text.
3. Passing text is repeated from its beginning every `FULL_EVERY` pieces or `FULL_S` seconds: who missed one catches up.
4. A run ends once. What is said after that is nobody's business any more.
"""

from collections.abc import Mapping
from enum import Enum
from hashlib import sha256
from typing import Any

from muster_agent.runs.encode import fitting, size_of
from muster_agent.runs.tool_text import ToolText
from muster_shared_models.problems import Reason
from muster_shared_models.run_events import MAX_TEXT

__all__ = ["PASSING", "RunCore", "RunState", "derived_id"]

#: Seconds between flushes while a run is on, and the amount of new text that does not wait for that.
FLUSH_S = 0.05
FLUSH_CHARACTERS = 2048
#: The first flush waits this long, so that a quick answer is one message.
FIRST_FLUSH_S = 0.002
FULL_EVERY = 64
FULL_S = 5.0
SHORT = 500
CUT_NOTE = "\n\n… the answer was longer than Muster keeps; {} characters were left out."
TEXT_ROOM = MAX_TEXT - 100

#: Bytes of lasting events in one message, if it has more than one: the longest text still fits in beside them.
FLUSH_ROOM = 100_000
FLUSH_EVENTS = 500

#: What the last message of a run is called in its id.
END = "end"

Event = dict[str, Any]

#: Kinds of events that may be lost: they are told again, or the end tells it all.
PASSING = frozenset({"TEXT_MESSAGE_CONTENT", "TOOL_CALL_CONTENT"})


class RunState(Enum):
    """How far a run is."""

    NEW = "new"
    TOLD = "told"
    ENDED = "ended"


def derived_id(prefix: str, *parts: object) -> str:
    """Return an identifier that is the same whenever it is made of the same parts."""
    return f"{prefix}_{sha256('/'.join(map(str, parts)).encode()).hexdigest()[:26].upper()}"


class RunCore:
    """One attempt at one run."""

    __slots__ = (
        "_begun_at", "_cut", "_end", "_end_id", "_full_at", "_pieces", "_said", "_since_full", "_started", "_tools",
        "_unsaid", "_unsaid_length", "attempt", "events", "flushed_at", "length", "run_id", "state",
    )  # fmt: skip

    def __init__(self, run_id: str, attempt: int, now: float) -> None:
        self.run_id = run_id
        self.attempt = attempt
        self.state = RunState.NEW
        #: Lasting events that wait for the next flush.
        self.events: list[Event] = []
        #: Characters said so far.
        self.length = 0
        self.flushed_at = 0.0
        self._begun_at = self._full_at = now
        self._said: list[str] = []
        self._unsaid: list[str] = []
        self._unsaid_length = 0
        self._cut = 0
        self._since_full = 0
        self._tools: dict[str, ToolText] = {}
        self._end: list[Event] | None = None
        self._end_id = ""

    @property
    def ended(self) -> bool:
        """Whether the run has ended, told or not."""
        return self._end is not None

    @property
    def only_passing(self) -> bool:
        """Whether all that there may be to tell is passing."""
        return self.state is RunState.TOLD and self._end is None and not self.events

    @property
    def end_id(self) -> str:
        """The id of the run's last message and of its text; the same whenever this attempt is answered."""
        if not self._end_id:
            self._end_id = derived_id("msg", self.run_id, self.attempt, END)
        return self._end_id

    def flush_id(self, number: int) -> str:
        """Return the id of a message before the last one."""
        return derived_id("msg", self.run_id, self.attempt, number)

    @property
    def text(self) -> str:
        """Everything said so far."""
        return "".join(self._said) + "".join(self._unsaid)

    def say(self, text: str) -> None:
        """Add to the answer."""
        if self._end is not None or not text:
            return
        room = TEXT_ROOM - self.length
        if len(text) > room:
            self._cut += len(text) - max(room, 0)
            text = text[: max(room, 0)]
        self._unsaid.append(text)
        self._unsaid_length += len(text)
        self.length += len(text)

    def tool_begins(self, call_id: str, tool: str, title: str, subject: str, arguments: Mapping[str, Any]) -> None:
        """Show a card for a tool call, at this place in the text."""
        if self._end is not None:
            return
        self._tools[call_id] = ToolText(call_id)
        self.events.append(fitting({
            "kind": "TOOL_CALL_START", **self._ids(), "tool_call_id": call_id, "tool": tool[:64],
            "title": title[:200], "subject": subject[:4000], "arguments": dict(arguments), "text_offset": self.length,
        }))  # fmt: skip

    def tool_says(self, call_id: str, text: str) -> None:
        """Add to the live output of a tool call."""
        if call_id in self._tools:
            self._tools[call_id].add(text)

    def tool_ends(self, call_id: str, *, ok: bool, duration_ms: int, **facts: Any) -> None:
        """End a tool call. `facts`: output (when it is not the live output), media, language, exit_code."""
        kept = self._tools.pop(call_id, None)
        if kept is None:
            return
        given = facts.pop("output", None)
        if given is not None:
            kept = ToolText(call_id)
            kept.add(given)
        self.events.append(fitting({
            "kind": "TOOL_CALL_RESULT", **self._ids(), "tool_call_id": call_id, "ok": ok, "output": kept.kept(),
            "truncated": kept.truncated, "duration_ms": duration_ms,
            **{key: value for key, value in facts.items() if value is not None},
        }))  # fmt: skip

    def finish(self, now: float, *, input_tokens: int = 0, output_tokens: int = 0) -> None:
        """The run ended well."""
        self._conclude({
            "kind": "RUN_FINISHED", **self._ids(), "duration_ms": self._duration_ms(now),
            "input_tokens": input_tokens, "output_tokens": output_tokens,
        })  # fmt: skip

    def fail(self, now: float, reason: Reason, message: str, hint: str = "") -> None:
        """The run ended otherwise; what was said so far is kept."""
        self._conclude({
            "kind": "RUN_ERROR", **self._ids(), "reason": reason.value, "message": message[:4000],
            "hint": hint[:2000], "duration_ms": self._duration_ms(now),
        })  # fmt: skip

    def due(self) -> float | None:
        """Return when to flush: a moment (0: now), or None."""
        if self._end is not None:
            return None if self.state is RunState.ENDED else 0.0
        if self.state is RunState.NEW:
            return None  # its first flush comes by itself
        if self._unsaid_length >= FLUSH_CHARACTERS:
            return 0.0
        if self.events or self._has_passing:
            return self.flushed_at + FLUSH_S
        return None

    def take(self, now: float, *, unordered: bool = False) -> list[Event]:
        """Return the events of one flush; `unordered`: its message may overtake, so a short text is told whole."""
        events, size = self._take_events()
        if self.state is RunState.NEW:
            events.insert(0, {"kind": "RUN_STARTED", **self._ids()})
        if self._end is not None and not self.events and size <= FLUSH_ROOM:
            self.state = RunState.ENDED
            return events + self._end
        self.state = RunState.TOLD
        self.flushed_at = now
        self._since_full += self._has_passing
        whole = self._since_full >= FULL_EVERY or now - self._full_at >= FULL_S
        if whole:
            self._since_full, self._full_at = 0, now
        self._take_text(events, whole or (unordered and bool(self._unsaid) and self.length <= SHORT))
        for tool in self._tools.values():
            events += [self._ids() | piece for piece in tool.take(whole)]
        return events

    @property
    def _has_passing(self) -> bool:
        return bool(self._unsaid) or any(tool.has_news for tool in self._tools.values())

    def _take_events(self) -> tuple[list[Event], int]:
        """Return the lasting events that fit into one message, and their bytes; the others wait for the next."""
        taken, size = 0, 0
        while taken < min(len(self.events), FLUSH_EVENTS):
            more = size_of(self.events[taken])
            if taken and size + more > FLUSH_ROOM:
                break
            size += more
            taken += 1
        events, self.events = self.events[:taken], self.events[taken:]
        return events, size

    def _take_text(self, events: list[Event], whole: bool) -> None:
        if not self._unsaid and not (whole and self._said):
            return
        new = "".join(self._unsaid)
        offset = self.length - len(new)
        self._said.append(new)
        self._unsaid, self._unsaid_length = [], 0
        if whole:
            new, offset = "".join(self._said), 0
            self._said = [new]
        events.append({"kind": "TEXT_MESSAGE_CONTENT", **self._ids(), "offset": offset, "delta": new})

    def _conclude(self, last: Event) -> None:
        if self._end is not None:
            return
        for call_id in list(self._tools):
            self.tool_ends(call_id, ok=False, duration_ms=0)
        text = self.text + (CUT_NOTE.format(self._cut) if self._cut else "")
        self._end = [last]
        if text:
            self._end.insert(0, {
                "kind": "TEXT_MESSAGE_END", **self._ids(), "text": text,
                "message_id": self.end_id,
                "sha256": sha256(text.encode("utf-8", "replace")).hexdigest(),
            })  # fmt: skip

    def _ids(self) -> Event:
        return {"run_id": self.run_id, "attempt": self.attempt}

    def _duration_ms(self, now: float) -> int:
        return max(0, round((now - self._begun_at) * 1000))
