"""What can neither be delivered nor put aside stops nobody: the queue server moves it to the dead letters as it is."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from muster_broker.loop import CONTROL_BYTES, PREFETCH
from muster_messaging.embedded.server import MAX_FRAME_BYTES
from muster_messaging.errors import BusError, QueueFull, TooLarge
from muster_messaging.frames import encode
from muster_messaging.message import MAX_BODY_BYTES, Message
from muster_messaging.topology import PARKING, TO_AGENT, TO_BROKER, broker_input, dead_letter_queue
from muster_protos.v1.relay_pb2 import BusMessage
from muster_shared_models.problems import Reason
from tests.broker.bench import Bench, bench, key_of, notices
from tests.broker.fleets import agent, message_to

INPUTS = [broker_input(number) for number in range(4)]
pytestmark = pytest.mark.usefixtures("short_waits")
DEAD = dead_letter_queue("router")
LONGEST = "i" * 255


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Bench]:
    async with bench(tmp_path, agent(1, "builder"), agent(2, "reader")) as opened:
        yield opened


async def publish_frame(desk: Bench, frame: bytes, key: str, sender: str = "agt_2") -> None:
    """Publish a frame as the relay does, which reads none."""
    await desk._crashing.server.publish_frame(TO_BROKER, key, sender, frame)


@pytest.mark.parametrize(
    "bad",
    [
        message_to("server", body=bytes(MAX_BODY_BYTES), trace="x" * 16_000),
        message_to("agent:builder", body=bytes(MAX_BODY_BYTES + 10_000)),
        message_to("server", body=bytes(MAX_BODY_BYTES + 10_000)),
    ],
)
async def test_a_frame_at_the_bound_ends_among_the_dead_letters(desk: Bench, bad: Message) -> None:
    desk.start()
    frame = encode(bad)
    assert len(frame) <= MAX_FRAME_BYTES
    await publish_frame(desk, frame, key_of(bad))
    await desk.send("agent:builder", id="msg_good")

    assert [message.id for message in await desk.at_agent("agt_1")] == ["msg_good"]
    queues = [DEAD] if len(bad.body) > MAX_BODY_BYTES else ["parking_queue"]
    for queue in queues:
        [dead] = await desk.receive(queue)
        assert (dead.message.type, dead.message.body) == ("unreadable", bad.body)
        assert dead.message.aside.startswith("frame_malformed: Its ")
    await desk.empty(*INPUTS)


async def test_more_of_them_than_a_broker_takes_in_hand_stop_no_partition(desk: Bench) -> None:
    """Their senders are told, and nothing of them can be put aside."""
    broker = desk.start()
    broker.bus.refuse = lambda exchange, *_: TooLarge("It does not fit.") if exchange == PARKING else None
    for number in range(PREFETCH + 10):
        await desk.send("server", id=f"msg_{number}", schema=2)
    await desk.send("agent:builder", id="msg_good")

    assert [message.id for message in await desk.at_agent("agt_1")] == ["msg_good"]
    dead = await desk.receive(DEAD, PREFETCH + 10)
    assert {each.died_of for each in dead} == {"rejected"}
    assert {each.message.id for each in dead} == {f"msg_{number}" for number in range(PREFETCH + 10)}
    await desk.empty(*INPUTS)


async def test_what_may_work_later_is_tried_again_whatever_else_never_will(desk: Bench) -> None:
    broker = desk.start()
    told: list[str] = []

    def refuse(exchange: str, _key: str, message: Message) -> BusError | None:
        if exchange == PARKING:
            return TooLarge("It does not fit.")
        if exchange == TO_AGENT and len(told) < 5:
            told.append(message.id)
            return QueueFull("full")
        return QueueFull("full") if exchange.startswith("muster.retry") and len(told) < 5 else None

    broker.bus.refuse = refuse
    await desk.send("server", schema=2, sender="agt_1")

    [dead] = await desk.receive(DEAD)
    assert (dead.message.id, len(told)) == ("msg_1", 5)
    assert [notice.message_id for notice in notices(await desk.at_agent("agt_1"))] == ["msg_1"]


async def test_control_fields_that_leave_no_room_for_ours_are_put_aside_whole(desk: Bench) -> None:
    desk.start()
    sent = await desk.send("agent:builder", trace="x" * CONTROL_BYTES)

    [parked] = await desk.parked()
    assert parked.trace == sent.trace
    assert parked.aside.startswith("frame_malformed: Its control fields take 41")
    [notice] = notices(await desk.at_server())
    assert (notice.reason, notice.final) == (Reason.FRAME_MALFORMED, True)
    await desk.empty(*INPUTS)


async def test_the_longest_id_is_delivered_answered_and_copied_under_ids_that_fit(desk: Bench) -> None:
    desk.start()
    await desk.send("agent:builder", id=LONGEST)
    assert [message.id for message in await desk.at_agent("agt_1")] == [LONGEST]

    for _ in range(2):
        await desk.send("agent:nobody", id=LONGEST, sender="agt_2")
    told = await desk.at_agent("agt_2", 2)
    assert {notice.message_id for notice in notices(told)} == {LONGEST}
    assert len({message.id for message in told}) == 1
    assert len(told[0].id) <= 255

    await desk.send("all:name=*er", id=LONGEST)
    copies = [*await desk.at_agent("agt_1"), *await desk.at_agent("agt_2")]
    assert len({copy.id for copy in copies}) == 2
    assert all(len(copy.id) <= 255 for copy in copies)
    await desk.empty(*INPUTS)


async def test_a_reason_is_cut_where_it_would_not_fit(desk: Bench) -> None:
    desk.start()
    broker = desk.routings[0]

    await broker.publisher.park(message_to("server"), Reason.INTERNAL, "€" * 5000)

    [parked] = await desk.parked()
    assert parked.aside.startswith("internal: €")
    assert 1020 < len(parked.aside.encode()) <= 1024


async def test_a_number_that_no_queue_server_takes_back_is_put_aside(desk: Bench) -> None:
    desk.start()
    bad = BusMessage(id="msg_1", type="chat.message", to="server", schema=1, seq=2**64 - 1)
    await publish_frame(desk, bad.SerializeToString(), "p0")

    [parked] = await desk.parked()
    assert (parked.id, parked.origin) == ("msg_1", "agt_2")
    assert parked.aside == "frame_malformed: A number of its control fields is out of range."
    assert [notice.message_id for notice in notices(await desk.at_agent("agt_2"))] == ["msg_1"]
    await desk.empty(*INPUTS)
