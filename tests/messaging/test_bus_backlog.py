"""A backlog larger than any one packet of a transport comes through, in order and each message once."""

import asyncio

import pytest

from muster_messaging.message import MAX_BODY_BYTES
from muster_messaging.topology import Queue
from tests.messaging.harness import Harness
from tests.messaging.transcript import a_desk, ids, message, publish_all, take

QUEUE = "backlog"
#: Bytes of a body, and how many of them wait: several times what gRPC takes for one message (4 MiB).
BACKLOGS = pytest.mark.parametrize(("size", "count"), [(160_000, 60), (MAX_BODY_BYTES, 10)])


def bodies(size: int, count: int) -> list[bytes]:
    return [bytes([number]) * size for number in range(count)]


@BACKLOGS
async def test_what_waits_for_a_consumer_arrives_at_once_however_much_it_is(
    harness: Harness, size: int, count: int
) -> None:
    # Given megabytes in a queue, none of which may be delivered twice
    await a_desk(harness.admin, Queue(QUEUE, delivery_limit=1))
    sent = [message(number, body) for number, body in enumerate(bodies(size, count))]
    for each in sent:
        await publish_all(harness.admin, QUEUE, [each])

    # When somebody comes who takes it all
    bus = await harness.connect()
    taken = await take(await bus.subscribe(QUEUE, 250), count)

    # Then it is all there, at the first attempt
    assert ids(taken) == [each.id for each in sent]
    assert [each.message.body for each in taken] == [each.body for each in sent]
    assert {each.attempt for each in taken} == {1}


@BACKLOGS
async def test_what_is_published_in_one_go_is_confirmed_however_much_it_is(
    harness: Harness, size: int, count: int
) -> None:
    await a_desk(harness.admin, Queue(QUEUE))
    bus = await harness.connect()
    subscription = await bus.subscribe(QUEUE, 250)
    sent = [message(number, body) for number, body in enumerate(bodies(size, count))]

    confirmed, taken = await asyncio.gather(publish_all(bus, QUEUE, sent), take(subscription, count))

    assert confirmed is None
    assert ids(taken) == [each.id for each in sent]
    assert [each.message.body for each in taken] == [each.body for each in sent]
