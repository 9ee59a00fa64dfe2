"""Subscriptions and buses end cleanly; queues can be counted and deleted."""

import asyncio

import pytest

from muster_messaging.errors import BusError, Disconnected, Refused, Unroutable
from muster_messaging.topology import Queue
from tests.messaging.harness import Harness
from tests.messaging.transcript import DESK, a_desk, eventually, ids, message, publish_all, quiet, take

QUEUE = "house"


async def test_closing_leaves_no_task_behind(harness: Harness) -> None:
    await a_desk(harness.admin, Queue(QUEUE))
    before = asyncio.all_tasks()
    bus = await harness.connect()
    subscription = await bus.subscribe(QUEUE, 10)
    await publish_all(bus, QUEUE, [message(1)])
    await take(subscription, 1, ack=True)

    await bus.close()
    await bus.close()

    def of_the_bus() -> list[str]:
        new = asyncio.all_tasks() - before
        # The cable's, and those of a queue server that is served in this process, are not the bus's.
        foreign = ("Cable", "_cython")
        return [task.get_name() for task in new if not any(word in repr(task.get_coro()) for word in foreign)]

    await eventually(lambda: not of_the_bus(), "all tasks of the bus have ended")


async def test_a_closed_bus_refuses_at_once(harness: Harness) -> None:
    await a_desk(harness.admin, Queue(QUEUE))
    bus = await harness.connect()
    await bus.close()

    assert not bus.connected
    with pytest.raises(Disconnected):
        await bus.publish(DESK, QUEUE, message(1))
    with pytest.raises(BusError):
        await bus.subscribe(QUEUE, 1)


async def test_closing_wakes_whoever_waits_for_messages(harness: Harness) -> None:
    await a_desk(harness.admin, Queue(QUEUE))
    bus = await harness.connect()
    subscription = await bus.subscribe(QUEUE, 1)
    waiting = asyncio.create_task(subscription.next_batch())
    await asyncio.sleep(0.05)

    await bus.close()

    with pytest.raises(Disconnected):
        async with asyncio.timeout(10):
            await waiting


async def test_acknowledgements_given_just_before_closing_arrive(harness: Harness) -> None:
    await a_desk(harness.admin, Queue(QUEUE))
    await publish_all(harness.admin, QUEUE, [message(number) for number in range(100)])
    bus = await harness.connect()
    subscription = await bus.subscribe(QUEUE, 100)
    taken = await take(subscription, 100)

    subscription.ack(each.tag for each in taken[:99])
    await bus.close()

    again = await (await harness.connect()).subscribe(QUEUE, 100)
    assert ids(await take(again, 1)) == ["m99"]
    await quiet(again)


async def test_closing_with_publishes_under_way_fails_them_or_confirms_them(harness: Harness) -> None:
    await a_desk(harness.admin, Queue(QUEUE))
    bus = await harness.connect()

    futures = [bus.publish(DESK, QUEUE, message(number)) for number in range(50)]
    await bus.close()

    async with asyncio.timeout(5):
        ends = await asyncio.gather(*futures, return_exceptions=True)
    assert all(end is None or isinstance(end, BusError) for end in ends)


async def test_a_cancelled_subscription_takes_nothing_more_and_what_it_holds_can_be_settled(harness: Harness) -> None:
    # Given one that holds three of six messages
    await a_desk(harness.admin, Queue(QUEUE, delivery_limit=10))
    await publish_all(harness.admin, QUEUE, [message(number) for number in range(6)])
    one, two = await harness.connect(), await harness.connect()
    subscription = await one.subscribe(QUEUE, 3)
    taken = await take(subscription, 3)
    stand_by = await two.subscribe(QUEUE, 10)

    # When it is cancelled and then settles what it holds
    await subscription.cancel()
    subscription.ack(each.tag for each in taken)

    # Then the others go to the stand-by, in order, and none of the three comes again
    assert ids(await take(stand_by, 3)) == ["m3", "m4", "m5"]
    await one.close()
    await quiet(stand_by)


async def test_what_a_cancelled_subscription_never_settles_comes_again_when_its_bus_goes(harness: Harness) -> None:
    await a_desk(harness.admin, Queue(QUEUE, delivery_limit=10))
    await publish_all(harness.admin, QUEUE, [message(number) for number in range(3)])
    one, two = await harness.connect(), await harness.connect()
    subscription = await one.subscribe(QUEUE, 3)
    taken = await take(subscription, 3)

    await subscription.cancel()
    subscription.ack([taken[0].tag])
    await asyncio.sleep(0.05)
    await one.close()

    again = await take(await two.subscribe(QUEUE, 10), 2)
    assert ids(again) == ["m1", "m2"]


