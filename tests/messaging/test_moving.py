"""A message that dies on the embedded queue server is in its old queue or in its next one, whatever the disk does."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from muster_messaging.embedded.bus import EmbeddedBus
from muster_messaging.embedded.server import EmbeddedQueueServer
from muster_messaging.topology import Queue
from tests.messaging.test_shortage import held
from tests.messaging.transcript import DESK, a_desk, eventually, ids, message, publish_all, take

MORTAL, DEAD, RETRY = "mortal", "cemetery", "retry"
QUEUES = (
    Queue(DEAD, single_active=False),
    Queue(MORTAL, dead_letter_exchange=DESK, dead_letter_key=DEAD),
    Queue(RETRY, dead_letter_exchange=DESK, dead_letter_key=DEAD, ttl_ms=100),
)


class Refusals:
    """How often the disk refused something."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        monkeypatch.setattr("muster_messaging.commit.BUSY_TIMEOUT_S", 0.1)
        refused = EmbeddedQueueServer._not_stored

        def counted(server: EmbeddedQueueServer, *args: Any) -> None:
            self.count += 1
            refused(server, *args)

        monkeypatch.setattr(EmbeddedQueueServer, "_not_stored", counted)

    async def further(self, count: int = 1) -> None:
        """Return when there were so many more."""
        enough = self.count + count
        await eventually(lambda: self.count >= enough, "the disk refuses")


@pytest.fixture
def refusals(monkeypatch: pytest.MonkeyPatch) -> Refusals:
    return Refusals(monkeypatch)


async def opened(folder: Path) -> tuple[EmbeddedQueueServer, EmbeddedBus]:
    server = EmbeddedQueueServer(folder / "queues.db")
    bus = EmbeddedBus(server, "server")
    await a_desk(bus, *QUEUES)
    return server, bus


async def test_what_expires_while_somebody_holds_the_database_moves_later(tmp_path: Path, refusals: Refusals) -> None:
    server, bus = await opened(tmp_path)
    await publish_all(bus, RETRY, [message(number) for number in range(3)])

    with held(tmp_path / "queues.db"):
        await refusals.further(2)
        info = await bus.queue_info(RETRY)
        assert info is not None
        assert (info.ready, info.left) == (3, 0)

    moved = await take(await bus.subscribe(DEAD, 10), 3)
    assert ids(moved) == ["m0", "m1", "m2"]
    assert {(each.died_of, each.died_in) for each in moved} == {("expired", RETRY)}
    info = await bus.queue_info(RETRY)
    assert info is not None
    assert (info.ready, info.left) == (0, 3)

    # And there they are on the disk, too
    await server.close()
    server, bus = await opened(tmp_path)
    assert ids(await take(await bus.subscribe(DEAD, 10), 3)) == ["m0", "m1", "m2"]
    await server.close()


async def test_what_is_rejected_while_somebody_holds_the_database_moves_later_in_order(
    tmp_path: Path, refusals: Refusals
) -> None:
    server, bus = await opened(tmp_path)
    await publish_all(bus, MORTAL, [message(number) for number in range(4)])
    subscription = await bus.subscribe(MORTAL, 10)
    first, *others = await take(subscription, 4)

    with held(tmp_path / "queues.db"):
        # The first is on its way to the disk when the others die
        subscription.reject(first.tag)
        for _ in range(5):
            await asyncio.sleep(0)
        for each in others:
            subscription.reject(each.tag)
        await refusals.further()

    assert ids(await take(await bus.subscribe(DEAD, 10), 4)) == ["m0", "m1", "m2", "m3"]
    await server.close()


