"""A broker, or the queue server, dies in the middle: nothing is lost, doubles have the same ids, order stays."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest

from muster_broker import loop as loop_module
from muster_messaging.message import Message
from muster_messaging.topology import agent_queue, broker_input
from tests.broker.bench import Bench, bench, by_conversation
from tests.broker.fleets import agent
from tests.messaging.transcript import eventually

CONVERSATIONS = [f"cnv_{number}" for number in range(6)]
INPUTS = [broker_input(number) for number in range(4)]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Bench]:
    async with bench(tmp_path, agent(1, "builder"), agent(2, "reader")) as opened:
        yield opened


async def say(desk: Bench, numbers: Iterable[int]) -> None:
    for number in numbers:
        for conversation in CONVERSATIONS:
            await desk.send("agent:builder", id=f"{conversation}.{number}", conversation=conversation)


def everything(count: int) -> dict[str, list[str]]:
    return {conversation: [f"{conversation}.{n}" for n in range(count)] for conversation in CONVERSATIONS}


async def all_at_builder(desk: Bench) -> list[Message]:
    """Return all that the agent gets until the broker's queues are empty."""
    arrived: list[Message] = []
    await desk.empty(*INPUTS)
    while await desk.count(agent_queue("agt_1")):
        arrived += await desk.at_agent("agt_1", await desk.count(agent_queue("agt_1")))
        await desk.empty(agent_queue("agt_1"))
    return arrived


@pytest.mark.parametrize("confirms", [0, 1, 7, 30])
async def test_a_broker_killed_between_publish_and_confirm_loses_nothing(desk: Bench, confirms: int) -> None:
    # Given a broker that has published and heard of some confirms only
    broker = desk.start()
    broker.bus.hold = True
    await say(desk, range(8))
    for _ in range(confirms):
        await eventually(lambda: broker.bus.held)
        done, seen = broker.bus.held.pop(0)
        await done
        seen.set_result(None)
    await eventually(lambda: broker.bus.held)

    # When it is killed and another one starts
    await broker.kill()
    desk.start()

    # Then all arrive, and what came twice has the same id
    arrived = await all_at_builder(desk)
    assert by_conversation(arrived) == everything(8)
    assert len(arrived) > len({message.id for message in arrived})


async def test_a_queue_server_killed_in_the_middle_loses_nothing(desk: Bench) -> None:
    desk.start()
    for part in range(4):
        await say(desk, range(part * 4, part * 4 + 4))
        await desk.crash()
        desk.start()

    assert by_conversation(await all_at_builder(desk)) == everything(16)


async def test_of_two_brokers_one_works_on_a_partition_and_the_other_takes_over(desk: Bench) -> None:
    first = desk.start()
    await eventually(lambda: all(loop._subscription for loop in first.loops))
    second = desk.start()
    second.bus.hold = True
    await say(desk, range(5))
    await desk.empty(*INPUTS)
    assert not second.bus.held

    # When the first one dies with messages in hand
    first.bus.hold = True
    await say(desk, range(5, 9))
    await eventually(lambda: first.bus.held)
    await first.kill()

    # Then the other one goes on with them
    await eventually(lambda: second.bus.held)
    second.bus.release()
    assert by_conversation(await all_at_builder(desk)) == everything(9)


async def test_a_broker_that_stops_in_order_leaves_no_doubles(desk: Bench) -> None:
    broker = desk.start()
    await say(desk, range(5))
    talking = asyncio.create_task(say(desk, range(5, 15)))
    await broker.stop()
    await talking
    desk.start()

    arrived = await all_at_builder(desk)

    assert by_conversation(arrived) == everything(15)
    assert len(arrived) == 15 * len(CONVERSATIONS)


async def test_a_broker_waits_at_its_end_for_confirms_and_gives_up_those_that_do_not_come(
    desk: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = desk.start()
    broker.bus.hold = True
    await desk.send("agent:builder", id="msg_confirmed")
    await eventually(lambda: broker.bus.held)
    stopping = asyncio.create_task(broker.stop())
    await eventually(lambda: all(loop._stopping for loop in broker.loops))
    broker.bus.release()
    await stopping
    await desk.empty(*INPUTS)

    monkeypatch.setattr(loop_module, "STOP_TIMEOUT_S", 0.05)
    late = desk.start()
    late.bus.hold = True
    await desk.send("agent:builder", id="msg_unconfirmed")
    await eventually(lambda: late.bus.held)
    await late.stop()
    await late.bus.close()
    desk.start()

    arrived = [message.id for message in await all_at_builder(desk)]
    assert arrived == ["msg_confirmed", "msg_unconfirmed", "msg_unconfirmed"]


async def test_a_message_delivered_twice_is_passed_on_with_the_same_ids(desk: Bench) -> None:
    desk.start()
    for _ in range(2):
        await desk.send("all:*")
    copies = await desk.at_agent("agt_1", 2) + await desk.at_agent("agt_2", 2)
    told = await desk.at_server(2)

    assert sorted(copy.id for copy in copies) == ["msg_1~agt_1"] * 2 + ["msg_1~agt_2"] * 2
    assert [notice.id for notice in told] == ["msg_1!fanned_out"] * 2