async def test_cancelling_wakes_whoever_waits_for_messages(harness: Harness) -> None:
    await a_desk(harness.admin, Queue(QUEUE))
    bus = await harness.connect()
    subscription = await bus.subscribe(QUEUE, 1)
    waiting = asyncio.create_task(subscription.next_batch())
    await asyncio.sleep(0.05)

    await subscription.cancel()

    with pytest.raises(Disconnected):
        async with asyncio.timeout(10):
            await waiting
    await subscription.cancel()


async def test_the_same_bus_can_subscribe_again_after_a_cancel(harness: Harness) -> None:
    await a_desk(harness.admin, Queue(QUEUE))
    bus = await harness.connect()
    first = await bus.subscribe(QUEUE, 1)
    await first.cancel()
    await publish_all(bus, QUEUE, [message(1)])

    second = await bus.subscribe(QUEUE, 1)

    assert ids(await take(second, 1)) == ["m1"]


async def test_a_queue_is_counted(harness: Harness) -> None:
    await a_desk(harness.admin, Queue(QUEUE))
    assert await harness.admin.queue_info("no.such.queue") is None
    await publish_all(harness.admin, QUEUE, [message(number) for number in range(7)])

    async def counts() -> tuple[int, int]:
        info = await harness.admin.queue_info(QUEUE)
        assert info is not None
        assert info.unacked in {-1, 0, 2}
        return info.ready, info.consumers

    async def shown(ready: int, consumers: int) -> bool:
        return await counts() == (ready, consumers)

    await eventually(lambda: shown(7, 0))
    subscription = await (await harness.connect()).subscribe(QUEUE, 2)
    taken = await take(subscription, 2)
    await eventually(lambda: shown(5, 1))

    subscription.ack(each.tag for each in taken)
    await take(subscription, 2)
    await eventually(lambda: shown(3, 1))


async def test_what_comes_and_goes_is_counted_or_said_to_be_unknown(harness: Harness) -> None:
    # Given a queue that was passed by seven messages, of which four were acknowledged and one died
    await a_desk(harness.admin, Queue(QUEUE))
    await publish_all(harness.admin, QUEUE, [message(number) for number in range(7)])
    bus = await harness.connect()
    subscription = await bus.subscribe(QUEUE, 7)
    taken = await take(subscription, 7)
    subscription.ack([each.tag for each in taken[:4]])
    subscription.reject(taken[4].tag)

    # Then both are counted, or neither; what comes again has not come in again
    async def counted() -> bool:
        info = await harness.admin.queue_info(QUEUE)
        return info is not None and (info.arrived, info.left) in {(7, 5), (-1, -1)}

    await eventually(counted)
    await bus.close()
    assert await counted()


async def test_a_deleted_queue_is_gone_with_all_that_was_in_it(harness: Harness) -> None:
    await a_desk(harness.admin, Queue(QUEUE))
    await publish_all(harness.admin, QUEUE, [message(1)])

    await harness.admin.delete_queue(QUEUE)
    await harness.admin.delete_queue(QUEUE)

    assert await harness.admin.queue_info(QUEUE) is None
    with pytest.raises(Unroutable):
        await harness.admin.publish(DESK, QUEUE, message(2))
    await a_desk(harness.admin, Queue(QUEUE))
    info = await harness.admin.queue_info(QUEUE)
    assert info is not None
    assert info.ready == 0


async def test_a_subscription_learns_that_its_queue_is_gone(harness: Harness) -> None:
    await a_desk(harness.admin, Queue(QUEUE))
    subscription = await (await harness.connect()).subscribe(QUEUE, 1)

    await harness.admin.delete_queue(QUEUE)

    with pytest.raises(Refused):
        async with asyncio.timeout(15):
            await subscription.next_batch()


async def test_two_declarations_at_once_do_not_disturb_each_other(harness: Harness) -> None:
    names = [f"{QUEUE}.{number}" for number in range(10)]

    await asyncio.gather(*[a_desk(harness.admin, Queue(name)) for name in names])

    infos = await asyncio.gather(*[harness.admin.queue_info(name) for name in (*names, "no.such.queue")])
    assert [info is not None for info in infos] == [True] * 10 + [False]
