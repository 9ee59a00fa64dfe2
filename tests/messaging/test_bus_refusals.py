"""Law 1 and 4 of the bus: what cannot be delivered is an error, and a full queue refuses."""

import asyncio

import pytest

from muster_messaging.errors import BusError, QueueFull, Refused, TooLarge, TopologyMismatch, Unroutable
from muster_messaging.message import MAX_BODY_BYTES
from muster_messaging.topology import Binding, Exchange, Queue, Topology
from tests.messaging.harness import Harness
from tests.messaging.transcript import DESK, a_desk, eventually, ids, message, publish_all, take

QUEUE = "counter"

HOSTILE = [
    "a.b.*.#", "*", "#", ".", "..", "naïve-ключ-鍵-🗝", "with 'single' and \"double\" quotes", "a b\tc", "%2F/../..",
    "'; DROP TABLE queues; --", "{}[]$^\\", "k" * 255, "€" * 85,
]  # fmt: skip


async def outcome(future: "asyncio.Future[None]") -> str:
    try:
        await future
    except BusError as error:
        return type(error).__name__
    return "confirmed"


async def test_a_message_that_nobody_would_receive_is_an_error(harness: Harness) -> None:
    await a_desk(harness.admin, Queue(QUEUE))
    bus = await harness.connect()

    # Published in one go with messages that do arrive, each gets its own answer
    futures = [bus.publish(DESK, key, message(number)) for number, key in enumerate([QUEUE, "nobody", QUEUE, "else"])]

    assert [await outcome(future) for future in futures] == ["confirmed", "Unroutable", "confirmed", "Unroutable"]


async def test_the_same_id_to_two_keys_fails_only_where_it_is_unroutable(harness: Harness) -> None:
    await a_desk(harness.admin, Queue(QUEUE))
    bus = await harness.connect()

    futures = [bus.publish(DESK, key, message("one")) for key in (QUEUE, "nobody", QUEUE)]

    assert [await outcome(future) for future in futures] == ["confirmed", "Unroutable", "confirmed"]


async def test_an_exchange_that_does_not_exist_refuses_and_later_publishes_go_on(harness: Harness) -> None:
    await a_desk(harness.admin, Queue(QUEUE))
    bus = await harness.connect()

    assert await outcome(bus.publish("no.such.exchange", "key", message(1))) == "Refused"

    await eventually(lambda: bus.connected)
    assert await outcome(bus.publish(DESK, QUEUE, message(2))) == "confirmed"


async def test_a_queue_at_its_bound_refuses_and_takes_again_when_there_is_room(harness: Harness) -> None:
    # Given a queue for ten, and more messages than that
    await a_desk(harness.admin, Queue(QUEUE, max_length=10))
    bus = await harness.connect()
    sent = [message(number) for number in range(40)]
    outcomes = [await outcome(bus.publish(DESK, QUEUE, each)) for each in sent]

    # Then it takes about ten (RabbitMQ's bound is soft by what is under way) and refuses the others
    taken = [each.id for each, said in zip(sent, outcomes, strict=True) if said == "confirmed"]
    assert set(outcomes) == {"confirmed", "QueueFull"}
    assert 10 <= len(taken) <= 12
    info = await eventually(lambda: harness.admin.queue_info(QUEUE))
    assert info.ready == len(taken)

    # And everything that it took is there, and it takes more once there is room
    subscription = await bus.subscribe(QUEUE, 100)
    assert ids(await take(subscription, len(taken), ack=True)) == taken
    await eventually(lambda: _accepts(bus.publish(DESK, QUEUE, message("late"))), "there is room again")


async def _accepts(future: "asyncio.Future[None]") -> bool:
    return await outcome(future) == "confirmed"


