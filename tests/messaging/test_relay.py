"""What the relay promises beside the laws of the bus: sizes, and what a process that reads nothing can do to it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from muster_messaging.embedded.server import EmbeddedQueueServer
from muster_messaging.errors import Refused, TooLarge
from muster_messaging.frames import MAX_FRAME_BYTES, FrameDelivery, encode
from muster_messaging.message import MAX_BODY_BYTES, UNREADABLE
from muster_messaging.relay import service
from muster_messaging.relay.batches import BATCH_BYTES, Batches
from muster_messaging.relay.service import WAITING_BYTES, Peer, Relay
from muster_messaging.topology import Queue
from muster_protos.v1.relay_pb2 import Publish, RelayDown, RelayUp, Subscribe
from tests.messaging import relay_harness
from tests.messaging.relay_harness import RelayHarness
from tests.messaging.transcript import DESK, a_desk, eventually, ids, message, publish_all, take

QUEUE = "tray"
FORBIDDEN = 1000


class Line:
    """A gRPC call that lets nothing through until `flowing`, as one whose other end does not read."""

    def __init__(self) -> None:
        self.flowing = asyncio.Event()
        self.written: list[RelayDown] = []

    async def write(self, down: RelayDown) -> None:
        await self.flowing.wait()
        self.written.append(down)


async def _nothing_allowed(_: Any) -> Peer:
    return Peer("peer", lambda exchange: False, lambda queue: True)


async def turns(count: int = 2000) -> None:
    """Let the loop go round."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_what_is_published_without_reading_the_answers_is_not_taken_without_end(tmp_path: Path) -> None:
    # Given a process that publishes what it may not, and does not read what it is told
    server, line, asked = EmbeddedQueueServer(tmp_path / "queues.db"), Line(), 0

    async def requests() -> AsyncIterator[RelayUp]:
        nonlocal asked
        for _ in range(200):
            asked += 1
            yield RelayUp(publish=[Publish(number=number, exchange="no") for number in range(FORBIDDEN)])
            await asyncio.sleep(0)

    attached = asyncio.create_task(Relay(server, _nothing_allowed).Attach(requests(), line))  # type: ignore[arg-type]

    # Then no more is read from it than its answers have room for
    await turns()
    assert asked * FORBIDDEN * len("peer may not publish to no.") < 2 * WAITING_BYTES

    # And when it reads at last, it learns everything, in pieces that gRPC lets pass
    line.flowing.set()
    await attached
    assert asked == 200
    assert sum(len(down.refused) for down in line.written) > (asked - 20) * FORBIDDEN
    assert max(down.ByteSize() for down in line.written) < 2 * BATCH_BYTES
    await server.close()


async def test_of_a_prefetch_of_large_messages_only_so_many_bytes_wait_for_a_process_that_reads_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Batches[RelayDown]] = []

    class Watched(Batches[RelayDown]):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            made.append(self)

    monkeypatch.setattr(service, "Batches", Watched)
    harness = RelayHarness(tmp_path)
    await a_desk(harness.admin, Queue(QUEUE))
    await publish_all(harness.admin, QUEUE, [message(number, bytes(MAX_BODY_BYTES)) for number in range(20)])
    line, ended = Line(), asyncio.Event()

    async def requests() -> AsyncIterator[RelayUp]:
        yield RelayUp(subscribe=[Subscribe(subscription=1, queue=QUEUE, prefetch=100)])
        await ended.wait()

    relay = Relay(harness._crashing.server, _nothing_allowed)
    attached = asyncio.create_task(relay.Attach(requests(), line))  # type: ignore[arg-type]
    await turns()

    [down] = made
    assert WAITING_BYTES < down._size < WAITING_BYTES + MAX_FRAME_BYTES + 1000

    line.flowing.set()
    await eventually(lambda: sum(len(each.items) for one in line.written for each in one.deliveries) == 20)
    ended.set()
    await attached
    await harness._crashing.close()


