"""One server at a time works on a PostgreSQL database: a second one is refused, one that lost its hold ends."""

import asyncio
from pathlib import Path

import httpx2
import psycopg
import pytest

from muster_server.store import holding, postgres
from muster_server.store.holding import LOCK
from muster_server.store.opening import open_store
from muster_shared_models.problems import MusterError, Reason
from tests.server.running import eventually, running_server
from tests.server.test_start import start

LOCKS = (
    "FROM pg_locks JOIN pg_database ON pg_database.oid = database"
    " WHERE locktype = 'advisory' AND datname = current_database()"
)
HOLDER = f"SELECT pid {LOCKS} AND granted"
IN_LINE = f"SELECT pid {LOCKS} AND NOT granted"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holding, "WAIT_S", 1)
    monkeypatch.setattr(postgres, "LOOK_S", 0.05)


async def test_a_second_server_on_the_same_database_is_refused_until_the_first_has_ended(
    postgres_url: str, tmp_path: Path
) -> None:
    async with running_server(tmp_path / "one", database_url=postgres_url) as one:
        error = await start(tmp_path / "two", database_url=postgres_url)
        assert error.reason is Reason.DATA_DIR_IN_USE
        assert postgres_url.rpartition("/")[2] in error.detail
        await one.get("/api/v1/agents")
    async with running_server(tmp_path / "two", database_url=postgres_url):
        pass


async def test_a_server_waits_for_one_that_is_about_to_end(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holding, "WAIT_S", 10)
    first = await open_store(postgres_url, tmp_path)
    second = asyncio.create_task(open_store(postgres_url, tmp_path))
    with psycopg.connect(postgres_url, autocommit=True) as other:
        await eventually(lambda: other.execute(IN_LINE).fetchone())
    await first.close()
    await (await second).close()


async def test_a_hold_that_was_lost_is_taken_again(postgres_url: str, tmp_path: Path) -> None:
    async with running_server(tmp_path / "one", database_url=postgres_url) as one:
        with psycopg.connect(postgres_url, autocommit=True) as other:
            lost = other.execute(HOLDER).fetchone()
            other.execute("SELECT pg_terminate_backend(%s)", lost)
            await eventually(lambda: other.execute(HOLDER).fetchone() not in (lost, None))
        assert (await start(tmp_path / "two", database_url=postgres_url)).reason is Reason.DATA_DIR_IN_USE
        await one.join_token()


async def taken_over(postgres_url: str, folder: Path) -> None:
    """Run a server until another one has its database, and return when it has ended."""
    async with running_server(folder, database_url=postgres_url) as one:
        with (
            psycopg.connect(postgres_url, autocommit=True) as other,
            psycopg.connect(postgres_url, autocommit=True) as third,
        ):
            # The next in line has it the moment it is free.
            taking = asyncio.create_task(asyncio.to_thread(other.execute, f"SELECT pg_advisory_lock({LOCK})"))
            await eventually(lambda: third.execute(IN_LINE).fetchone())
            third.execute("SELECT pg_terminate_backend(%s)", third.execute(HOLDER).fetchone())
            await taking
            answer = await one.http.post("/api/v1/join-tokens", json={"kind": "agent"})
            assert answer.json()["reason"] == Reason.DATA_DIR_IN_USE

            async def gone() -> bool:
                try:
                    await one.http.get("/api/v1/agents")
                except httpx2.TransportError:
                    return True
                return False

            await eventually(gone)


async def test_a_server_whose_database_another_has_taken_ends_and_writes_nothing(
    postgres_url: str, tmp_path: Path
) -> None:
    with pytest.raises(MusterError) as ended:
        await taken_over(postgres_url, tmp_path)
    assert ended.value.reason is Reason.DATA_DIR_IN_USE


async def test_a_connection_that_only_the_server_lost_does_not_stand_in_its_way(
    postgres_url: str, tmp_path: Path
) -> None:
    mine = holding.Holding(postgres_url)
    lost = mine.connection()
    mine._connection = None  # what the network does: PostgreSQL still has the other end
    found = mine.connection()
    assert found.execute("SELECT 1").fetchone() == (1,)
    with pytest.raises(psycopg.OperationalError):
        lost.execute("SELECT 1")
    mine.close()
