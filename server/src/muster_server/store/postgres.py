"""The store on PostgreSQL: a thread writes, on the connection that holds the database, a few read."""

import asyncio
import queue
import secrets
import threading
import time
from asyncio import Future
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn, TypeVar

import structlog
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from muster_server.store.holding import Holding, connect
from muster_server.store.store import unreadable
from muster_server.store.transaction import Transaction
from muster_shared_models.problems import MusterError, Reason

__all__ = ["PostgresStore"]

T = TypeVar("T")

log = structlog.get_logger()

BATCH = 200
READERS = 4
#: Tries of a batch that a lock or a lost connection broke.
TRIES = 5
#: How often the hold on the database is looked after when nothing is written.
LOOK_S = 2.0

#: How long, and how often, a PostgreSQL that was lost at a COMMIT is asked what it did.
ASK_S, ASK_EVERY_S = 15.0, 0.1

#: Every transaction that changes something leaves its mark, so that one whose COMMIT got no answer can be looked for.
#: Not PostgreSQL's own numbers of transactions: after a crash those that were lost are given out again.
_LAST = "last_transaction"
_MARK = (
    "INSERT INTO meta (key, value) SELECT %s, %s WHERE pg_current_xact_id_if_assigned() IS NOT NULL"
    " ON CONFLICT (key) DO UPDATE SET value = excluded.value"
)
_MARKED = "SELECT value FROM meta WHERE key = %s"

Item = tuple[Callable[[Transaction], Any], "Future[Any]"]


