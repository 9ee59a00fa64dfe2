"""Law 2 and 3 of the bus: order, one consumer at a time, and what is not acknowledged comes again."""

import asyncio

from muster_messaging.topology import Queue
from tests.messaging.harness import Harness
from tests.messaging.transcript import DESK, a_desk, eventually, ids, message, publish_all, quiet, take

QUEUE = "orders"


async def test_a_thousand_messages_arrive_in_the_order_of_their_publishing(harness: Harness) -> None:
    await a_desk(harness.admin, Queue(QUEUE))
    sender, reader = await harness.connect(), await harness.connect()
    subscription = await reader.subscribe(QUEUE, 100)

    # In slices: a bus bounds what is unconfirmed.
    for start in range(0, 1000, 250):
        await publish_all(sender, QUEUE, [message(number) for number in range(start, start + 250)])

    assert ids(await take(subscription, 1000, ack=True)) == [f"m{number}" for number in range(1000)]


async def test_what_a_dead_consumer_had_comes_again_in_order_as_a_further_attempt(harness: Harness) -> None:
    # Given a consumer that dies with three of five messages done
    await a_desk(harness.admin, Queue(QUEUE, delivery_limit=10))
    await publish_all(harness.admin, QUEUE, [message(number) for number in range(5)])
    first = await harness.connect()
    taken = await take(await first.subscribe(QUEUE, 5), 5)
    second = await harness.connect()
    subscription = await second.subscribe(QUEUE, 5)
    assert [each.attempt for each in taken] == [1] * 5

    # When it goes without acknowledging anything
    await first.close()

    # Then another gets all of it
    again = await take(subscription, 5)
    assert ids(again) == ["m0", "m1", "m2", "m3", "m4"]
    assert [each.attempt for each in again] == [2] * 5


async def test_what_was_acknowledged_does_not_come_again(harness: Harness) -> None:
    await a_desk(harness.admin, Queue(QUEUE, delivery_limit=10))
    await publish_all(harness.admin, QUEUE, [message(number) for number in range(5)])
    first = await harness.connect()
    subscription = await first.subscribe(QUEUE, 5)
    taken = await take(subscription, 5)

    subscription.ack(each.tag for each in taken[:3])
    await first.close()

    second = await (await harness.connect()).subscribe(QUEUE, 5)
    again = await take(second, 2)
    assert ids(again) == ["m3", "m4"]
    await quiet(second)


async def test_acknowledgements_out_of_order_settle_exactly_what_they_name(harness: Harness) -> None:
    await a_desk(harness.admin, Queue(QUEUE, delivery_limit=10))
    await publish_all(harness.admin, QUEUE, [message(number) for number in range(10)])
    first = await harness.connect()
    subscription = await first.subscribe(QUEUE, 10)
    tags = [each.tag for each in await take(subscription, 10)]

    # When they are acknowledged in several turns and all over the place, some of them twice
    for turn in ((7,), (2, 5), (0,), (1,), (0, 2), (8,)):
        subscription.ack(tags[place] for place in turn)
        await asyncio.sleep(0.01)
    await first.close()

    # Then the others come again, and no others
    second = await (await harness.connect()).subscribe(QUEUE, 10)
    assert ids(await take(second, 4)) == ["m3", "m4", "m6", "m9"]
    await quiet(second)


async def test_the_connection_survives_acknowledgements_of_what_is_settled_already(harness: Harness) -> None:
    await a_desk(harness.admin, Queue(QUEUE))
    bus = await harness.connect()
    subscription = await bus.subscribe(QUEUE, 10)
    await publish_all(bus, QUEUE, [message(1)])
    [first] = await take(subscription, 1)

    for _ in range(3):
        subscription.ack([first.tag, first.tag, first.tag + 1, first.tag + 1000])
        await asyncio.sleep(0.01)
    subscription.reject(first.tag)
    await publish_all(bus, QUEUE, [message(2)])

    [second] = await take(subscription, 1)
    assert (second.message.id, second.attempt) == ("m2", 1)


