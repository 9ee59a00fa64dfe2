"""Over RabbitMQ, nobody waits for ever: what is asked of a queue server that does not answer fails in time."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from muster_messaging.amqp import admin as admin_module
from muster_messaging.amqp import bus as bus_module
from muster_messaging.amqp import url
from muster_messaging.bus import Subscription
from muster_messaging.errors import Disconnected, Unconfirmed
from muster_messaging.message import Delivery
from muster_messaging.topology import Queue
from tests.messaging.rabbitmq_harness import RabbitHarness, open_harness
from tests.messaging.transcript import DESK, a_desk, eventually, ids, message, take

QUEUE = "late"
pytestmark = pytest.mark.rabbitmq


@pytest.fixture
async def rabbit(request: pytest.FixtureRequest) -> AsyncIterator[RabbitHarness]:
    async with open_harness(request) as harness:
        yield harness


async def test_subscribing_is_given_up_when_no_answer_comes_and_may_be_tried_again(
    rabbit: RabbitHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_module, "SUBSCRIBE_TIMEOUT_S", 0.3)
    await a_desk(rabbit.admin, Queue(QUEUE))
    bus = await rabbit.connect()
    known = asyncio.all_tasks()
    rabbit.cables[bus].freeze()

    with pytest.raises(Disconnected, match="No answer within"):
        await bus.subscribe(QUEUE, 1)

    # Then nothing of it goes on behind our back, and the next one may succeed
    await asyncio.sleep(0)
    assert not [task for task in asyncio.all_tasks() - known if "consumer" in task.get_name()]
    rabbit.cables[bus].thaw()
    monkeypatch.setattr(bus_module, "SUBSCRIBE_TIMEOUT_S", 30.0)
    await bus.subscribe(QUEUE, 1)


async def test_counting_is_given_up_when_no_channel_opens_and_works_again_later(
    rabbit: RabbitHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin_module, "CONNECTION_PATIENCE_S", 0.3)
    await a_desk(rabbit.admin, Queue(QUEUE))
    bus = await rabbit.connect()
    await bus.subscribe(QUEUE, 1)  # so that there is a link
    rabbit.cables[bus].freeze()

    with pytest.raises(Disconnected):
        await bus.queue_info(QUEUE)

    rabbit.cables[bus].thaw()
    monkeypatch.setattr(admin_module, "CONNECTION_PATIENCE_S", 10.0)
    assert (await bus.queue_info(QUEUE)) is not None


async def test_a_cable_that_swallows_everything_is_noticed_by_the_missing_heartbeats(
    rabbit: RabbitHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given heartbeats every second; pika allows five more before it calls a connection dead
    monkeypatch.setattr(url, "HEARTBEAT_S", 1)
    await a_desk(rabbit.admin, Queue(QUEUE))
    bus = await rabbit.connect()
    subscription = await bus.subscribe(QUEUE, 1)

    rabbit.cables[bus].freeze()
    waiting = bus.publish(DESK, QUEUE, message(1))
    await eventually(lambda: not bus.connected, "the silence is noticed")
    with pytest.raises(Unconfirmed):
        await waiting

    # Then it comes back by itself when the cable is well again
    rabbit.cables[bus].cut()
    rabbit.cables[bus].thaw()
    async with asyncio.timeout(30):
        await bus.wait_connected()
    await bus.publish(DESK, QUEUE, message(2))
    assert "m2" in ids([*await take(subscription, 1, ack=True), *await take_more(subscription)])


async def take_more(subscription: Subscription) -> list[Delivery]:
    """What arrives within a moment: the message that was swallowed may have arrived after all."""
    try:
        async with asyncio.timeout(1.0):
            return await subscription.next_batch()
    except TimeoutError:
        return []
