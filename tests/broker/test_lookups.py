"""Unknown addresses: looked up again, answered in time, and nothing of the conversation overtakes."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from muster_broker import loop as loop_module
from muster_broker.core import router
from muster_messaging.message import Message
from muster_messaging.topology import agent_topology
from muster_shared_models.problems import Reason
from tests.broker.bench import Bench, bench, notices
from tests.broker.fleets import agent
from tests.messaging.transcript import eventually

LOOK_EVERY_S = 0.1


@pytest.fixture
async def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    monkeypatch.setattr(loop_module, "LOOK_EVERY_S", LOOK_EVERY_S)
    async with bench(tmp_path, agent(1, "builder")) as opened:
        yield opened


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of messages, each time one is decided about."""
    seen: list[str] = []

    def decide(message: Message, *more: object) -> router.Decision:
        seen.append(message.id)
        return router.decide(message, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(loop_module, "decide", decide)
    return seen


def test_the_answer_to_an_unknown_address_comes_within_five_seconds() -> None:
    assert (loop_module.LOOKS - 1) * loop_module.LOOK_EVERY_S <= 4


async def test_a_sender_hears_that_nobody_has_this_address_after_some_looks(desk: Bench, looks: list[str]) -> None:
    desk.start()
    await desk.send("agent:nobody")

    (notice,) = notices(await desk.at_server())

    assert (notice.reason, notice.final, notice.run_id) == (Reason.AGENT_NOT_FOUND, True, "run_1")
    assert "nobody" in notice.detail
    assert looks == ["msg_1"] * loop_module.LOOKS


@pytest.mark.parametrize("to", ["any:env=nowhere", "all:env=nowhere"])
async def test_an_empty_selection_is_answered_too(desk: Bench, to: str) -> None:
    desk.start()
    await desk.send(to)

    assert [notice.reason for notice in notices(await desk.at_server())] == [Reason.NO_TARGET]


async def test_an_agent_that_has_just_joined_gets_what_was_sent_to_it(desk: Bench, looks: list[str]) -> None:
    desk.start()
    await desk.outside.declare(agent_topology("agt_9"))
    await desk.send("agent:late")
    await eventually(lambda: looks)
    desk.fleet.put(agent(9, "late"))

    assert [message.id for message in await desk.at_agent("agt_9")] == ["msg_1"]


async def test_nothing_overtakes_in_a_conversation_and_others_do_not_wait(desk: Bench) -> None:
    desk.start()
    await desk.send("agent:nobody", id="msg_lost")
    await desk.send("agent:builder", id="msg_after")
    await desk.send("agent:builder", id="msg_other", conversation="cnv_2")
    await desk.send("agent:builder", id="msg_alone", conversation="")

    arrived = [message.id for message in await desk.at_agent("agt_1", 3)]

    assert arrived[-1] == "msg_after"
    assert [notice.message_id for notice in notices(await desk.at_server())] == ["msg_lost"]


async def test_many_lost_messages_of_one_conversation_are_looked_up_together(desk: Bench, looks: list[str]) -> None:
    desk.start()
    for number in range(6):
        await desk.send("agent:nobody", id=f"msg_{number}")
    await desk.send("agent:builder", id="msg_after")

    assert [notice.message_id for notice in notices(await desk.at_server(6))] == [f"msg_{n}" for n in range(6)]
    assert [message.id for message in await desk.at_agent("agt_1")] == ["msg_after"]
    # Each for itself would be three looks a message
    assert looks.count("msg_0") == loop_module.LOOKS
    assert len(looks) - 1 < 2 * loop_module.LOOKS + 6


async def test_a_broker_that_stops_answers_what_it_has_in_hand(desk: Bench) -> None:
    broker = desk.start()
    await desk.send("agent:nobody")
    await eventually(lambda: any(loop._lanes for loop in broker.loops))

    await asyncio.gather(broker.stop())

    assert [notice.message_id for notice in notices(await desk.at_server())] == ["msg_1"]