async def test_a_process_that_goes_while_the_relay_waits_for_it_to_read_gives_back_what_it_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a process that holds a message of a queue
    monkeypatch.setattr(relay_harness, "_anybody", _nothing_allowed)
    harness = RelayHarness(tmp_path)
    await harness.serve()
    await a_desk(harness.admin, Queue(QUEUE))
    await publish_all(harness.admin, QUEUE, [message(1)])
    bus = await harness.connect()
    call = bus._stub.Attach(metadata=())
    await call.write(RelayUp(subscribe=[Subscribe(subscription=1, queue=QUEUE, prefetch=1)]))
    while not (await call.read()).deliveries:
        pass
    stopped, room = asyncio.Event(), Batches.room

    async def watched(batches: Batches[Any]) -> None:
        if batches.full:
            stopped.set()
        await room(batches)

    monkeypatch.setattr(Batches, "room", watched)

    # When it floods and reads nothing, until the server reads nothing either, and then its line is cut
    flood = RelayUp(publish=[Publish(number=number, exchange="no") for number in range(20 * FORBIDDEN)])

    async def write() -> None:
        while True:
            await call.write(flood)

    writing = asyncio.create_task(write())
    async with asyncio.timeout(30):
        await stopped.wait()
    harness._cables[bus].pull()

    # Then its message goes to the next one
    heir = await harness.admin.subscribe(QUEUE, 1)
    assert ids(await take(heir, 1)) == ["m1"]
    await asyncio.gather(writing, return_exceptions=True)
    await harness.close()


async def test_a_message_of_the_greatest_size_passes_and_a_larger_one_harms_nobody(tmp_path: Path) -> None:
    harness = RelayHarness(tmp_path)
    await harness.serve()
    await a_desk(harness.admin, Queue(QUEUE))
    bus = await harness.connect()
    subscription = await bus.subscribe(QUEUE, 10)
    body = bytes(MAX_BODY_BYTES)
    spare = MAX_FRAME_BYTES - len(encode(message(1, body))) - len(DESK) - len(QUEUE)
    largest = message(1, body, trace="t" * (spare - 4))  # 4: the field's number and length

    sent = [bus.publish(DESK, QUEUE, each) for each in (largest, message(2, body, trace="t" * spare), message(3))]

    ends = await asyncio.gather(*sent, return_exceptions=True)
    assert [type(end) for end in ends] == [type(None), TooLarge, type(None)]
    taken = [each.message for each in await take(subscription, 2)]
    # It comes whole, although nobody reads so many control fields as a message.
    assert (taken[0].id, taken[0].type, taken[0].body) == ("m1", UNREADABLE, body)
    assert taken[1]._replace(sender="") == message(3)
    await harness.close()


class Stranger:
    """A bus whose queue holds something that no member of the fleet can have put there."""

    def __init__(self) -> None:
        self.rejected: list[int] = []
        frames = (b"a", bytes(5 << 20), b"c")
        self._batches = [[FrameDelivery(number, frame, "", "", 1) for number, frame in enumerate(frames, 1)]]

    async def subscribe_frames(self, queue: str, prefetch: int) -> "Stranger":
        return self

    async def next_batch(self) -> list[FrameDelivery]:
        if not self._batches:
            await asyncio.Event().wait()
        return self._batches.pop()

    def reject(self, tag: int) -> None:
        self.rejected.append(tag)

    def abandon(self) -> None:
        """Nothing is held."""


async def test_a_frame_that_grpc_would_not_let_pass_goes_to_the_dead_letters() -> None:
    line, stranger, ended = Line(), Stranger(), asyncio.Event()
    line.flowing.set()

    async def requests() -> AsyncIterator[RelayUp]:
        yield RelayUp(subscribe=[Subscribe(subscription=1, queue=QUEUE, prefetch=9)])
        await ended.wait()

    attached = asyncio.create_task(Relay(stranger, _nothing_allowed).Attach(requests(), line))  # type: ignore[arg-type]
    await eventually(lambda: [each for one in line.written for each in one.deliveries])

    assert [item.tag for one in line.written for each in one.deliveries for item in each.items] == [1, 3]
    assert stranger.rejected == [2]
    ended.set()
    await attached


async def test_subscriptions_whose_queue_is_gone_take_no_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MAX_SUBSCRIPTIONS", 2)
    harness = RelayHarness(tmp_path)
    await harness.serve()
    bus = await harness.connect()
    for _ in range(3):
        await a_desk(harness.admin, Queue(QUEUE))
        subscription = await bus.subscribe(QUEUE, 10)
        await harness.admin.delete_queue(QUEUE)
        with pytest.raises(Refused):
            await subscription.next_batch()
    await a_desk(harness.admin, Queue(QUEUE))
    subscription = await bus.subscribe(QUEUE, 10)
    await bus.publish(DESK, QUEUE, message(1))
    assert ids(await take(subscription, 1)) == ["m1"]
    await harness.close()