async def test_an_empty_body_and_one_of_the_greatest_length_arrive_unharmed(harness: Harness) -> None:
    await a_desk(harness.admin, Queue(QUEUE))
    bus = await harness.connect()
    subscription = await bus.subscribe(QUEUE, 10)
    largest = bytes(range(256)) * (MAX_BODY_BYTES // 256)
    assert len(largest) == MAX_BODY_BYTES

    bodies = [b"", largest, b"\0", largest[::-1], b"after"]
    await publish_all(bus, QUEUE, [message(number, body) for number, body in enumerate(bodies)])

    assert [each.message.body for each in await take(subscription, 5)] == bodies


async def test_a_body_above_the_bound_is_refused_and_nothing_else_suffers(harness: Harness) -> None:
    await a_desk(harness.admin, Queue(QUEUE))
    bus = await harness.connect()

    futures = [
        bus.publish(DESK, QUEUE, message(1)),
        bus.publish(DESK, QUEUE, message(2, bytes(MAX_BODY_BYTES + 1))),
        bus.publish(DESK, QUEUE, message(3)),
    ]

    assert [await outcome(future) for future in futures] == ["confirmed", "TooLarge", "confirmed"]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
async def test_hostile_names_are_just_names(harness: Harness, name: str) -> None:
    # Given a queue, a key and a message of that name, and others that a pattern could match
    await a_desk(harness.admin, Queue(name), Queue("a.b.c.d"), Queue("x"))
    bus = await harness.connect()
    subscription = await bus.subscribe(name, 10)

    # When a message goes there
    sent = message(name, name.encode(), to=name, conversation=name, run=name, correlation_id=name, trace=name)
    await bus.publish(DESK, name, sent._replace(type=name))

    # Then it arrives there and nowhere else
    [received] = await take(subscription, 1)
    assert received.message._replace(sender="") == sent._replace(type=name)
    assert received.key == name
    for other in ("a.b.c.d", "x"):
        info = await harness.admin.queue_info(other)
        assert info is not None
        assert info.ready == 0
    subscription.ack([received.tag])


async def test_names_too_long_for_the_wire_are_refused_and_nothing_else_suffers(harness: Harness) -> None:
    await a_desk(harness.admin, Queue(QUEUE))
    bus = await harness.connect()

    first = bus.publish(DESK, "k" * 256, message(1))
    second = bus.publish(DESK, QUEUE, message(2))

    assert await outcome(first) in {"Refused", "Unroutable"}
    assert await outcome(second) == "confirmed"


async def test_a_number_that_no_message_can_hold_is_refused_and_nothing_else_suffers(harness: Harness) -> None:
    await a_desk(harness.admin, Queue(QUEUE))
    bus = await harness.connect()

    futures = [bus.publish(DESK, QUEUE, message(number, seq=seq)) for number, seq in ((1, 1), (2, 2**70), (3, 3))]

    assert [await outcome(future) for future in futures] == ["confirmed", "Refused", "confirmed"]


async def test_declaring_the_same_twice_changes_nothing(harness: Harness) -> None:
    queue = Queue(QUEUE, delivery_limit=3, max_length=10, max_bytes=1000, dead_letter_exchange=DESK)
    await a_desk(harness.admin, queue)
    await publish_all(harness.admin, QUEUE, [message(1)])

    await a_desk(harness.admin, queue)

    info = await eventually(lambda: harness.admin.queue_info(QUEUE))
    assert info.ready == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("single_active", False), ("delivery_limit", 4), ("max_length", 11), ("max_bytes", 999), ("ttl_ms", 1),
        ("dead_letter_key", "k"), ("dead_letter_exchange", ""),
    ],
)  # fmt: skip
async def test_a_queue_that_exists_with_other_arguments_is_refused_and_nothing_is_changed(
    harness: Harness, field: str, value: object
) -> None:
    queue = Queue(QUEUE, delivery_limit=3, max_length=10, max_bytes=1000, dead_letter_exchange=DESK)
    await a_desk(harness.admin, queue)

    with pytest.raises(TopologyMismatch) as refused:
        await a_desk(harness.admin, Queue("brand.new"), queue._replace(**{field: value}))  # type: ignore[arg-type]

    # The error names the queue, and what came before it in the topology was not made either
    assert QUEUE in refused.value.detail
    assert await harness.admin.queue_info("brand.new") is None
    await a_desk(harness.admin, queue)


async def test_an_exchange_of_another_kind_is_refused(harness: Harness) -> None:
    await a_desk(harness.admin, Queue(QUEUE))

    with pytest.raises(TopologyMismatch) as refused:
        await harness.admin.declare(Topology((Exchange(DESK, "fanout"),), (), ()))

    assert DESK in refused.value.detail


async def test_a_queue_that_does_not_exist_cannot_be_subscribed(harness: Harness) -> None:
    bus = await harness.connect()

    with pytest.raises(Refused):  # noqa: PT012 - by whichever of the two notices
        subscription = await bus.subscribe("no.such.queue", 1)
        await subscription.next_batch()


async def test_a_fanout_exchange_reaches_every_queue_with_any_key(harness: Harness) -> None:
    bindings = (Binding(DESK, "", "one"), Binding(DESK, "", "two"))
    await harness.admin.declare(Topology((Exchange(DESK, "fanout"),), (Queue("one"), Queue("two")), bindings))
    bus = await harness.connect()
    subscriptions = [await bus.subscribe(name, 5) for name in ("one", "two")]

    await bus.publish(DESK, "p3", message(1))

    for subscription in subscriptions:
        [received] = await take(subscription, 1)
        assert (received.message.id, received.key) == ("m1", "p3")


async def test_a_queue_bound_twice_gets_each_message_once(harness: Harness) -> None:
    bindings = (Binding(DESK, "a", QUEUE), Binding(DESK, "b", QUEUE))
    await harness.admin.declare(Topology((Exchange(DESK, "direct"),), (Queue(QUEUE),), bindings))
    bus = await harness.connect()
    subscription = await bus.subscribe(QUEUE, 5)

    await bus.publish(DESK, "a", message(1))
    await bus.publish(DESK, "b", message(2))

    assert ids(await take(subscription, 2)) == ["m1", "m2"]
    with pytest.raises(Unroutable):
        await bus.publish(DESK, "c", message(3))


def test_errors_say_whether_trying_again_helps() -> None:
    assert issubclass(QueueFull, BusError)
    assert {error.__bases__[0].__name__ for error in (Refused, TooLarge, Unroutable)} == {"Permanent"}
    assert QueueFull.__bases__[0].__name__ == "Transient"
