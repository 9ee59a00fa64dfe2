"""The one connection that writes to PostgreSQL. It holds a lock on the database, which only its holder may write to:
PostgreSQL lets go of the lock when the connection ends, so a server that has lost it cannot write beside the next one.
"""

import secrets
from typing import Any

from muster_shared_models.problems import MusterError, Reason

__all__ = ["Holding", "connect"]

#: The lock's number, "muster" in ASCII. PostgreSQL keeps such locks apart by database.
LOCK = 0x6D7573746572
#: How long another server may still hold the lock: PostgreSQL takes a moment to notice that one was killed.
WAIT_S = 10
#: Connections that nobody answers on are lost after 20 s, on both sides.
_ALIVE = {"keepalives_idle": 5, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 20_000}
_SESSION = (
    "SET synchronous_commit TO on; SET lock_timeout TO '3s'; SET statement_timeout TO '15s';"
    " SET idle_in_transaction_session_timeout TO '10s';"
    " SET tcp_keepalives_idle TO 5; SET tcp_keepalives_interval TO 5; SET tcp_keepalives_count TO 3"
)
_END_LAST = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE application_name = %s AND datname = current_database() AND pid <> pg_backend_pid()"
)


def connect(url: str, name: str) -> Any:
    """Return a connection that PostgreSQL lists as `name`; raises psycopg.OperationalError when there is none."""
    import psycopg  # noqa: PLC0415 - an extra: only servers on PostgreSQL install it

    connection = psycopg.connect(
        url, autocommit=True, connect_timeout=10, client_encoding="utf8", application_name=name, **_ALIVE
    )
    connection.execute(_SESSION)
    connection.adapters.register_dumper(str, _dumper())
    return connection


class Holding:
    """The hold on a database. Used by one thread at a time."""

    def __init__(self, url: str) -> None:
        self._url = url
        #: Nobody else has this name: by it the next connection finds the one that was lost.
        self._name = f"muster-{secrets.token_hex(8)}"
        self._connection: Any = None

    def connection(self) -> Any:
        """Return the connection that holds the database, a new one when it was lost.

        Raises psycopg.OperationalError when there is none, DATA_DIR_IN_USE when another server holds the database.
        """
        if self._connection is None or self._connection.closed:
            self._connection = self._take()
        return self._connection

    def close(self) -> None:
        """Let go."""
        if self._connection is not None:
            self._connection.close()

    def _take(self) -> Any:
        import psycopg  # noqa: PLC0415 - an extra

        connection = connect(self._url, self._name)
        try:
            # PostgreSQL may not know yet that the connection before was lost. Its transaction is over with the lock.
            connection.execute(_END_LAST, (self._name,))
            connection.execute(f"SET lock_timeout TO '{WAIT_S}s'")
            connection.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
            connection.execute("SET lock_timeout TO '3s'")
        except psycopg.errors.LockNotAvailable:
            error = _in_use(connection.info.dbname)
            connection.close()
            raise error from None
        except BaseException:
            connection.close()
            raise
        return connection


def _in_use(database: str) -> MusterError:
    return MusterError(
        Reason.DATA_DIR_IN_USE,
        f"Another Muster server uses the PostgreSQL database {database}.",
        "Stop it, or name another database with MUSTER_DATABASE_URL.",
    )


def _dumper() -> type[Any]:
    """Return what writes texts. PostgreSQL has no NUL in them: it becomes U+FFFD, so that no text can fail a unit."""
    from psycopg.adapt import Dumper  # noqa: PLC0415 - an extra

    class WithoutNul(Dumper):  # type: ignore[misc]
        def dump(self, obj: str) -> bytes:
            return obj.replace("\0", "\ufffd").encode()

    return WithoutNul
