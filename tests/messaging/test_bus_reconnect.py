"""Law 5 of the bus: lost connections are repaired behind the contract. Law 1 again: what is confirmed is on disk."""

import asyncio
import random
from collections.abc import Callable

import pytest

from muster_messaging.bus import Bus, Subscription
from muster_messaging.errors import BusError, Disconnected, Transient, Unconfirmed
from muster_messaging.lanes import Lanes
from muster_messaging.topology import Queue
from tests.messaging.harness import Harness
from tests.messaging.transcript import DESK, a_desk, eventually, ids, message, publish_all, quiet, take

#: By then acknowledgements are told: they wait a while for each other.
ACKNOWLEDGED_S = 0.4
QUEUE = "bridge"


@pytest.fixture
def severable(harness: Harness) -> Harness:
    if not harness.can_sever:
        pytest.skip("there is no connection that could be lost")
    return harness


@pytest.fixture
def mortal(harness: Harness) -> Harness:
    if not harness.can_restart:
        pytest.skip("the queue server is not ours to kill")
    return harness


async def test_publishes_under_way_fail_as_unconfirmed_or_disconnected_and_nothing_hangs(severable: Harness) -> None:
    await a_desk(severable.admin, Queue(QUEUE))
    bus = await severable.connect()

    futures = [bus.publish(DESK, QUEUE, message(number)) for number in range(200)]
    await severable.sever(bus)
    async with asyncio.timeout(15):
        ends = await asyncio.gather(*futures, return_exceptions=True)

    assert all(end is None or isinstance(end, Unconfirmed | Disconnected) for end in ends)
    assert any(end is not None for end in ends)


async def test_a_bus_says_when_it_is_connected_again_and_then_publishes(severable: Harness) -> None:
    await a_desk(severable.admin, Queue(QUEUE))
    bus = await severable.connect()
    assert bus.connected

    await severable.sever(bus)
    await eventually(lambda: not bus.connected)
    with pytest.raises(Disconnected):
        await bus.publish(DESK, QUEUE, message(1))

    async with asyncio.timeout(15):
        await bus.wait_connected()
    await bus.publish(DESK, QUEUE, message(2))
    assert ids(await take(await bus.subscribe(QUEUE, 5), 1)) == ["m2"]


async def test_a_subscription_goes_on_after_a_lost_connection(severable: Harness) -> None:
    # Given one that holds three messages and has settled one of them
    await a_desk(severable.admin, Queue(QUEUE, delivery_limit=10))
    await publish_all(severable.admin, QUEUE, [message(number) for number in range(3)])
    bus = await severable.connect()
    subscription = await bus.subscribe(QUEUE, 10)
    before = await take(subscription, 3)
    subscription.ack([before[0].tag])
    await asyncio.sleep(ACKNOWLEDGED_S)

    # When the connection is lost, and acknowledgements for what it brought come too late
    await severable.sever(bus)
    subscription.ack([before[1].tag])
    after = await take(subscription, 2)
    subscription.reject(before[0].tag)
    subscription.ack(each.tag for each in before)
    await asyncio.sleep(ACKNOWLEDGED_S)

    # Then what was not settled comes again on the same subscription, and the late ones settle nothing
    assert ids(after) == ["m1", "m2"]
    assert [each.attempt for each in after] == [2, 2]
    await publish_all(severable.admin, QUEUE, [message(3)])
    assert ids(await take(subscription, 1)) == ["m3"]
    other = await severable.connect()
    stand_by = await other.subscribe(QUEUE, 10)
    await bus.close()
    assert ids(await take(stand_by, 3)) == ["m1", "m2", "m3"]


async def test_what_arrived_but_was_not_taken_before_the_connection_was_lost_comes_once(severable: Harness) -> None:
    # Given five messages that were delivered, and that nobody has fetched
    await a_desk(severable.admin, Queue(QUEUE, delivery_limit=10))
    bus = await severable.connect()
    subscription = await bus.subscribe(QUEUE, 5)
    await publish_all(severable.admin, QUEUE, [message(number) for number in range(5)])

    async def all_delivered() -> bool:
        info = await severable.admin.queue_info(QUEUE)
        return info is not None and info.ready == 0

    await eventually(all_delivered)
    await asyncio.sleep(ACKNOWLEDGED_S)

    # When the connection is lost and comes back
    await severable.sever(bus)
    await eventually(lambda: not bus.connected)
    async with asyncio.timeout(15):
        await bus.wait_connected()

    # Then each comes once, in order, and can be settled
    again = await take(subscription, 5)
    assert ids(again) == ["m0", "m1", "m2", "m3", "m4"]
    await quiet(subscription)
    subscription.ack(each.tag for each in again)
    await asyncio.sleep(ACKNOWLEDGED_S)
    await bus.close()
    await quiet(await (await severable.connect()).subscribe(QUEUE, 5))


