"""The database, on SQLite and on PostgreSQL: units happen whole or not at all, in order, and survive."""

import asyncio
import re
import sqlite3
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import bindparam, insert, select

from muster_server.store import postgres
from muster_server.store.opening import database_epoch, open_store
from muster_server.store.schema import HEAD
from muster_server.store.store import Store
from muster_server.store.tables import meta
from muster_server.store.transaction import Transaction
from muster_shared_models.problems import MusterError, Reason

PUT = insert(meta)
ALL = select(meta.c.key, meta.c.value).where(meta.c.key != "last_transaction").order_by(meta.c.key)
GET = select(meta.c.value).where(meta.c.key == bindparam("wanted"))
MIGRATIONS = Path(__file__).parents[2] / "server/src/muster_server/store/migrations/versions"


def put(key: str, value: str = "") -> "object":
    return lambda tx: tx.run(PUT, key=key, value=value)


async def keys(store: Store) -> list[str]:
    return [row.key for row in await store.read(lambda tx: tx.all(ALL))]


async def test_what_was_written_is_read(store: Store) -> None:
    await store.write(put("a", "ü 👋 \x01"))  # type: ignore[arg-type]
    assert await store.read(lambda tx: tx.all(ALL)) == [("a", "ü 👋 \x01")]
    assert (await store.look(lambda tx: tx.one(GET, wanted="a"))) == ("ü 👋 \x01",)
    assert await store.look(lambda tx: tx.one(GET, wanted="z")) is None


async def test_nul_in_a_text_fails_nothing(store: Store) -> None:
    await store.write(put("a\0", "x\0y"))  # type: ignore[arg-type]
    [(key, value)] = await store.read(lambda tx: tx.all(ALL))
    assert (key.replace("\ufffd", "\0"), value.replace("\ufffd", "\0")) == ("a\0", "x\0y")
    assert await store.look(lambda tx: tx.one(GET, wanted="a\0")) == (value,)


async def test_a_failing_unit_leaves_nothing_and_harms_no_other(store: Store) -> None:
    def half(tx: Transaction) -> None:
        tx.run(PUT, key="half", value="")
        raise MusterError(Reason.INVALID_REQUEST, "no")

    futures = [store.write(put("a")), store.write(half), store.write(put("a")), store.write(put("b"))]  # type: ignore[arg-type]
    outcomes = await asyncio.gather(*futures, return_exceptions=True)

    assert outcomes[0] == 1
    assert isinstance(outcomes[1], MusterError)
    assert isinstance(outcomes[2], Exception)  # the key exists
    assert outcomes[3] == 1
    assert await keys(store) == ["a", "b"]


async def test_units_run_in_the_order_in_which_they_were_submitted(store: Store) -> None:
    seen: list[int] = []
    await asyncio.gather(*(store.write(lambda tx, n=n: seen.append(n)) for n in range(1000)))  # type: ignore[misc]
    # On PostgreSQL a batch may run again; what counts is that order never changes.
    assert seen == sorted(seen)


async def test_a_unit_sees_what_units_before_it_wrote(store: Store) -> None:
    first = store.write(put("a", "1"))  # type: ignore[arg-type]
    second = store.write(lambda tx: tx.one(GET, wanted="a"))
    assert await second == ("1",)
    await first


async def test_closing_finishes_what_waits(database_url: str, tmp_path: Path) -> None:
    store = await open_store(database_url, tmp_path)
    futures = [store.write(put(f"k{number:04}")) for number in range(500)]  # type: ignore[arg-type]
    await store.close()
    assert [future.result() for future in futures] == [1] * 500

    again = await open_store(database_url, tmp_path)
    assert len(await keys(again)) == 500
    await again.close()


async def test_what_comes_after_closing_is_refused(database_url: str, tmp_path: Path) -> None:
    store = await open_store(database_url, tmp_path)
    closing = asyncio.create_task(store.close())
    await asyncio.sleep(0)  # it has begun
    with pytest.raises(MusterError) as refused:
        await asyncio.wait_for(store.write(put("late")), 10)  # type: ignore[arg-type]
    assert refused.value.reason is Reason.DATABASE_BUSY
    await closing