class PostgresStore:
    """A `Store` on a PostgreSQL database that `holding` holds; it is closed with the store."""

    def __init__(self, url: str, holding: Holding) -> None:
        self._url, self._holding = url, holding
        #: The connection that the writer's transaction belongs to.
        self._written: tuple[Any, Transaction] | None = None
        #: The mark of a transaction of which nobody knows whether it happened.
        self._doubt: str | None = None
        #: Why nothing may be written any more.
        self._ended: MusterError | None = None
        self._loop = asyncio.get_running_loop()
        self._units: queue.Queue[Item | None] = queue.Queue(maxsize=20_000)
        self._closing = False
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="read")
        self._local = threading.local()
        self._opened: list[Any] = []
        self._writer = threading.Thread(target=self._write_all, name="database", daemon=True)
        self._writer.start()

    def write(self, unit: Callable[[Transaction], T]) -> "Future[T]":
        """Run a unit with others in one transaction."""
        future: Future[T] = self._loop.create_future()
        # What came behind the end would wait for ever.
        if self._closing or self._units.full():
            future.set_exception(MusterError(Reason.DATABASE_BUSY, "Too many writes wait.", "Try again in a moment."))
        else:
            self._units.put_nowait((unit, future))
        return future

    async def read(self, unit: Callable[[Transaction], T]) -> T:
        """Run a reading unit in a thread."""
        return await self._loop.run_in_executor(self._readers, self._read, unit)

    async def look(self, unit: Callable[[Transaction], T]) -> T:
        """Run a reading unit in a thread."""
        return await self.read(unit)

    async def close(self) -> None:
        """Finish what waits, then disconnect."""
        self._closing = True
        await asyncio.to_thread(self._units.put, None)
        await asyncio.to_thread(self._writer.join)
        self._readers.shutdown()
        for connection in self._opened:
            connection.close()
        self._holding.close()

    async def watch(self) -> None:
        """Raise why nothing may be written any more, as soon as that is so."""
        while self._ended is None:
            await asyncio.sleep(LOOK_S)
            # That PostgreSQL is away for a moment is told to all who write: no reason to end.
            await asyncio.gather(self.write(lambda _: None), return_exceptions=True)
        raise self._ended

    def _session(self) -> tuple[Any, Transaction]:
        connection = getattr(self._local, "connection", None)
        if connection is None or connection.closed:
            connection = self._local.connection = connect(self._url, "muster reads")
            self._opened.append(connection)
            self._local.transaction = Transaction(connection, PGDialect_psycopg())
        return connection, self._local.transaction

    def _read(self, unit: Callable[[Transaction], T]) -> T:
        import psycopg  # noqa: PLC0415 - an extra

        for tries in range(2):
            known = getattr(self._local, "connection", None)
            try:
                connection, transaction = self._session()
                with connection.transaction():
                    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                    return unit(transaction)
            except psycopg.OperationalError as error:
                # A connection that was lost since the last read says so only now: a new one may do.
                if tries or known is None or not known.closed:
                    raise unreadable(error) from error
        raise AssertionError("the second try returns or raises")

    def _write_all(self) -> None:
        is_end = False
        while not is_end and (item := self._units.get()) is not None:
            batch = [item]
            while len(batch) < BATCH and not self._units.empty() and not is_end:
                following = self._units.get()
                if following is None:
                    is_end = True
                else:
                    batch.append(following)
            outcomes = self._write_batch([unit for unit, _ in batch])
            self._loop.call_soon_threadsafe(_settle, [future for _, future in batch], outcomes)

    def _write_batch(self, units: list[Callable[[Transaction], Any]]) -> list[tuple[Any, Exception | None]]:
        try:
            return self._write_once(units)
        except Exception as failure:  # noqa: BLE001 - it ends these units, not the thread for all that come
            return [(None, failure)] * len(units)

    def _write_once(self, units: list[Callable[[Transaction], Any]]) -> list[tuple[Any, Exception | None]]:
        """Return what became of units that were stored; raises MusterError otherwise, or when nobody knows."""
        import psycopg  # noqa: PLC0415 - an extra

        error: psycopg.Error | None = None
        for _ in range(TRIES):
            mark, outcomes = secrets.token_hex(8), None
            try:
                self._resolve_doubt()
                connection, transaction = self._writing()
                with connection.transaction():
                    ran = [_run(connection, transaction, unit) for unit in units]
                    connection.execute(_MARK, (_LAST, mark))
                    outcomes = ran
            except psycopg.Error as failure:
                error = failure
            else:
                return ran
            # Units that ran a second time would find what they did the first time, and take themselves for doubles.
            if outcomes is not None and self._is_stored(mark):
                return outcomes
        raise MusterError(Reason.DATABASE_BUSY, f"PostgreSQL cannot be written: {error}", "See the server's log.")

    def _is_stored(self, mark: str) -> bool:
        """Tell whether the transaction with `mark`, whose COMMIT failed, happened; raises MusterError after ASK_S."""
        import psycopg  # noqa: PLC0415 - an extra

        give_up_at = time.monotonic() + ASK_S
        while True:
            try:
                return self._last_mark() == mark
            except psycopg.Error as error:
                if time.monotonic() > give_up_at:
                    self._doubt = mark
                    detail = f"PostgreSQL was lost while it stored this. Whether it did is not known: {error}"
                    raise MusterError(Reason.DATABASE_BUSY, detail, "Look before you try again.") from error
            time.sleep(ASK_EVERY_S)  # in the writer's own thread: who waits for it must not write meanwhile

    def _resolve_doubt(self) -> None:
        """Find out what became of the transaction that was given up; raises MusterError when it did happen."""
        if self._doubt is None:
            return
        if self._last_mark() == self._doubt:
            self._end("PostgreSQL stored what it was thought to have lost. The server must start again to know of it.")
        self._doubt = None

    def _last_mark(self) -> str | None:
        # With the lock held again, every transaction before is over: what is read here stays true.
        row = self._writing()[0].execute(_MARKED, (_LAST,)).fetchone()
        return row and str(row[0])

    def _writing(self) -> tuple[Any, Transaction]:
        """Return the connection that holds the database; raises psycopg.OperationalError, or why there is none ever."""
        if self._ended is not None:
            raise self._ended
        try:
            connection = self._holding.connection()
        except MusterError as error:  # another server has it, and writes to it
            self._end(error.detail, error)
        if self._written is None or self._written[0] is not connection:
            self._written = connection, Transaction(connection, PGDialect_psycopg())
        return self._written

    def _end(self, detail: str, cause: MusterError | None = None) -> NoReturn:
        """Write nothing any more; `watch` tells."""
        self._ended = cause or MusterError(Reason.DATABASE_BUSY, detail, "Start the server again.")
        log.error("nothing may be written any more", detail=detail)
        raise self._ended


def _run(connection: Any, transaction: Transaction, unit: Callable[[Transaction], T]) -> tuple[T | None, Any]:
    import psycopg  # noqa: PLC0415 - an extra

    try:
        with connection.transaction():
            return unit(transaction), None
    except psycopg.OperationalError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the submitter's
        return None, error


def _settle(futures: list["Future[Any]"], outcomes: list[tuple[Any, Exception | None]]) -> None:
    for future, (result, error) in zip(futures, outcomes, strict=True):
        if future.done():
            continue
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
