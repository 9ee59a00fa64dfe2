"""Opens the database that the settings name, brought to this version's tables."""

import asyncio
import secrets
from pathlib import Path

import sqlalchemy.exc
from sqlalchemy import bindparam, insert, select

from muster_server.store.holding import Holding
from muster_server.store.schema import migrate
from muster_server.store.store import SqliteStore, Store
from muster_server.store.tables import meta
from muster_server.store.transaction import Transaction
from muster_shared_models.problems import MusterError, Reason

__all__ = ["database_epoch", "open_store"]

_GET = select(meta.c.value).where(meta.c.key == bindparam("wanted"))
_PUT = insert(meta)


async def open_store(database_url: str, data_dir: Path) -> Store:
    """Return the store; raises INVALID_SETTING, DATABASE_BUSY or DATA_DIR_IN_USE in words for people."""
    if not database_url:
        path = data_dir / "muster.db"
        await asyncio.to_thread(migrate, f"sqlite:///{path}")
        path.chmod(0o600)
        return SqliteStore(path)
    if not database_url.startswith(("postgresql://", "postgres://")):
        raise MusterError(
            Reason.INVALID_SETTING,
            "MUSTER_DATABASE_URL names a database that Muster does not know.",
            "Leave it empty for SQLite, or write postgresql://user:password@host/name.",
        )
    return await _open_postgres("postgresql" + database_url[database_url.index("://") :])


async def _open_postgres(url: str) -> Store:
    from muster_server.store.postgres import PostgresStore  # noqa: PLC0415 - psycopg is an extra

    holding = Holding(url)
    try:
        await asyncio.to_thread(_prepare, holding, url)
    except BaseException:
        holding.close()
        raise
    return PostgresStore(url, holding)


def _prepare(holding: Holding, url: str) -> None:
    """Take hold of the database before anything in it is read, then bring it to this version's tables."""
    try:
        import psycopg  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise MusterError(
            Reason.TOOL_MISSING, "PostgreSQL needs the package psycopg.", "Install muster-server[postgres]."
        ) from error
    try:
        holding.connection()
        migrate(url.replace("postgresql://", "postgresql+psycopg://", 1))
    except (psycopg.OperationalError, sqlalchemy.exc.OperationalError) as error:
        # The driver's own words name host and database, and no password.
        told = getattr(error, "orig", error)
        raise MusterError(
            Reason.DATABASE_BUSY, f"PostgreSQL cannot be reached: {told}", "Is MUSTER_DATABASE_URL right?"
        ) from error


async def database_epoch(store: Store) -> str:
    """Return what changes when the database is another one: clients then begin anew."""

    def unit(tx: Transaction) -> str:
        row = tx.one(_GET, wanted="epoch")
        if row is None:
            epoch = secrets.token_hex(8)
            tx.run(_PUT, key="epoch", value=epoch)
            return epoch
        return str(row.value)

    return await store.write(unit)