async def test_the_epoch_is_the_databases(store: Store) -> None:
    assert await database_epoch(store) == await database_epoch(store)
    assert re.fullmatch(r"[0-9a-f]{16}", await database_epoch(store))


def test_head_is_the_newest_migration() -> None:
    revisions = [path.name.partition("_")[0] for path in MIGRATIONS.glob("*.py")]
    assert max(revisions) == HEAD


async def test_a_database_of_a_newer_muster_is_refused(tmp_path: Path) -> None:
    await (await open_store("", tmp_path)).close()
    with sqlite3.connect(tmp_path / "muster.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(MusterError, match="newer Muster") as refused:
        await open_store("", tmp_path)
    assert refused.value.reason is Reason.INVALID_SETTING


async def test_the_database_is_for_its_user_only(tmp_path: Path) -> None:
    await (await open_store("", tmp_path)).close()
    assert (tmp_path / "muster.db").stat().st_mode & 0o077 == 0


async def test_a_database_that_somebody_else_holds_makes_writers_wait_and_then_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("muster_messaging.commit.BUSY_TIMEOUT_S", 0.3)
    store = await open_store("", tmp_path)
    other = sqlite3.connect(tmp_path / "muster.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")

    with pytest.raises(MusterError) as refused:
        await store.write(put("a"))  # type: ignore[arg-type]
    assert refused.value.reason is Reason.DATABASE_BUSY

    waiting = store.write(put("b"))  # type: ignore[arg-type]
    await asyncio.sleep(0.05)
    other.execute("ROLLBACK")
    await waiting
    assert await keys(store) == ["b"]
    other.close()
    await store.close()


@pytest.mark.parametrize("url", ["mysql://x/y", "sqlite:///x.db", "nonsense"])
async def test_an_unknown_database_is_refused_in_words(url: str, tmp_path: Path) -> None:
    with pytest.raises(MusterError) as refused:
        await open_store(url, tmp_path)
    assert refused.value.reason is Reason.INVALID_SETTING


async def test_a_postgresql_that_is_not_there_is_told_without_the_password(tmp_path: Path) -> None:
    with pytest.raises(MusterError) as refused:
        await open_store("postgresql://user:hunter2@127.0.0.1:1/nothing", tmp_path)
    assert refused.value.reason is Reason.DATABASE_BUSY
    assert "hunter2" not in refused.value.detail + refused.value.hint


async def test_a_database_that_cannot_be_read_is_told_and_read_again_later(tmp_path: Path) -> None:
    store = await open_store("", tmp_path)
    await store.write(put("a"))  # type: ignore[arg-type]
    (tmp_path / "muster.db").rename(tmp_path / "elsewhere")

    with pytest.raises(MusterError, match="cannot be read") as refused:
        await keys(store)
    assert refused.value.reason is Reason.DATABASE_BUSY

    (tmp_path / "elsewhere").rename(tmp_path / "muster.db")
    assert await keys(store) == ["a"]
    await store.close()


@pytest.mark.postgres
async def test_lost_connections_are_replaced(postgres_url: str, tmp_path: Path) -> None:
    store = await open_store(postgres_url, tmp_path)
    await store.write(put("a"))  # type: ignore[arg-type]
    assert await keys(store) == ["a"]

    with psycopg.connect(postgres_url, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    assert await keys(store) == ["a"]
    await store.write(put("b"))  # type: ignore[arg-type]
    assert await keys(store) == ["a", "b"]
    await store.close()


@pytest.mark.postgres
async def test_whatever_ends_a_batch_the_next_one_is_written(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await open_store(postgres_url, tmp_path)
    with monkeypatch.context() as broken:
        broken.setattr(postgres, "_run", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await store.write(put("a"))  # type: ignore[arg-type]

    await store.write(put("b"))  # type: ignore[arg-type]
    assert await keys(store) == ["b"]
    await store.close()
