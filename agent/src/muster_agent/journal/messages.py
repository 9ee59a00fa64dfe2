"""The journal of messages: what was received, begun, answered. Rows that come together are written together."""

import json
import sqlite3
from asyncio import Future
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import NamedTuple, cast

from muster_agent.clock import now_ms
from muster_agent.journal.database import Journal

__all__ = ["MessageRow", "MessageRows"]

COLUMNS = "message_id, run_id, conversation, state, attempt, at_ms, frame, seq, reply"
ROW = "(?, ?, ?, ?, ?, ?, ?, ?, ?)"
#: Rows of one INSERT: with each step of a statement SQLite lets other threads have the interpreter, and waiting for it
#: again costs far more than the row.
AT_ONCE = (64, 8, 1)
PUT = {n: f"INSERT OR REPLACE INTO messages ({COLUMNS}) VALUES {', '.join([ROW] * n)}" for n in AT_ONCE}  # noqa: S608
IDS = "SELECT value FROM json_each(?)"
DONE = f"UPDATE messages SET state = 'done', frame = NULL, reply = NULL WHERE message_id IN ({IDS})"  # noqa: S608
FORGET = f"DELETE FROM effects WHERE message_id IN ({IDS})"  # noqa: S608
RESERVE = "INSERT OR REPLACE INTO sequences (conversation, next, at_ms) VALUES (?, ?, ?)"


class MessageRow(NamedTuple):
    """A message as the journal knows it. States: received, running, replied, done.

    `frame` is the message itself, if it is kept; `reply` the body of the answer's last message, `seq` its number.
    """

    message_id: str
    run_id: str
    conversation: str
    state: str
    attempt: int
    at_ms: int
    frame: bytes | None = None
    seq: int = 0
    reply: bytes | None = None


class MessageRows:
    """The rows of `messages` and `sequences`."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._rows: list[MessageRow] = []
        self._reservations: dict[str, int] = {}
        self._writing: Future[None] | None = None

    def put(self, row: MessageRow) -> "Future[None]":
        """Write a row; rows put before the disk has time for them share one future."""
        self._rows.append(row)
        return self._soon()

    def reserve(self, conversation: str, following: int) -> None:
        """Write, with the next rows, that sequence numbers below `following` may have been used."""
        self._reservations[conversation] = following
        self._soon()

    def done(self, message_ids: Sequence[str], with_effects: Sequence[str] = ()) -> "Future[None]":
        """Their answers are confirmed: keep nothing but the ids. `with_effects`: those that have rows in `effects`."""
        return self._journal.submit(lambda connection: _finish(connection, message_ids, with_effects))

    def prune(self) -> "Future[bool]":
        """Let the journal forget some of what is finished and too old; the future says whether there may be more."""
        return self._journal.prune()

    def find(self, message_ids: Sequence[str]) -> dict[str, MessageRow]:
        """Return what is known of these, by id; what is not yet committed is not seen."""
        marks = "?" if len(message_ids) == 1 else IDS
        value = message_ids[0] if len(message_ids) == 1 else json.dumps(message_ids)
        rows = self._journal.read(f"SELECT {COLUMNS} FROM messages WHERE message_id IN ({marks})", (value,))  # noqa: S608
        return {row.message_id: row for row in map(_row, rows)}

    def unfinished(self) -> list[MessageRow]:
        """Return all that is neither done nor merely received elsewhere, oldest first."""
        rows = self._journal.read(f"SELECT {COLUMNS} FROM messages WHERE state != 'done' ORDER BY at_ms, message_id")  # noqa: S608
        return list(map(_row, rows))

    def next_sequence(self, conversation: str) -> int:
        """Return the first sequence number of this conversation that was certainly not used, counted from 1."""
        rows = self._journal.read("SELECT next FROM sequences WHERE conversation = ?", (conversation,))
        return max(cast("int", rows[0][0]) if rows else 1, self._reservations.get(conversation, 1))

    def _soon(self) -> "Future[None]":
        if self._writing is None:
            self._writing = self._journal.submit(self._write)
        return self._writing

    def _write(self, connection: sqlite3.Connection) -> None:
        # Runs when the disk is ready: what was put in the meantime goes along.
        self._writing = None
        rows, self._rows = self._rows, []
        reservations, self._reservations = self._reservations, {}
        done = 0
        for size in AT_ONCE:
            while len(rows) - done >= size:
                connection.execute(PUT[size], tuple(chain.from_iterable(rows[done : done + size])))
                done += size
        if reservations:
            now = now_ms()
            connection.executemany(
                RESERVE, [(conversation, following, now) for conversation, following in reservations.items()]
            )


def _row(values: tuple[object, ...]) -> MessageRow:
    return MessageRow._make(cast("Iterable[str]", values))


def _finish(connection: sqlite3.Connection, message_ids: Sequence[str], with_effects: Sequence[str]) -> None:
    connection.execute(DONE, (json.dumps(message_ids),))
    if with_effects:
        connection.execute(FORGET, (json.dumps(with_effects),))
