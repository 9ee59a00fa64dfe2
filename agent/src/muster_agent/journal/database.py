"""The journal's file: one SQLite database for one agent, written through one group commit.

The law: whoever relies on something being written waits for the future of the write. A write that fails is the end of
the agent (`failed`): an agent that cannot remember would repeat what it did.
"""

import asyncio
import sqlite3
from asyncio import Future
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from muster_agent.clock import now_ms
from muster_agent.errors import AgentError
from muster_messaging.commit import GroupCommit, open_sqlite
from muster_shared_models.problems import Reason

__all__ = ["Journal"]

T = TypeVar("T")

#: Ids of finished messages and commands are kept longer than anybody may send them again.
KEEP_MS = 8 * 86_400_000
#: Numbers of conversations are kept longer than most are silent; one that goes on after that begins at 1.
KEEP_NUMBERS_MS = 30 * 86_400_000
#: Rows of each table that are forgotten at once while the agent works.
AT_ONCE = 1000
VERSION = "1"

SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
-- state: received, running, replied (answer kept, not confirmed), done. `frame`: the message, once it is acknowledged
-- before it is answered. `reply` and `seq`: body and number of the last message of the answer.
CREATE TABLE IF NOT EXISTS messages (
    message_id TEXT PRIMARY KEY, run_id TEXT NOT NULL, conversation TEXT NOT NULL, state TEXT NOT NULL,
    attempt INTEGER NOT NULL, at_ms INTEGER NOT NULL, frame BLOB, seq INTEGER NOT NULL, reply BLOB) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sequences (
    conversation TEXT PRIMARY KEY, next INTEGER NOT NULL, at_ms INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
-- state: intent (begun, outcome unknown), done. `receipt`: the call and how often it came before in the run.
CREATE TABLE IF NOT EXISTS effects (
    message_id TEXT NOT NULL, receipt TEXT NOT NULL, tool TEXT NOT NULL, resumable INTEGER NOT NULL,
    state TEXT NOT NULL, result TEXT, PRIMARY KEY (message_id, receipt)) WITHOUT ROWID;
-- state: running, ended (result kept, not acknowledged), told.
CREATE TABLE IF NOT EXISTS commands (
    command_id TEXT PRIMARY KEY, state TEXT NOT NULL, at_ms INTEGER NOT NULL, result BLOB) WITHOUT ROWID;
"""
#: Ids begin with the time, so the oldest are in front: only there is looked.
PRUNE = """
DELETE FROM {table} WHERE {key} IN (SELECT {key} FROM (
    SELECT {key}, state, at_ms FROM {table} ORDER BY {key} LIMIT ?) WHERE state = '{state}' AND at_ms < ?)
"""
PRUNE_MESSAGES = PRUNE.format(table="messages", key="message_id", state="done")
PRUNE_COMMANDS = PRUNE.format(table="commands", key="command_id", state="told")
PRUNE_NUMBERS = (
    "DELETE FROM sequences WHERE conversation IN (SELECT conversation FROM sequences WHERE at_ms < ? LIMIT ?)"
)
TABLES = ("messages", "sequences", "effects", "commands", "facts")


class Journal:
    """The open journal. `submit` writes; `read` looks up what is committed."""

    def __init__(self, path: Path) -> None:
        try:
            self._writer = open_sqlite(path)
            self._writer.executescript(SCHEMA)
            if not self._writer.execute("SELECT 1 FROM pragma_table_info('sequences') WHERE name = 'at_ms'").fetchone():
                # A journal of an earlier version: its numbers are as old as this moment.
                self._writer.execute(f"ALTER TABLE sequences ADD at_ms INTEGER NOT NULL DEFAULT {now_ms()}")
            self._reader = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        except sqlite3.Error as error:
            raise AgentError(
                f"The journal {path} cannot be opened: {error}.",
                "Free some disk space; if the file is damaged, move it away: what was in hand is then forgotten.",
                Reason.DATABASE_BUSY,
            ) from error
        path.chmod(0o600)
        self._commit = GroupCommit(self._writer, name="journal")
        self.failed: Future[None] = asyncio.get_running_loop().create_future()

    def belongs_to(self, agent_id: str) -> None:
        """Forget everything when it was written as another agent, and what is too old in any case."""
        self._writer.execute("BEGIN IMMEDIATE")
        known = dict(self._writer.execute("SELECT name, value FROM facts"))
        if known.get("agent_id", agent_id) != agent_id or known.get("version", VERSION) != VERSION:
            for table in TABLES:
                self._writer.execute(f"DELETE FROM {table}")  # noqa: S608 - names of our own
        facts = {"agent_id": agent_id, "version": VERSION}
        self._writer.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", facts.items())
        old = now_ms() - KEEP_MS
        self._writer.execute("DELETE FROM messages WHERE at_ms < ?", (old,))
        self._writer.execute("DELETE FROM commands WHERE state = 'told' AND at_ms < ?", (old,))
        self._writer.execute("DELETE FROM sequences WHERE at_ms < ?", (now_ms() - KEEP_NUMBERS_MS,))
        self._writer.execute("DELETE FROM effects WHERE message_id NOT IN (SELECT message_id FROM messages)")
        self._writer.execute("COMMIT")

    def submit(self, unit: Callable[[sqlite3.Connection], T]) -> "Future[T]":
        """Return a future that ends when what `unit` does is on disk."""
        future = self._commit.submit(unit)
        future.add_done_callback(self._check)
        return future

    def prune(self) -> "Future[bool]":
        """Forget some of what is finished and too old; the future says whether there may be more."""

        def unit(connection: sqlite3.Connection) -> bool:
            now = now_ms()
            counts = [
                connection.execute(PRUNE_MESSAGES, (AT_ONCE, now - KEEP_MS)).rowcount,
                connection.execute(PRUNE_COMMANDS, (AT_ONCE, now - KEEP_MS)).rowcount,
                connection.execute(PRUNE_NUMBERS, (now - KEEP_NUMBERS_MS, AT_ONCE)).rowcount,
            ]
            return max(counts) >= AT_ONCE // 2

        return self.submit(unit)

    def read(self, statement: str, values: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        """Return the rows of a SELECT over what is committed."""
        return self._reader.execute(statement, values).fetchall()

    async def close(self) -> None:
        """Write what waits and close the file."""
        await self._commit.close()
        self._reader.close()
        self._writer.close()
        if not self.failed.done():
            self.failed.cancel()

    def _check(self, future: "Future[T]") -> None:
        error = None if future.cancelled() else future.exception()
        if error is not None and not self.failed.done():
            self.failed.set_exception(
                AgentError(
                    f"The agent's journal cannot be written: {error}",
                    "Free some disk space and start the agent again: nothing that was acknowledged is lost.",
                    Reason.DATABASE_BUSY,
                )
            )
