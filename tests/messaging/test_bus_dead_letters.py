"""What dies goes to a dead-letter queue and says why; what waits in a retry queue comes back where it belongs."""

import asyncio

from muster_messaging.topology import (
    RETRY_DELAYS,
    TO_BROKER,
    Binding,
    Exchange,
    Queue,
    Topology,
    agent_topology,
    base_topology,
    broker_input,
    dead_letter_queue,
    partition_key,
    retry_exchange,
)
from tests.messaging.harness import Harness
from tests.messaging.transcript import DESK, a_desk, eventually, ids, message, publish_all, quiet, take

QUEUE, DEAD = "mortal", "cemetery"


async def mortal_queue(harness: Harness, **fields: int) -> None:
    mortal = Queue(QUEUE, dead_letter_exchange=DESK, dead_letter_key=DEAD, **fields)  # type: ignore[arg-type]
    await a_desk(harness.admin, Queue(DEAD, single_active=False), mortal)


async def test_what_is_rejected_is_found_among_the_dead_with_the_reason(harness: Harness) -> None:
    await mortal_queue(harness)
    bus = await harness.connect()
    subscription, dead = await bus.subscribe(QUEUE, 5), await bus.subscribe(DEAD, 5)
    sent = [message(number, b"body", conversation="c1", seq=number + 1) for number in range(3)]
    await publish_all(bus, QUEUE, sent)
    taken = await take(subscription, 3)

    subscription.reject(taken[1].tag)
    subscription.ack([taken[0].tag, taken[2].tag])

    [buried] = await take(dead, 1)
    assert buried.message._replace(sender="") == sent[1]
    assert (buried.died_of, buried.died_in, buried.attempt) == ("rejected", QUEUE, 1)
    await quiet(subscription)


async def test_a_message_delivered_too_often_dies_of_the_delivery_limit(harness: Harness) -> None:
    # Given a queue that gives a message up after two returns
    await mortal_queue(harness, delivery_limit=2)
    await publish_all(harness.admin, QUEUE, [message(1)])

    # When consumer after consumer dies with it
    for attempt in (1, 2, 3):
        bus = await harness.connect()
        [taken] = await take(await bus.subscribe(QUEUE, 1), 1)
        assert taken.attempt == attempt
        await bus.close()

    # Then it is among the dead
    dead = await harness.admin.subscribe(DEAD, 1)
    [buried] = await take(dead, 1)
    assert (buried.message.id, buried.died_of, buried.died_in) == ("m1", "delivery_limit", QUEUE)
    info = await harness.admin.queue_info(QUEUE)
    assert info is not None
    assert info.ready == 0


async def test_a_queue_without_a_delivery_limit_never_gives_up(harness: Harness) -> None:
    await a_desk(harness.admin, Queue(QUEUE))
    await publish_all(harness.admin, QUEUE, [message(1)])

    # More often than the 20 that RabbitMQ 4 takes for a limit where nothing is said
    for attempt in range(1, 24):
        bus = await harness.connect()
        [taken] = await take(await bus.subscribe(QUEUE, 1), 1)
        assert taken.attempt == attempt
        await bus.close()


async def test_what_stays_too_long_dies_expired(harness: Harness) -> None:
    await mortal_queue(harness, ttl_ms=200)
    dead = await harness.admin.subscribe(DEAD, 5)

    await publish_all(harness.admin, QUEUE, [message(number) for number in range(3)])

    buried = await take(dead, 3)
    assert ids(buried) == ["m0", "m1", "m2"]
    assert {(each.died_of, each.died_in) for each in buried} == {("expired", QUEUE)}


async def test_what_stays_long_holds_up_nobody_who_stays_shortly(harness: Harness) -> None:
    mortal = {"dead_letter_exchange": DESK, "dead_letter_key": DEAD}
    slow, fast = Queue("slow", ttl_ms=600_000, **mortal), Queue("fast", ttl_ms=200, **mortal)  # type: ignore[arg-type]
    await a_desk(harness.admin, Queue(DEAD, single_active=False), slow, fast)
    dead = await harness.admin.subscribe(DEAD, 5)

    await publish_all(harness.admin, "slow", [message(1)])
    await publish_all(harness.admin, "fast", [message(2)])

    assert ids(await take(dead, 1)) == ["m2"]


async def test_a_dead_letter_queue_that_is_full_loses_nothing(harness: Harness) -> None:
    # Given room for one among the dead
    mortal = Queue(QUEUE, dead_letter_exchange=DESK, dead_letter_key=DEAD)
    await a_desk(harness.admin, Queue(DEAD, single_active=False, max_length=1), mortal)
    bus = await harness.connect()
    subscription = await bus.subscribe(QUEUE, 10)
    await publish_all(bus, QUEUE, [message(number) for number in range(5)])

    # When five die
    for each in await take(subscription, 5):
        subscription.reject(each.tag)

    # Then all of them are found, as far as somebody makes room
    dead = await bus.subscribe(DEAD, 1)
    assert sorted(ids(await take(dead, 5, ack=True))) == [f"m{number}" for number in range(5)]


async def test_a_retry_queue_brings_a_message_back_to_its_partition(harness: Harness) -> None:
    # Given a retry queue as in the product, only faster: a fanout exchange that keeps the key
    topology = base_topology()
    slow = retry_exchange("5s")
    fast = Queue("retry_queue.fast", False, 0, 100, 0, TO_BROKER, ttl_ms=100)
    await harness.admin.declare(topology)
    await harness.admin.declare(
        Topology((Exchange("test.retry", "fanout"),), (fast,), (Binding("test.retry", "", fast.name),))
    )
    assert RETRY_DELAYS["5s"] == 5000
    assert Exchange(slow, "fanout") in topology.exchanges
    bus = await harness.connect()
    partitions = [await bus.subscribe(broker_input(number), 5) for number in range(4)]

    # When it is published with the key of partition 3
    await bus.publish("test.retry", partition_key(3), message(1, b"again", retries=1))

    # Then it arrives in partition 3, and nowhere else
    [returned] = await take(partitions[3], 1)
    assert (returned.message.id, returned.key, returned.message.retries) == ("m1", "p3", 1)
    await asyncio.gather(*[quiet(each) for each in partitions[:3]])


async def test_the_topology_of_the_product_stands_and_routes(harness: Harness) -> None:
    await harness.admin.declare(base_topology())
    await harness.admin.declare(agent_topology("a1"))
    bus = await harness.connect()
    agent, dead = await bus.subscribe("agent_queue_a1", 1), await bus.subscribe(dead_letter_queue("agent"), 1)

    await bus.publish("muster.to_agent", "a1", message(1))
    [delivery] = await take(agent, 1)
    agent.reject(delivery.tag)

    [buried] = await take(dead, 1)
    assert (buried.message.id, buried.died_in) == ("m1", "agent_queue_a1")


async def test_the_attempts_of_one_queue_do_not_count_in_the_next(harness: Harness) -> None:
    await mortal_queue(harness, delivery_limit=1)
    await publish_all(harness.admin, QUEUE, [message(1)])
    for _ in range(2):
        bus = await harness.connect()
        await take(await bus.subscribe(QUEUE, 1), 1)
        await bus.close()

    dead = await harness.admin.subscribe(DEAD, 1)

    [buried] = await take(dead, 1)
    assert buried.attempt == 1
    await eventually(lambda: harness.admin.connected)
