"""A conversation as a viewer holds it: the client's rules as a pure reducer.

Ignore a seq that is there; on a gap, subscribe again; a higher attempt clears the draft; the final text replaces it.
"""

import json
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from tests.chaos.ledger import digest

__all__ = ["News", "Transcript"]

ENDS = ("RUN_FINISHED", "RUN_ERROR")


class News(Enum):
    """What a numbered event was to the transcript."""

    SHOWN = "shown"
    KNOWN = "known"
    GAP = "gap"
    #: A seq that is there already, with other content.
    CONTRADICTED = "contradicted"
    #: Shown, and the draft before it was not the beginning of this final text.
    GARBLED = "garbled"


@dataclass(slots=True)
class _Draft:
    attempt: int
    text: str = ""


@dataclass(slots=True)
class Transcript:
    """One viewer's, of one conversation."""

    epoch: str = ""
    last: int = 0
    open_runs: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    #: Answers of which the beginning was shown before they were complete.
    grown: int = 0
    _drafts: dict[str, _Draft] = field(default_factory=dict)
    _digests: list[str] = field(default_factory=list)

    def event(self, seq: int, event: dict[str, Any]) -> News:
        """Take a numbered event."""
        mark = digest(json.dumps(event, sort_keys=True))
        if seq <= self.last:
            return News.KNOWN if self._digests[seq - 1] == mark else News.CONTRADICTED
        if seq > self.last + 1:
            return News.GAP
        self.last = seq
        self._digests.append(mark)
        return self._show(event)

    def _show(self, event: dict[str, Any]) -> News:
        kind, run, attempt = event["kind"], event["run_id"], event.get("attempt", 1)
        draft = self._drafts.get(run)
        if kind == "USER_MESSAGE":
            self.open_runs.add(run)
        elif kind == "RUN_STARTED":
            if draft is None or draft.attempt < attempt:
                self._drafts[run] = _Draft(attempt)
        elif kind == "TEXT_MESSAGE_END":
            self._drafts.pop(run, None)
            if draft is not None and draft.attempt == attempt and draft.text:
                self.grown += 1
                if not event["text"].startswith(draft.text):
                    return News.GARBLED
        elif kind in ENDS:
            self.open_runs.discard(run)
            self.ended.add(run)
            self._drafts.pop(run, None)
        return News.SHOWN

    def passing(self, event: dict[str, Any]) -> None:
        """Place a piece of text: what does not lie at the draft's end is known or waits for the final text."""
        run, attempt = event["run_id"], event["attempt"]
        if event["kind"] != "TEXT_MESSAGE_CONTENT" or run in self.ended:
            return
        draft = self._drafts.setdefault(run, _Draft(attempt))
        if attempt > draft.attempt:
            draft = self._drafts[run] = _Draft(attempt)
        if attempt == draft.attempt and event["offset"] <= len(draft.text) < event["offset"] + len(event["delta"]):
            draft.text += event["delta"][len(draft.text) - event["offset"] :]

    def drafts(self, drafts: list[dict[str, Any]]) -> None:
        """Take the drafts of a snapshot instead of one's own."""
        self._drafts = {draft["run_id"]: _Draft(draft["attempt"], draft["text"]) for draft in drafts}

    def draft(self, run: str) -> str:
        """Return what is shown of a run that still writes."""
        return self._drafts[run].text if run in self._drafts else ""
