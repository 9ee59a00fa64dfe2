"""One run's answer as it is written: pieces go to stdout once, in order, whatever comes twice, late or again."""

from collections.abc import Callable
from typing import Any

from muster_shared_models.problems import MusterError, Reason

__all__ = ["Answer"]


class _Growing:
    """A text that grows by pieces at offsets, in code points. `piece` and `final` return what is new."""

    def __init__(self) -> None:
        self.text = ""

    def piece(self, offset: int, delta: str) -> str:
        # Beyond the end something is missing: the final text will have it.
        if offset > len(self.text) or offset + len(delta) <= len(self.text):
            return ""
        return self._grow(self.text[:offset] + delta)

    def final(self, text: str) -> str:
        return self._grow(text)

    def _grow(self, text: str) -> str:
        new = text[len(self.text) :] if text.startswith(self.text) else f"\n{text}"
        self.text = text
        return new


class Answer:
    """Takes a run's events. `write` gets the answer, `say` what is said about it; a `name` begins each line."""

    def __init__(self, write: Callable[[str], None], say: Callable[[str], None], name: str = "") -> None:
        self._write_out = write
        self._say = say
        self._name = name
        self._attempt = 1
        self._text = _Growing()
        self._tools: dict[str, _Growing] = {}
        self._at_line_start = True

    def take(self, event: dict[str, Any]) -> bool:
        """Show an event; return whether the run has ended. Raises what it ended with."""
        attempt = event.get("attempt", self._attempt)
        if attempt < self._attempt:
            return False
        if attempt > self._attempt:
            self._begin_anew(attempt)
        take = getattr(self, f"_{event['kind'].lower()}", None)
        if take:
            take(event)
        return bool(event["kind"] == "RUN_FINISHED")

    def draft(self, draft: dict[str, Any]) -> None:
        """Show what a run had said before we began to follow it."""
        pieces = [{"kind": "TEXT_MESSAGE_CONTENT", "offset": 0, "delta": draft["text"]}]
        pieces += [
            {"kind": "TOOL_CALL_CONTENT", "tool_call_id": tool["tool_call_id"], "offset": 0, "delta": tool["text"]}
            for tool in draft["tools"]
        ]
        for piece in pieces:
            self.take({**piece, "attempt": draft["attempt"]})

    def _begin_anew(self, attempt: int) -> None:
        """The agent began again: what it said before does not count."""
        self._attempt = attempt
        if self._text.text or self._tools:
            self._end_line()
            self._say(f"{self._prefix}attempt {attempt}: it begins anew")
        self._text = _Growing()
        self._tools.clear()

    def _text_message_content(self, event: dict[str, Any]) -> None:
        if not self._name:  # of many, each says all it has to say at once
            self._write(self._text.piece(event["offset"], event["delta"]))

    def _text_message_end(self, event: dict[str, Any]) -> None:
        self._write(self._text.final(event["text"]))
        self._end_line()

    def _tool_call_start(self, event: dict[str, Any]) -> None:
        self._end_line()
        self._say(f"{self._prefix}{event['title']}: {event['subject']}")

    def _tool_call_content(self, event: dict[str, Any]) -> None:
        if not self._name:
            tool = self._tools.setdefault(event["tool_call_id"], _Growing())
            self._write(tool.piece(event["offset"], event["delta"]))

    def _tool_call_result(self, event: dict[str, Any]) -> None:
        tool = self._tools.pop(event["tool_call_id"], _Growing())
        # Of long output only the beginning and the end are kept; all of it has been shown then.
        if event["output"].startswith(tool.text):
            self._write(tool.final(event["output"]))
        self._end_line()

    def _run_queued(self, event: dict[str, Any]) -> None:
        self._say(event["detail"])

    def _run_finished(self, _: dict[str, Any]) -> None:
        self._end_line()

    def _run_error(self, event: dict[str, Any]) -> None:
        self._end_line()
        raise MusterError(Reason(event["reason"]), event["message"], event["hint"])

    @property
    def _prefix(self) -> str:
        return f"{self._name}: " if self._name else ""

    def _write(self, text: str) -> None:
        if not text:
            return
        self._at_line_start = text.endswith("\n")
        if self._name:
            text = "".join(f"{self._prefix}{line}" for line in text.splitlines(keepends=True))
        self._write_out(text)

    def _end_line(self) -> None:
        if not self._at_line_start:
            self._at_line_start = True
            self._write_out("\n")
