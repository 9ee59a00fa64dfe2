"""A subscription of the relay that fails as nobody foresaw ends the stream: its process begins anew, no one waits."""

import pytest

from muster_messaging.embedded.server import EmbeddedSubscription
from muster_messaging.frames import FrameDelivery
from muster_messaging.topology import Queue
from tests.messaging.relay_harness import open_harness
from tests.messaging.transcript import a_desk, message, publish_all, take


async def test_what_a_failed_subscription_held_comes_again(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, failures = EmbeddedSubscription.next_batch, [ValueError("cannot be written as a frame")]

    async def failing(self: EmbeddedSubscription) -> list[FrameDelivery]:
        batch = await real(self)
        if failures:
            raise failures.pop()
        return batch

    monkeypatch.setattr(EmbeddedSubscription, "next_batch", failing)
    async with open_harness(request) as harness:
        await a_desk(harness.admin, Queue("work"))
        bus = await harness.connect()
        inbox = await bus.subscribe("work", 10)

        await publish_all(harness.admin, "work", [message(1)])

        [delivery] = await take(inbox, 1, ack=True)
        assert (delivery.message.id, delivery.attempt, failures) == ("m1", 2, [])