async def test_a_subscription_asked_for_before_the_reconnect_stands_after_it(severable: Harness) -> None:
    await a_desk(severable.admin, Queue(QUEUE))
    await publish_all(severable.admin, QUEUE, [message(1)])
    bus = await severable.connect()

    await severable.sever(bus)
    async with asyncio.timeout(15):
        subscription = await bus.subscribe(QUEUE, 1)

    assert ids(await take(subscription, 1)) == ["m1"]


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_lanes_over_a_connection_that_keeps_breaking_lose_nothing_and_keep_order(
    severable: Harness, seed: int
) -> None:
    # Given lanes over a bus whose cable is cut again and again
    chance = random.Random(seed)
    await a_desk(severable.admin, Queue(QUEUE, delivery_limit=1000))
    bus, reader = await severable.connect(), await severable.connect()
    lanes = Lanes(bus, patience_s=30)
    subscription = await reader.subscribe(QUEUE, 100)
    seen: list[str] = []
    reading = asyncio.create_task(_read_unique(subscription, seen, 600))

    # When 600 messages of ten conversations are sent meanwhile
    futures = []
    for number in range(600):
        lane = f"c{number % 10}"
        futures.append(lanes.send(lane, DESK, QUEUE, message(number, conversation=lane)))
        if number % 60 == 0:
            await severable.sever(chance.choice([bus, reader]))
        await asyncio.sleep(chance.uniform(0, 0.004))
    async with asyncio.timeout(60):
        await asyncio.gather(*futures)
        await reading

    # Then each arrived, and those of one conversation in order
    assert sorted(seen, key=lambda name: int(name[1:])) == [f"m{number}" for number in range(600)]
    for rest in range(10):
        numbers = [int(name[1:]) for name in seen if int(name[1:]) % 10 == rest]
        assert numbers == sorted(numbers)
    lanes.close()


async def _read_unique(subscription: Subscription, seen: list[str], count: int) -> None:
    """Note the id of each message when it comes for the first time: doubles are the receiver's to drop."""
    known: set[str] = set()
    while len(known) < count:
        for delivery in await subscription.next_batch():
            if delivery.message.id not in known:
                known.add(delivery.message.id)
                seen.append(delivery.message.id)
            subscription.ack([delivery.tag])


@pytest.mark.timeout(240)
async def test_everything_confirmed_is_there_after_a_kill_of_the_queue_server(mortal: Harness) -> None:
    # Given messages, each confirmed, and the queue server killed at that moment
    await a_desk(mortal.admin, Queue(QUEUE, delivery_limit=100))
    bus = await mortal.connect()
    confirmed: list[str] = []

    def note(name: str, done: "asyncio.Future[None]") -> None:
        if done.exception() is None:
            confirmed.append(name)

    publishing = asyncio.create_task(_publish_until_it_fails(bus, note))
    await eventually(lambda: len(confirmed) > 300)
    await mortal.restart()
    await publishing

    # Then all that was confirmed is there, in order
    reader = await mortal.connect()
    subscription = await reader.subscribe(QUEUE, 1000)
    expected, there = set(confirmed), list[str]()
    missing = set(expected)
    async with asyncio.timeout(60):
        while missing:
            batch = await subscription.next_batch()
            there += ids(batch)
            missing.difference_update(ids(batch))
            subscription.ack([each.tag for each in batch])
    assert [name for name in there if name in expected] == confirmed


async def _publish_until_it_fails(bus: Bus, note: Callable[[str, "asyncio.Future[None]"], None]) -> None:
    number = 0
    while True:
        futures = []
        for _ in range(50):
            name = f"k{number:06d}"
            number += 1
            future = bus.publish(DESK, QUEUE, message(name))
            future.add_done_callback(lambda done, name=name: note(name, done))  # type: ignore[misc]
            futures.append(future)
        ends = await asyncio.gather(*futures, return_exceptions=True)
        if any(isinstance(end, BusError) for end in ends):
            return


@pytest.mark.timeout(240)
async def test_buses_subscriptions_and_queues_come_back_with_the_queue_server(mortal: Harness) -> None:
    await a_desk(mortal.admin, Queue(QUEUE, delivery_limit=100))
    bus = await mortal.connect()
    subscription = await bus.subscribe(QUEUE, 10)
    await publish_all(bus, QUEUE, [message(number) for number in range(3)])
    held = await take(subscription, 3)

    await mortal.restart()

    if bus.connected or mortal.can_sever:
        async with asyncio.timeout(60):
            await bus.wait_connected()
            again = await take(subscription, 3)
            await bus.publish(DESK, QUEUE, message(3))
            subscription.ack([each.tag for each in again])
            later = await take(subscription, 1)
        assert ids(again) == ids(held)
        assert ids(later) == ["m3"]


def test_what_a_lost_connection_answers_may_be_tried_again() -> None:
    assert issubclass(Unconfirmed, Transient)
    assert issubclass(Disconnected, Transient)