async def test_a_single_active_queue_serves_one_consumer_while_the_others_stand_by(harness: Harness) -> None:
    # Given two consumers of one queue
    await a_desk(harness.admin, Queue(QUEUE))
    one, two = await harness.connect(), await harness.connect()
    active, stand_by = await one.subscribe(QUEUE, 10), await two.subscribe(QUEUE, 10)

    # When messages come, only the first is served
    await publish_all(harness.admin, QUEUE, [message(number) for number in range(4)])
    taken = await take(active, 4)
    await quiet(stand_by)
    active.ack([taken[0].tag])

    # And when it goes, the other takes over where it stopped
    await one.close()
    await publish_all(harness.admin, QUEUE, [message(9)])
    assert ids(await take(stand_by, 4)) == ["m1", "m2", "m3", "m9"]


async def test_competing_consumers_share_a_queue_that_is_not_single_active(harness: Harness) -> None:
    await a_desk(harness.admin, Queue(QUEUE, single_active=False))
    one = await (await harness.connect()).subscribe(QUEUE, 1)
    two = await (await harness.connect()).subscribe(QUEUE, 1)

    await publish_all(harness.admin, QUEUE, [message(number) for number in range(2)])

    assert sorted(ids(await take(one, 1) + await take(two, 1))) == ["m0", "m1"]


async def test_no_more_than_the_prefetch_is_handed_out_unacknowledged(harness: Harness) -> None:
    await a_desk(harness.admin, Queue(QUEUE))
    subscription = await (await harness.connect()).subscribe(QUEUE, 3)
    await publish_all(harness.admin, QUEUE, [message(number) for number in range(10)])

    taken = await take(subscription, 3)
    await quiet(subscription)

    subscription.ack([taken[0].tag])
    assert ids(await take(subscription, 1)) == ["m3"]
    await quiet(subscription)


async def test_two_subscriptions_of_one_bus_do_not_wait_for_each_other(harness: Harness) -> None:
    await a_desk(harness.admin, Queue("slow"), Queue("fast"))
    bus = await harness.connect()
    slow, fast = await bus.subscribe("slow", 1), await bus.subscribe("fast", 1)
    await publish_all(harness.admin, "slow", [message(number) for number in range(5)])
    await publish_all(harness.admin, "fast", [message(number) for number in range(50)])

    # When one of them takes a message and never acknowledges it
    await take(slow, 1)

    # Then the other goes on
    assert len(await take(fast, 50, ack=True)) == 50


async def test_the_fields_the_sender_and_the_key_are_those_that_were_published(harness: Harness) -> None:
    await a_desk(harness.admin, Queue(QUEUE))
    bus = await harness.connect()
    subscription = await bus.subscribe(QUEUE, 1)
    sent = message(
        "0199-id", b'{"text": "hello"}', sender="somebody", to="agent:a1", conversation="c1", run="r1",
        correlation_id="m0", seq=7, attempt=2, hops=3, schema=5, expires_at_ms=1_900_000_000_123,
        trace="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", sticky="a9", origin="a7", retries=4,
        aside="unknown_schema: 5", claim=True, after="m6",
    )  # fmt: skip
    assert all(value != default for value, default in zip(sent[3:], type(sent)("", "")[3:], strict=True)), "all differ"

    await bus.publish(DESK, QUEUE, sent)

    [received] = await take(subscription, 1)
    assert received.message == sent._replace(sender=harness.verified_sender or "somebody")
    assert received.key == QUEUE


async def test_a_message_with_nothing_but_an_id_and_a_type_arrives_as_it_is(harness: Harness) -> None:
    await a_desk(harness.admin, Queue(QUEUE))
    bus = await harness.connect()
    subscription = await bus.subscribe(QUEUE, 1)

    await bus.publish(DESK, QUEUE, message("only"))

    [received] = await take(subscription, 1)
    assert received.message._replace(sender="") == message("only")
    assert (received.attempt, received.died_of, received.died_in) == (1, "", "")


async def test_an_acknowledgement_leaves_within_milliseconds(harness: Harness) -> None:
    await a_desk(harness.admin, Queue(QUEUE))
    bus = await harness.connect()
    subscription = await bus.subscribe(QUEUE, 1)
    await publish_all(bus, QUEUE, [message(number) for number in range(2)])
    loop = asyncio.get_running_loop()

    # With a prefetch of 1 the second message comes only after the first acknowledgement has arrived
    [first] = await take(subscription, 1)
    since = loop.time()
    subscription.ack([first.tag])
    await take(subscription, 1)

    assert loop.time() - since < 1.0
    assert await eventually(lambda: bus.connected)
