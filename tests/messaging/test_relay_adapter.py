"""The relay in front of RabbitMQ: the queue server vouches for the relay, the relay for whoever sent through it."""

import pytest

from muster_messaging.frames import encode
from muster_messaging.message import Message
from muster_messaging.relay.adapter import FrameAdapter
from tests.agent.fake_bus import FakeBus


@pytest.mark.parametrize(
    ("sender", "claimed", "believed"),
    [
        ("agt_1", "agt_2", "agt_1"),
        ("agt_1", "user:usr_1", "agt_1"),
        ("agt_1", "", "agt_1"),
        ("brk_1", "agt_2", "agt_2"),
    ],
)
async def test_an_agent_cannot_claim_to_be_another_and_a_broker_says_whose_message_it_passes_on(
    sender: str, claimed: str, believed: str
) -> None:
    bus = FakeBus()

    await FrameAdapter(bus).publish_frame("exchange", "key", sender, encode(Message("msg_1", "note", origin=claimed)))

    assert [message.origin for message in bus.published] == [believed]
