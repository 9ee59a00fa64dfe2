"""The journal of the embedded queue server: one SQLite table, one row a message and queue.

Everything that waits is written in one transaction. Inserts are answered when they are on disk; removals and attempt
counts ride along with the next insert, or follow some time later: a lost one only means that a message comes again.
A move to another queue happens whole or not at all. Whoever asked for one that the disk refused has the message still.
"""

import asyncio
import sqlite3
from asyncio import Future
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from muster_messaging.commit import GroupCommit, open_sqlite
from muster_messaging.embedded.core.model import DeadLetter, Stored
from muster_messaging.errors import Transient

__all__ = ["Journal"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS message (
    id INTEGER PRIMARY KEY, queue TEXT NOT NULL, key TEXT NOT NULL, sender TEXT NOT NULL, frame BLOB NOT NULL,
    attempts INTEGER NOT NULL, died_of TEXT NOT NULL, died_in TEXT NOT NULL
) STRICT
"""

#: Seconds until removals that the disk refused are tried again.
RETRY_S = 1.0


StoredHandler = Callable[[list[Stored], list[DeadLetter]], None]


class _Work(NamedTuple):
    inserts: list[tuple[Stored, "Future[None] | None"]]
    moves: list[tuple[DeadLetter, list[Stored]]]
    removals: list[int]
    attempts: list[tuple[int, int]]

    @classmethod
    def none(cls) -> "_Work":
        return cls([], [], [], [])


class Journal:
    """Keeps messages on disk.

    `on_stored` is told of what became durable, in order, and of the dead letters that moved; `on_refused` of publishes
    that did not and of the dead letters that stay where they are.
    """

    def __init__(self, path: Path, on_stored: StoredHandler, on_refused: StoredHandler) -> None:
        self._connection = open_sqlite(path)
        self._connection.execute(_SCHEMA)
        self._commit = GroupCommit(self._connection, name="queue-journal")
        self._on_stored = on_stored
        self._on_refused = on_refused
        self._work = _Work.none()
        self._writing: _Work | None = None
        self._outcome: Future[None] | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._closed = False
        self._loop = asyncio.get_running_loop()

    def load(self, queues: Iterable[str]) -> list[Stored]:
        """Return what the given queues held, oldest first."""
        found: list[Stored] = []
        going = {*self._work.removals, *(self._writing.removals if self._writing else ())}
        for queue in queues:
            rows = self._connection.execute("SELECT * FROM message WHERE queue = ?", (queue,))
            found += [Stored(*row) for row in rows if row[0] not in going]
        return sorted(found, key=lambda stored: stored.id)

    def last_id(self) -> int:
        """Return the highest id ever seen in the journal, 0 when it is empty."""
        row = self._connection.execute("SELECT max(id) FROM message").fetchone()
        return int(row[0] or 0)

    def insert(self, stored: Stored, done: "Future[None] | None") -> None:
        """Make a message durable, then tell `on_stored` and end `done`, which fails with Transient otherwise."""
        self._work.inserts.append((stored, done))
        self._write_soon(lazy=False)

    def remove(self, ids: Iterable[int]) -> None:
        """Forget messages, soon."""
        self._work.removals.extend(ids)
        self._write_soon()

    def move(self, letter: DeadLetter, stored: list[Stored]) -> None:
        """Make a dead letter durable in its next queues and forget it in its old one, in one transaction."""
        self._work.moves.append((letter, stored))
        self._write_soon(lazy=False)

    def note_attempts(self, stored: Iterable[Stored]) -> None:
        """Remember how often messages were delivered, soon."""
        self._work.attempts.extend((item.attempts, item.id) for item in stored)
        self._write_soon()

    async def close(self) -> None:
        """Write what waits, then close."""
        self._closed = True
        while self._outcome and self._writing:
            await asyncio.wait((self._outcome,))
        if self._retry:
            self._retry.cancel()
        await self._commit.close()
        self._connection.close()

    def _write_soon(self, *, lazy: bool = True) -> None:
        if self._writing is None:
            self._writing, self._work = self._work, _Work.none()
            self._outcome = self._commit.submit(self._write, lazy=lazy)
            self._outcome.add_done_callback(self._written)
        elif not lazy:
            self._commit.hurry()

    def _write(self, connection: sqlite3.Connection) -> None:
        # What came since this was submitted goes along: the transaction has only now begun.
        work, late = self._writing or self._work, self._work
        work.inserts.extend(late.inserts)
        work.moves.extend(late.moves)
        work.removals.extend(late.removals)
        work.attempts.extend(late.attempts)
        self._work = _Work.none()
        # Removals first: what they free is room for the others.
        removals = [*work.removals, *(letter.stored.id for letter, _ in work.moves)]
        connection.executemany("DELETE FROM message WHERE id = ?", [(key,) for key in removals])
        connection.executemany(
            "INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [(s.id, s.queue, s.key, s.sender, s.frame, s.attempts, s.died_of, s.died_in) for s in _new(work)],
        )
        connection.executemany("UPDATE message SET attempts = ? WHERE id = ?", work.attempts)

    def _written(self, outcome: "Future[None]") -> None:
        assert self._writing is not None
        written, self._writing = self._writing, None
        error = outcome.exception()
        if error is None:
            self._on_stored(_new(written), [letter for letter, _ in written.moves])
        else:
            self._refuse(written)
        for _, done in written.inserts:
            if done and not done.done():
                if error is None:
                    done.set_result(None)
                else:
                    # What publishes must know that it may try again: whatever the database says, nothing was stored.
                    done.set_exception(Transient(f"The queue server cannot store it: {error}"))
        if self._work.inserts:
            self._write_soon(lazy=False)
        elif error is None and any(self._work):
            self._write_soon(lazy=not self._work.moves)

    def _refuse(self, written: _Work) -> None:
        self._work.removals.extend(written.removals)
        # Moves that wait go back as well: they must not overtake the ones before them.
        letters = [letter for letter, _ in (*written.moves, *self._work.moves)]
        self._work.moves.clear()
        self._on_refused([item for item, _ in written.inserts], letters)
        if self._retry is None and not self._closed:
            self._retry = self._loop.call_later(RETRY_S, self._write_again)

    def _write_again(self) -> None:
        self._retry = None
        if any(self._work):
            self._write_soon()


def _new(work: _Work) -> list[Stored]:
    moved = [item for _, items in work.moves for item in items]
    stored = [item for item, _ in work.inserts]
    return sorted((*stored, *moved), key=lambda item: item.id) if moved else stored
