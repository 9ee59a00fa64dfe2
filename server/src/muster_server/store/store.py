"""Units of work on the database: plain functions of a Transaction that touch nothing else and may run twice.

`write` puts units of one moment into one transaction: on SQLite by group commit, on PostgreSQL in a thread of its own.
"""

import asyncio
import sqlite3
import threading
from asyncio import Future
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol, TypeVar

from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from muster_messaging.commit import GroupCommit, open_sqlite
from muster_server.store.transaction import Transaction
from muster_shared_models.problems import MusterError, Reason

__all__ = ["SqliteStore", "Store", "unreadable"]

T = TypeVar("T")

#: Threads that read beside the writer.
READERS = 2


def unreadable(error: Exception) -> MusterError:
    """Return what people are told of a read that failed."""
    return MusterError(Reason.DATABASE_BUSY, f"The database cannot be read: {error}.", "Try again in a moment.")


class Store(Protocol):
    """The database as services see it."""

    def write(self, unit: Callable[[Transaction], T]) -> "Future[T]":
        """Return a future with what `unit` returns, done when it is on disk; units run in the order of the calls."""
        ...

    async def read(self, unit: Callable[[Transaction], T]) -> T:
        """Return what `unit` returns; it sees one consistent state and may change nothing.

        Raises DATABASE_BUSY when the database cannot be read.
        """
        ...

    async def look(self, unit: Callable[[Transaction], T]) -> T:
        """Return what a small reading unit returns: a few rows, found by an index."""
        ...

    async def watch(self) -> None:
        """Never return; raise MusterError when this server may not write to the database any more."""
        ...

    async def close(self) -> None:
        """Finish what waits, then disconnect."""
        ...


class SqliteStore:
    """A `Store` on one SQLite file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = open_sqlite(path)
        self._transaction = Transaction(self._connection, SQLiteDialect_pysqlite())
        self._commit = GroupCommit(self._connection, name="database")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="read")
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []

    def write(self, unit: Callable[[Transaction], T]) -> "Future[T]":
        """Run a unit with others in one transaction."""
        return self._commit.submit(lambda _: unit(self._transaction))

    async def read(self, unit: Callable[[Transaction], T]) -> T:
        """Run a reading unit in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, unit)

    async def look(self, unit: Callable[[Transaction], T]) -> T:
        """Run a small reading unit here and now: it takes microseconds, a thread and back would take longer."""
        return self._read(unit)

    def _read(self, unit: Callable[[Transaction], T]) -> T:
        try:
            connection, transaction = self._session()
            connection.execute("BEGIN")
            try:
                return unit(transaction)
            finally:
                connection.execute("ROLLBACK")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_ERROR:
                raise  # a fault of ours in the statement
            raise unreadable(error) from error

    def _session(self) -> tuple[sqlite3.Connection, Transaction]:
        """Return this thread's own connection."""
        if getattr(self._local, "transaction", None) is None:
            connection = sqlite3.connect(
                f"file:{self._path}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
            )
            self._opened.append(connection)
            self._local.connection = connection
            self._local.transaction = Transaction(connection, SQLiteDialect_pysqlite())
        return self._local.connection, self._local.transaction

    async def watch(self) -> None:
        """Wait: the file is in the data directory, whose lock the operating system keeps."""
        await asyncio.Event().wait()

    async def close(self) -> None:
        """Finish what waits, then close every connection."""
        await self._commit.close()
        self._readers.shutdown()
        for connection in (*self._opened, self._connection):
            connection.close()
