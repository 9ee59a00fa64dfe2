"""Group commit: many small units of work share one transaction and so one fsync.

The law: a unit is a plain function of the connection, touches nothing else, and either happens whole or not at all; its
future ends after the transaction is on disk. Units run in the order in which they were submitted.

Statements run on the event loop's own thread: each takes microseconds, while handing the interpreter to another thread
and back costs milliseconds when the loop is busy. Only COMMIT, which waits for the disk, runs in a thread; and not even
that when there is little to do and the disk was quick the last times, as the way to a thread and back takes longer.
"""

import asyncio
import sqlite3
import time
from asyncio import Future
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from muster_shared_models.problems import MusterError, Reason

__all__ = ["GroupCommit", "open_sqlite"]

T = TypeVar("T")

#: Units per transaction: bounds how long the loop is busy with statements (about 5 ms).
BATCH = 200
#: Waiting units; above it submitting fails, so that memory stays bounded.
LIMIT = 20_000
#: How long a unit waits for company that is in no hurry.
LAZY_S = 0.1
#: A batch that is small enough, and a disk quick enough, to commit without a thread.
FEW_UNITS, QUICK_S = 4, 0.003
#: Commits in a thread after a slow one; twice as many after the next slow one, up to the most.
AFTER_SLOW, MOST_AFTER_SLOW = 8, 512
#: How long another process may hold the database before units fail, counted from when they were submitted.
BUSY_TIMEOUT_S = 5.0

Unit = Callable[[sqlite3.Connection], Any]


def open_sqlite(path: Path | str) -> sqlite3.Connection:
    """Return a connection for `GroupCommit`: WAL, synchronous=FULL, transactions by hand, and not waiting for locks."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0, cached_statements=256)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "wal_autocheckpoint=4000"):
        connection.execute(f"PRAGMA {pragma}")
    # Savepoints copy the pages that they may have to restore: into memory, not into temporary files. Units of work
    # take half the time.
    connection.execute("PRAGMA temp_store=MEMORY")
    return connection


class GroupCommit:
    """Runs units of work on one SQLite connection, as many in one transaction as are waiting."""

    def __init__(self, connection: sqlite3.Connection, *, name: str = "commit") -> None:
        self._connection = connection
        self._waiting: list[tuple[Unit, Future[Any], float]] = []
        self._wake = asyncio.Event()
        self._closing = False
        #: How many commits are still to run in a thread, and how many will after the next slow one.
        self._slow, self._next_slow = 0, AFTER_SLOW
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._driver = self._loop.create_task(self._drive(), name=name)

    def submit(self, unit: Callable[[sqlite3.Connection], T], *, lazy: bool = False) -> "Future[T]":
        """Return a future with what `unit` returns, done when that is on disk.

        It fails with what the unit raises, or MusterError(DATABASE_BUSY) when the database cannot be written. A `lazy`
        one goes along with the next that is not, or `hurry`, or after LAZY_S.
        """
        future: Future[T] = self._loop.create_future()
        if self._closing or len(self._waiting) >= LIMIT:
            future.set_exception(MusterError(Reason.DATABASE_BUSY, "Too many writes wait for the disk.", "Try again."))
            return future
        self._waiting.append((unit, future, self._loop.time()))
        if not lazy:
            self._wake.set()
        elif self._timer is None:
            self._timer = self._loop.call_later(LAZY_S, self.hurry)
        return future

    def hurry(self) -> None:
        """Write now what waits."""
        self._wake.set()

    async def close(self) -> None:
        """Finish what waits, then stop. The connection is the caller's to close."""
        self._closing = True
        self._wake.set()
        await self._driver
        self._thread.shutdown()

    async def _drive(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
            if self._waiting:
                self._wake.set()
            if batch:
                await self._transact(batch)
            if self._closing and not self._waiting:
                return
            if self._closing:
                self._wake.set()

    async def _transact(self, batch: list[tuple[Unit, "Future[Any]", float]]) -> None:
        outcomes: list[tuple[Any, Exception | None]]
        try:
            await self._begin(batch[0][2] + BUSY_TIMEOUT_S)
            outcomes = [self._run(unit, alone=len(batch) == 1) for unit, _, _ in batch]
            await self._commit(len(batch))
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                self._connection.rollback()
            outcomes = [(None, _explain(error))] * len(batch)
        for (_, future, _), (result, failure) in zip(batch, outcomes, strict=True):
            if future.done():
                continue
            if failure is None:
                future.set_result(result)
            else:
                future.set_exception(failure)

    async def _commit(self, units: int) -> None:
        if units > FEW_UNITS or self._slow:
            await self._loop.run_in_executor(self._thread, self._connection.commit)
            self._slow = max(0, self._slow - 1)
            return
        began = time.perf_counter()  # the loop's own clock may stand still meanwhile
        self._connection.commit()
        if time.perf_counter() - began > QUICK_S:
            self._slow, self._next_slow = self._next_slow, min(2 * self._next_slow, MOST_AFTER_SLOW)
        else:
            self._next_slow = AFTER_SLOW

    async def _begin(self, give_up_at: float) -> None:
        while True:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or self._loop.time() > give_up_at:
                    raise
                await asyncio.sleep(0.01)
            else:
                return

    def _run(self, unit: Unit, *, alone: bool) -> tuple[Any, Exception | None]:
        """Run a unit; one that is alone in its transaction needs no savepoint."""
        if not alone:
            self._connection.execute("SAVEPOINT unit")
        try:
            result = unit(self._connection)
        except Exception as error:
            if isinstance(error, sqlite3.Error) and not self._connection.in_transaction:
                raise  # a full disk ends the whole transaction: no unit of it is stored
            if alone:
                self._connection.rollback()
                return None, error
            self._connection.execute("ROLLBACK TO unit")
            self._connection.execute("RELEASE unit")
            return None, error  # whatever it is, it is the submitter's
        if not alone:
            self._connection.execute("RELEASE unit")
        return result, None


def _explain(error: sqlite3.Error) -> MusterError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return MusterError(Reason.DATABASE_BUSY, "The disk is full: nothing can be stored.", "Free some space.")
    if code == sqlite3.SQLITE_BUSY:
        return MusterError(Reason.DATABASE_BUSY, "Another process holds the database.", "Try again in a moment.")
    return MusterError(Reason.DATABASE_BUSY, f"The database cannot be written: {error}.", "See the server's log.")
