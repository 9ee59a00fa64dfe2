"""Found by R10: the outbox while the database or the queue server cannot write."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select

from muster_messaging.message import Message
from muster_server.clock import system_clock
from muster_server.flow import outbox as outbox_module
from muster_server.flow.outbox import Outbox, Outgoing
from muster_server.store.opening import open_store
from muster_server.store.store import Store
from muster_server.store.tables import outbox as rows
from muster_shared_models.problems import MusterError, Reason
from tests.agent.fake_bus import FakeBus
from tests.messaging.test_shortage import held
from tests.server.running import eventually

_COUNT = select(func.count()).select_from(rows)
OUTGOING = Outgoing("cnv_1", "exchange", "key", Message("msg_1", "note"))


async def stored(store: Store) -> int:
    return int((await store.read(lambda tx: tx.one(_COUNT)))[0])  # type: ignore[index]


async def test_a_confirmed_message_is_forgotten_when_the_database_can_write_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a message that is confirmed while somebody else holds the database
    monkeypatch.setattr("muster_messaging.commit.BUSY_TIMEOUT_S", 0.1)
    monkeypatch.setattr(outbox_module, "FORGET_EVERY_S", 0.01)
    monkeypatch.setattr(outbox_module, "FORGET_AGAIN_S", 0.05)
    store = await open_store("", tmp_path)
    bus = FakeBus()
    outbox = Outbox(store, bus, system_clock())
    row = await store.write(lambda tx: outbox.add(tx, OUTGOING))
    refused = asyncio.Event()
    forgotten = outbox._forgotten

    def noted(rows: list[int], done: "asyncio.Future[None]") -> None:
        refused.set()
        forgotten(rows, done)

    monkeypatch.setattr(outbox, "_forgotten", noted)
    with held(tmp_path / "muster.db"):
        outbox.offer(row, OUTGOING)
        await refused.wait()
        assert await stored(store) == 1

    # Then it is forgotten soon after, and not published again by the next server
    async def gone() -> bool:
        return await stored(store) == 0

    await eventually(gone)
    await outbox.close()
    await store.close()


async def test_a_message_of_which_nobody_knows_what_became_is_kept(tmp_path: Path) -> None:
    # Given a bus that fails with something that buses do not fail with
    store = await open_store("", tmp_path)
    bus = FakeBus()
    bus.outcome = lambda _message: MusterError(Reason.DATABASE_BUSY, "Not one of ours.")  # type: ignore[assignment, return-value]
    outbox = Outbox(store, bus, system_clock())
    row = await store.write(lambda tx: outbox.add(tx, OUTGOING))
    outbox.offer(row, OUTGOING)
    await eventually(lambda: not outbox.waiting)
    await outbox.close()

    # Then its row is there, for the next start
    assert await stored(store) == 1
    await store.close()


@pytest.mark.parametrize(("limit", "most"), [("LIMIT", 2), ("LIMIT_BYTES", 3000)])
async def test_what_is_stored_is_published_however_much_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, most: int
) -> None:
    # Given more stored messages than are accepted at a time
    monkeypatch.setattr(outbox_module, limit, most)
    store = await open_store("", tmp_path)
    left = Outbox(store, FakeBus(), system_clock())
    outgoing = replace(OUTGOING, message=Message("msg_1", "note", bytes(1000)))
    for _ in range(3):
        await store.write(lambda tx: left.add(tx, outgoing))

    # When the next server publishes them
    bus = FakeBus()
    bus.holding = True
    outbox = Outbox(store, bus, system_clock())
    assert await outbox.recover() == outbox.waiting == 3

    # Then nothing more is accepted until there is room
    with pytest.raises(MusterError) as refusal:
        outbox.need_room()
    assert refusal.value.reason is Reason.OVERLOADED
    bus.release()
    await eventually(lambda: not outbox.waiting)
    outbox.need_room()
    await outbox.close()
    await store.close()
