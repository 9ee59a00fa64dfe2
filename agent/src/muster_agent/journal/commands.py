"""The journal of commands: begun before the program is started, ended with its result until the server has it."""

import sqlite3
from asyncio import Future
from typing import NamedTuple, cast

from muster_agent.clock import now_ms
from muster_agent.journal.database import Journal

__all__ = ["CommandRow", "CommandRows"]

COLUMNS = "command_id, state, at_ms, result"
BEGIN = "INSERT INTO commands (command_id, state, at_ms) VALUES (?, 'running', ?)"
END = "INSERT OR REPLACE INTO commands (command_id, state, at_ms, result) VALUES (?, 'ended', ?, ?)"
TOLD = "UPDATE commands SET state = 'told' WHERE command_id = ?"


class CommandRow(NamedTuple):
    """A command that was seen before. States: running, ended (the server does not have the result), told."""

    command_id: str
    state: str
    at_ms: int
    result: bytes | None


class CommandRows:
    """The rows of `commands`."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def find(self, command_id: str) -> CommandRow | None:
        """Return what is known of a command."""
        rows = self._journal.read(f"SELECT {COLUMNS} FROM commands WHERE command_id = ?", (command_id,))  # noqa: S608
        return _row(rows[0]) if rows else None

    def untold(self) -> list[CommandRow]:
        """Return the commands whose results the server does not have."""
        return list(map(_row, self._journal.read(f"SELECT {COLUMNS} FROM commands WHERE state != 'told'")))  # noqa: S608

    def begin(self, command_id: str) -> "Future[None]":
        """Write that the program is about to be started; start it when the future ends."""
        return self._write(BEGIN, command_id, now_ms())

    def end(self, command_id: str, result: bytes) -> "Future[None]":
        """Write the result."""
        return self._write(END, command_id, now_ms(), result)

    def told(self, command_id: str) -> "Future[None]":
        """Write that the server has the result; it is kept, in case the server asks again."""
        return self._write(TOLD, command_id)

    def _write(self, statement: str, *values: object) -> "Future[None]":
        def unit(connection: sqlite3.Connection) -> None:
            connection.execute(statement, values)

        return self._journal.submit(unit)


def _row(values: tuple[object, ...]) -> CommandRow:
    return CommandRow(*cast("tuple[str, str, int, bytes | None]", values))