@pytest.mark.parametrize("queue", [MORTAL, RETRY])
async def test_what_could_not_move_before_the_end_is_there_after_a_restart(
    tmp_path: Path, refusals: Refusals, queue: str
) -> None:
    # Given messages that die while somebody holds the database, until the queue server ends
    server, bus = await opened(tmp_path)
    sent = [message(number) for number in range(3)]
    await publish_all(bus, queue, sent)
    with held(tmp_path / "queues.db"):
        if queue == MORTAL:
            subscription = await bus.subscribe(MORTAL, 10)
            for each in await take(subscription, 3):
                subscription.reject(each.tag)
        await refusals.further()
        await server.close()

    # Then the next one has them, each in one queue only
    server, bus = await opened(tmp_path)
    if queue == RETRY:
        found = await take(await bus.subscribe(DEAD, 10), 3)
    else:
        found = await take(await bus.subscribe(MORTAL, 10), 3)
    assert ids(found) == [each.id for each in sent]
    infos = [await bus.queue_info(each.name) for each in QUEUES]
    assert sum(info.ready + info.unacked for info in infos if info) == 3
    await server.close()


async def test_a_queue_that_is_deleted_while_its_dead_cannot_move_leaves_nothing_behind(
    tmp_path: Path, refusals: Refusals
) -> None:
    server, bus = await opened(tmp_path)
    await publish_all(bus, RETRY, [message(1)])
    with held(tmp_path / "queues.db"):
        await refusals.further()
        await bus.delete_queue(RETRY)
    await a_desk(bus, *QUEUES)

    await publish_all(bus, RETRY, [message(2)])

    assert ids(await take(await bus.subscribe(DEAD, 10), 1)) == ["m2"]
    await server.close()
    server, bus = await opened(tmp_path)
    infos = [await bus.queue_info(each.name) for each in QUEUES]
    assert [info.ready for info in infos if info] == [1, 0, 0]
    await server.close()


async def test_a_small_message_does_not_overtake_a_large_one_for_which_there_is_no_room(tmp_path: Path) -> None:
    server = EmbeddedQueueServer(tmp_path / "queues.db")
    bus = EmbeddedBus(server, "server")
    await a_desk(bus, Queue(DEAD, single_active=False, max_bytes=6000), QUEUES[1])
    await publish_all(bus, DEAD, [message(0, bytes(3000))])
    await publish_all(bus, MORTAL, [message(1, bytes(4000)), message(2)])

    subscription = await bus.subscribe(MORTAL, 2)
    for each in await take(subscription, 2):
        subscription.reject(each.tag)

    assert ids(await take(await bus.subscribe(DEAD, 1), 3, ack=True)) == ["m0", "m1", "m2"]
    await server.close()


@pytest.mark.parametrize("next_exchange", [DESK, ""])
async def test_of_many_that_die_at_once_only_so_many_move_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, next_exchange: str
) -> None:
    monkeypatch.setattr("muster_messaging.embedded.core.queues.MOST_MOVING", 3)
    server = EmbeddedQueueServer(tmp_path / "queues.db")
    bus = EmbeddedBus(server, "server")
    await a_desk(bus, QUEUES[0], QUEUES[1]._replace(dead_letter_exchange=next_exchange))
    sent = [message(number) for number in range(10)]
    await publish_all(bus, MORTAL, sent)
    subscription = await bus.subscribe(MORTAL, 10)
    for each in await take(subscription, 10):
        subscription.reject(each.tag)

    state = server._core.routes.queues[MORTAL]
    assert (len(state.moving), len(state.dying)) == ((3, 7) if next_exchange else (0, 0))

    if next_exchange:
        assert ids(await take(await bus.subscribe(DEAD, 10), 10)) == [each.id for each in sent]
    assert await bus.queue_info(MORTAL) == (0, 0, 1, 10, 10)
    await server.close()


async def test_in_a_database_that_may_not_grow_the_dead_take_the_place_they_had(tmp_path: Path) -> None:
    # Given a database that is full of a message
    server, bus = await opened(tmp_path)
    await publish_all(bus, MORTAL, [message(1, bytes(500_000))])
    database = server._journal._connection
    pages = database.execute("PRAGMA page_count").fetchone()[0]
    database.execute(f"PRAGMA max_page_count = {pages}")

    subscription = await bus.subscribe(MORTAL, 1)
    [taken] = await take(subscription, 1)
    subscription.reject(taken.tag)

    assert ids(await take(await bus.subscribe(DEAD, 1), 1)) == ["m1"]
    await server.close()
