"""Brings a database to the tables of this version, and knows whether it is there already."""

from pathlib import Path

from sqlalchemy import Connection, create_engine, inspect, text

from muster_server.store.tables import metadata
from muster_shared_models.problems import MusterError, Reason

__all__ = ["HEAD", "migrate", "upgrade"]

#: The newest migration; a test holds it against `migrations/versions`. Comparing it saves loading Alembic.
HEAD = "0004"
#: As Alembic makes it.
_VERSION_TABLE = (
    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
    "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)


def migrate(url: str) -> None:
    """Apply missing migrations to the database at a SQLAlchemy URL; raises MusterError when it is newer."""
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            version = _version(connection)
            if version == HEAD:
                return
            if version is not None and version > HEAD:
                raise MusterError(
                    Reason.INVALID_SETTING,
                    f"The database was made by a newer Muster (its version is {version}, this one knows {HEAD}).",
                    "Start the newer Muster, or restore a backup.",
                )
            if version is None:
                _create(connection)
            else:
                upgrade(connection)
    finally:
        engine.dispose()


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    row = connection.execute(text("SELECT version_num FROM alembic_version")).first()
    return str(row[0]) if row else None


def _create(connection: Connection) -> None:
    """Make the tables of an empty database at once; tests hold them against what the migrations make."""
    metadata.create_all(connection)
    connection.execute(text(_VERSION_TABLE))
    connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})


def upgrade(connection: Connection) -> None:
    """Apply every migration that the database does not have yet."""
    from alembic import command  # noqa: PLC0415 - takes half a second, needed once per version
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
