"""A server that dies between publish and confirm: its outbox still holds the message."""

import asyncio
import time
from asyncio import Future
from pathlib import Path

from muster_messaging.errors import BusError, Refused
from muster_messaging.message import Message
from muster_server.flow import outbox as outbox_module
from muster_server.flow.outbox import Forget, Outbox, Outgoing
from muster_server.store.opening import open_store
from muster_server.store.transaction import Transaction
from tests.agent.fake_bus import FakeBus
from tests.agent.waiting import until


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def note(name: str) -> Outgoing:
    return Outgoing(f"cnv_{name}", "exchange", "key", Message(f"msg_{name}", "note"))


async def test_what_was_not_confirmed_is_published_again_after_a_crash(tmp_path: Path) -> None:
    # Given one message that the bus confirms, and one that it does not
    store = await open_store("", tmp_path)
    bus = FakeBus()
    outbox = Outbox(store, bus, now_ms)
    sent = [note("known"), note("unknown")]
    rows = [await store.write(lambda tx, one=one: outbox.add(tx, one)) for one in sent]  # type: ignore[misc]
    outbox.offer(rows[0], sent[0])
    await until(lambda: bus.published)
    bus.holding = True
    outbox.offer(rows[1], sent[1])

    # When it has had time to forget, and is gone without a goodbye
    await asyncio.sleep(2 * outbox_module.FORGET_EVERY_S)
    outbox._lanes.close()
    await store.close()

    # Then the next one publishes what was not confirmed, under the same id, and nothing else
    again = await open_store("", tmp_path)
    second = FakeBus()
    after = Outbox(again, second, now_ms)
    assert await after.recover() == 1
    await until(lambda: second.published)
    assert [message.id for message in second.published] == ["msg_unknown"]
    await after.close()
    await again.close()


async def test_what_was_put_aside_is_not_published_after_a_crash(tmp_path: Path) -> None:
    # Given a message that the bus refuses for good, and that was put aside as a dead letter
    store = await open_store("", tmp_path)
    bus = FakeBus()
    bus.outcome = lambda _message: Refused("never")
    outbox = Outbox(store, bus, now_ms)
    aside: list[str] = []

    def keep(outgoing: Outgoing, _error: BusError, forget: Forget) -> "Future[None]":
        def unit(tx: Transaction) -> None:
            forget(tx)

        kept = store.write(unit)
        kept.add_done_callback(lambda _: aside.append(outgoing.message.id))
        return kept

    outbox.tells(keep)
    outbox.offer(await store.write(lambda tx: outbox.add(tx, note("refused"))), note("refused"))
    await until(lambda: aside)

    # When the server is gone at once
    outbox._lanes.close()
    await store.close()

    # Then the next one knows nothing of it
    again = await open_store("", tmp_path)
    after = Outbox(again, FakeBus(), now_ms)
    assert await after.recover() == 0
    await after.close()
    await again.close()
