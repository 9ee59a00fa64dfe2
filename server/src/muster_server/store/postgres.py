"""The store on PostgreSQL: a thread with a connection writes, a few read. psycopg is an extra: imported late."""

import asyncio
import queue
import threading
from asyncio import Future
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from muster_server.store.store import unreadable
from muster_server.store.transaction import Transaction
from muster_shared_models.problems import MusterError, Reason

__all__ = ["PostgresStore"]

T = TypeVar("T")

BATCH = 200
READERS = 4
#: Tries of a batch that a concurrent server or a lost connection broke.
TRIES = 5

_SESSION = (
    "SET synchronous_commit TO on; SET lock_timeout TO '3s'; SET statement_timeout TO '15s';"
    " SET idle_in_transaction_session_timeout TO '10s'"
)

Item = tuple[Callable[[Transaction], Any], "Future[Any]"]


class PostgresStore:
    """A `Store` on a PostgreSQL database."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._loop = asyncio.get_running_loop()
        self._units: queue.Queue[Item | None] = queue.Queue(maxsize=20_000)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="read")
        self._local = threading.local()
        self._opened: list[Any] = []
        self._writer = threading.Thread(target=self._write_all, name="database", daemon=True)
        self._writer.start()

    def write(self, unit: Callable[[Transaction], T]) -> "Future[T]":
        """Run a unit with others in one transaction."""
        future: Future[T] = self._loop.create_future()
        try:
            self._units.put_nowait((unit, future))
        except queue.Full:
            future.set_exception(MusterError(Reason.DATABASE_BUSY, "Too many writes wait.", "Try again in a moment."))
        return future

    async def read(self, unit: Callable[[Transaction], T]) -> T:
        """Run a reading unit in a thread."""
        return await self._loop.run_in_executor(self._readers, self._read, unit)

    async def look(self, unit: Callable[[Transaction], T]) -> T:
        """Run a reading unit in a thread."""
        return await self.read(unit)

    async def close(self) -> None:
        """Finish what waits, then disconnect."""
        await asyncio.to_thread(self._units.put, None)
        await asyncio.to_thread(self._writer.join)
        self._readers.shutdown()
        for connection in self._opened:
            connection.close()

    def _connect(self) -> Any:
        import psycopg  # noqa: PLC0415 - an extra: only servers on PostgreSQL install it

        connection = psycopg.connect(self._url, autocommit=True, connect_timeout=10, client_encoding="utf8")
        connection.execute(_SESSION)
        connection.adapters.register_dumper(str, _dumper())
        self._opened.append(connection)
        return connection

    def _session(self) -> tuple[Any, Transaction]:
        connection = getattr(self._local, "connection", None)
        if connection is None or connection.closed:
            connection = self._local.connection = self._connect()
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
        while (item := self._units.get()) is not None:
            batch = [item]
            while len(batch) < BATCH and not self._units.empty():
                following = self._units.get()
                if following is None:
                    self._units.put(None)
                    break
                batch.append(following)
            outcomes = self._write_batch([unit for unit, _ in batch])
            self._loop.call_soon_threadsafe(_settle, [future for _, future in batch], outcomes)

    def _write_batch(self, units: list[Callable[[Transaction], Any]]) -> list[tuple[Any, Exception | None]]:
        import psycopg  # noqa: PLC0415 - an extra

        error: psycopg.Error | None = None
        for _ in range(TRIES):
            try:
                connection, transaction = self._session()
                with connection.transaction():
                    return [_run(connection, transaction, unit) for unit in units]
            except (psycopg.OperationalError, psycopg.errors.UniqueViolation) as failure:
                error = failure
            except Exception as failure:  # noqa: BLE001 - it ends these units, not the thread for all that come
                return [(None, failure)] * len(units)
        problem = MusterError(Reason.DATABASE_BUSY, f"PostgreSQL cannot be written: {error}", "See the server's log.")
        return [(None, problem)] * len(units)


def _dumper() -> type[Any]:
    """Return what writes texts. PostgreSQL has no NUL in them: it becomes U+FFFD, so that no text can fail a unit."""
    from psycopg.adapt import Dumper  # noqa: PLC0415 - an extra

    class WithoutNul(Dumper):  # type: ignore[misc]
        def dump(self, obj: str) -> bytes:
            return obj.replace("\0", "\ufffd").encode()

    return WithoutNul


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
