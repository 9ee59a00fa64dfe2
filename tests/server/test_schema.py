"""The tables as code describes them, as the migrations make them, and as the statements use them."""

import re
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.sql import Delete, Select, Update

from muster_server.access import store as access
from muster_server.agents import store as agents
from muster_server.commands import service as pushing
from muster_server.commands import store as commands
from muster_server.conversations import sending
from muster_server.conversations import store as conversations
from muster_server.deadletters import store as letters
from muster_server.flow import doubles, inbox, outbox
from muster_server.store.opening import open_store
from muster_server.store.schema import HEAD, migrate, upgrade
from muster_server.store.store import Store
from muster_server.store.tables import idempotency, metadata
from muster_server.store.tables import inbox as inbox_table

#: Read whole, once, when the server starts, or only ever with conditions added.
WHOLE = {"conversations._OPEN", "deadletters._VIEW", "agents._ALL", "flow._ALL"}
MODULES = (access, agents, commands, pushing, conversations, sending, letters, doubles, inbox, outbox)


def statements() -> list[tuple[str, str]]:
    found = []
    for module in MODULES:
        for name, value in vars(module).items():
            label = f"{module.__name__.split('.')[-2]}._{name.lstrip('_')}"
            if isinstance(value, Select | Update | Delete):
                compiled = value.compile(dialect=SQLiteDialect_pysqlite(), compile_kwargs={"render_postcompile": True})
                found.append((label, str(compiled)))
    return found


async def test_the_migrations_make_the_tables_of_the_code(store: Store, database_url: str, tmp_path: Path) -> None:
    """A new database is made from the code at once, an old one by the migrations: both end at the same tables."""
    url = database_url.replace("postgresql://", "postgresql+psycopg://") or f"sqlite:///{tmp_path}/migrated.db"
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        metadata.drop_all(connection)
        connection.execute(sa.text("DROP TABLE IF EXISTS alembic_version"))
        upgrade(connection)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one() == HEAD
    engine.dispose()


def layout(path: Path) -> set[tuple[str, str]]:
    """Return every table and index of a SQLite file: its name, and how it is made, its parts in any order."""
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    connection.close()
    return {(name, " ".join(sorted(re.findall(r"\w+|[^\w\s,]", sql)))) for name, sql in rows}


def test_a_new_database_is_made_as_the_migrations_make_it(tmp_path: Path) -> None:
    migrate(f"sqlite:///{tmp_path}/new.db")
    engine = sa.create_engine(f"sqlite:///{tmp_path}/migrated.db")
    with engine.begin() as connection:
        upgrade(connection)
    engine.dispose()
    assert layout(tmp_path / "new.db") == layout(tmp_path / "migrated.db")


@pytest.mark.parametrize(("name", "sql"), [pytest.param(*each, id=each[0]) for each in statements()])
async def test_no_statement_walks_a_whole_table(name: str, sql: str, tmp_path: Path) -> None:
    if name in WHOLE:
        return
    await (await open_store("", tmp_path)).close()
    with sqlite3.connect(next(tmp_path.glob("*.db"))) as connection:
        plan = connection.execute(f"EXPLAIN QUERY PLAN {sql}", [None] * sql.count("?")).fetchall()
    connection.close()
    steps = [row[3] for row in plan]
    # A list read newest first along an index ends at its LIMIT.
    walks = [step for step in steps if step.startswith("SCAN") and not ("INDEX" in step and "LIMIT" in sql)]
    assert not walks, steps
    sorts = [step for step in steps if "TEMP B-TREE" in step and "LIMIT" in sql]
    assert not sorts, steps  # the first few of a list must not cost a look at all of it


async def test_old_doubles_are_forgotten_and_young_ones_are_not(store: Store) -> None:
    now = 100 * 86_400_000
    old, young = now - doubles.KEPT_MS - 1, now - doubles.KEPT_MS + 1
    rows = [{"message_id": f"old{n}", "at": old} for n in range(1200)] + [{"message_id": "young", "at": young}]
    keys = [{"key": row["message_id"], "fingerprint": b"", "answer": "", "at": row["at"]} for row in rows[1100:]]
    await store.write(lambda tx: tx.run_many(sa.insert(inbox_table), rows))
    await store.write(lambda tx: tx.run_many(sa.insert(idempotency), keys))

    await doubles.Doubles(store, lambda: now).sweep()

    left = await store.read(lambda tx: tx.all(sa.select(inbox_table.c.message_id)))
    assert left == [("young",)]
    assert await store.read(lambda tx: tx.all(sa.select(idempotency.c.key))) == [("young",)]
