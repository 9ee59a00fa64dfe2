"""Brings a database to the tables of this version, and knows whether it is there already."""

from pathlib import Path

from sqlalchemy import Connection, create_engine, inspect, text

from muster_shared_models.problems import MusterError, Reason

__all__ = ["HEAD", "migrate"]

#: The newest migration; a test holds it against `migrations/versions`. Comparing it saves loading Alembic.
HEAD = "0002"


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
            _upgrade(connection)
    finally:
        engine.dispose()


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    row = connection.execute(text("SELECT version_num FROM alembic_version")).first()
    return str(row[0]) if row else None


def _upgrade(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - takes a third of a second, needed once per version
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
