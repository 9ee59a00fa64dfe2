"""The ledger: every actor of a chaos run appends the facts it knows, one JSON object a line, to one file.

The law: a fact is written after what it tells of has happened, in one write to a file opened with O_APPEND, so that
facts of different processes never mix and a killed process leaves whole lines. `at` is the machine's monotonic clock,
the same in all processes.

    sent       a browser is about to send a message: ref, text's sha           resent     it does so again
    accepted   the server has answered that it is stored: conversation, seq, run
    refused    the server has answered that it will not take it: kind is the reason
    follows    a viewer has begun to follow a conversation
    shown      a viewer shows an event: conversation, seq, kind, run, text's sha; ref is a tool call's id, or
               an error's reason
    garbled    a viewer's draft was not the beginning of the final text; contradicted: one seq, two events
    final      an agent has said all that it will say: run, attempt, text's sha
    executed   a tool has acted: ref is the id of the command
    stored     what the database holds after all is over, by REST; as `shown`
    left       what should be empty and is not: kind is its name, seq the number of things in it
    fault      somebody was killed, stopped or cut: kind says how, actor who
"""

import json
import os
import time
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

__all__ = ["Fact", "Ledger", "digest", "read_facts"]


class Fact(NamedTuple):
    """One line. What a fact does not need is empty."""

    at: float
    actor: str
    event: str
    conversation: str = ""
    seq: int = 0
    ref: str = ""
    run: str = ""
    kind: str = ""
    attempt: int = 0
    sha: str = ""


class Ledger:
    """One actor's pen."""

    def __init__(self, path: Path, actor: str) -> None:
        self.path = path
        self.actor = actor
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def __call__(
        self, event: str, *, conversation: str = "", seq: int = 0, ref: str = "", run: str = "", kind: str = "",
        attempt: int = 0, sha: str = "",
    ) -> None:  # fmt: skip
        """Append a fact."""
        fact = Fact(time.monotonic(), self.actor, event, conversation, seq, ref, run, kind, attempt, sha)
        line = json.dumps({name: value for name, value in fact._asdict().items() if value}).encode() + b"\n"
        assert os.write(self._file, line) == len(line), "a fact was cut"

    def close(self) -> None:
        """Put the pen down."""
        os.close(self._file)


def read_facts(path: Path) -> list[Fact]:
    """Return all facts in the order in which they were written; a line that is none is an error."""
    return [Fact(**json.loads(line)) for line in path.read_text().splitlines()]


def digest(text: str) -> str:
    """Return the SHA-256 of a text as agents, server and browsers write it."""
    return sha256(text.encode()).hexdigest()
