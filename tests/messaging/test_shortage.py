"""Found by R10: what becomes of writes while the disk is full, or another process holds the database."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from muster_messaging.commit import GroupCommit, open_sqlite
from muster_messaging.embedded.bus import EmbeddedBus
from muster_messaging.embedded.server import EmbeddedQueueServer
from muster_messaging.errors import Transient
from muster_messaging.message import Message
from muster_messaging.topology import IN, PARKING, base_topology
from muster_shared_models.problems import MusterError, Reason


@contextmanager
def held(path: Path) -> Iterator[None]:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


async def test_a_publish_that_the_journal_cannot_store_may_be_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given an embedded queue server whose journal somebody else holds
    monkeypatch.setattr("muster_messaging.commit.BUSY_TIMEOUT_S", 0.1)
    server = EmbeddedQueueServer(tmp_path / "queues.db")
    bus = EmbeddedBus(server, "server")
    await bus.declare(base_topology(1))
    # Then a publish fails as the contract of buses says, so that its sender keeps the message
    with held(tmp_path / "queues.db"), pytest.raises(Transient, match="Another process holds the database"):
        await bus.publish(PARKING, IN, Message("msg_1", "note"))
    # And goes through later
    await bus.publish(PARKING, IN, Message("msg_1", "note"))
    await bus.close()
    await server.close()


async def test_nobody_waits_longer_for_a_held_database_however_many_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a database that is held, and somebody who waits for it already
    monkeypatch.setattr("muster_messaging.commit.BUSY_TIMEOUT_S", 1000.0)
    connection = open_sqlite(tmp_path / "x.db")
    commit = GroupCommit(connection)
    with held(tmp_path / "x.db"):
        first = commit.submit(lambda _: None)
        await asyncio.sleep(0.05)
        second = commit.submit(lambda _: None)
        # When the time of both has passed, by the clock of the commits
        clock = asyncio.get_running_loop().time
        monkeypatch.setattr(commit._loop, "time", lambda: clock() + 1001)
        failed, _ = await asyncio.wait((first,), timeout=10)
        assert failed
        # Then the second fails at once: it has waited long enough
        failed, _ = await asyncio.wait((second,), timeout=10)
        assert failed
        assert {future.exception().reason for future in (first, second)} == {Reason.DATABASE_BUSY}  # type: ignore[union-attr]
    monkeypatch.undo()
    await commit.close()
    connection.close()


async def test_a_disk_that_is_full_in_the_middle_of_a_transaction_stores_nothing_of_it(tmp_path: Path) -> None:
    # Given a database that may not grow
    connection = open_sqlite(tmp_path / "x.db")
    connection.execute("CREATE TABLE t (x BLOB)")
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    commit = GroupCommit(connection)

    # When one of several units needs more room than there is, SQLite gives the whole transaction up
    sizes = (1, 100_000, 1)
    units = [
        commit.submit(lambda db, size=size: db.execute("INSERT INTO t VALUES (zeroblob(?))", (size,)))  # type: ignore[misc]
        for size in sizes
    ]

    # Then each is told why, and may be tried again
    for unit in units:
        with pytest.raises(MusterError, match="disk is full") as refused:
            await unit
        assert refused.value.reason is Reason.DATABASE_BUSY
    await commit.submit(lambda db: db.execute("INSERT INTO t VALUES (x'00')"))
    assert connection.execute("SELECT count(*) FROM t").fetchone() == (1,)
    await commit.close()
    connection.close()
