"""The loop over a real queue server: durable first, acknowledged then; what fails is answered, retried or put aside."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from muster_broker import loop as loop_module
from muster_broker import outcomes
from muster_broker.core import conduct, router
from muster_messaging.errors import BusError, QueueFull, TooLarge, Unconfirmed
from muster_messaging.message import SCHEMA, Message
from muster_messaging.topology import (
    PARKING,
    PARKING_QUEUE,
    SERVER_INPUT,
    TO_AGENT,
    TO_SERVER,
    agent_queue,
    broker_input,
    partition_of,
    retry_exchange,
)
from muster_shared_models.agents import Offence
from muster_shared_models.bodies import branch_run
from muster_shared_models.problems import Reason
from tests.broker.bench import BURST, Bench, Routing, bench, key_of, notices
from tests.broker.fleets import agent, message_to
from tests.messaging.transcript import eventually

INPUTS = [broker_input(number) for number in range(4)]
pytestmark = pytest.mark.usefixtures("short_waits")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Bench]:
    async with bench(tmp_path, agent(1, "builder"), agent(2, "reader"), agent(3, "sleeper", attached=False)) as opened:
        yield opened


async def test_a_message_arrives_as_it_was_sent_with_its_verified_sender(desk: Bench) -> None:
    desk.start()
    sent = await desk.send("agent:builder", sender="agt_2", origin="user:usr_1", body=b"hello", seq=7, trace="t")

    (arrived,) = await desk.at_agent("agt_1")

    assert arrived == sent._replace(to="agent:agt_1", sender="brk_1", origin="agt_2")
    await desk.empty(*INPUTS)


async def test_the_servers_own_word_for_a_person_is_believed(desk: Bench) -> None:
    desk.start()
    await desk.send("agent:builder", origin="user:usr_1")

    assert [message.origin for message in await desk.at_agent("agt_1")] == ["user:usr_1"]


async def test_nothing_is_acknowledged_before_its_copy_is_confirmed(desk: Bench) -> None:
    broker = desk.start()
    broker.bus.hold = True
    sent = await desk.send("all:name=*er")
    queue = broker_input(partition_of(sent.conversation, 4))

    # Given three copies and two notices, and one confirm after the other comes in
    for _ in range(5):
        await eventually(lambda: broker.bus.held)
        done, seen = broker.bus.held.pop(0)
        await done
        assert await desk.count(queue) == 1
        seen.set_result(None)
    # Then only the last one lets go of the message
    await desk.empty(queue)
    assert len(await desk.at_agent("agt_1")) == 1


@pytest.mark.parametrize("error", [QueueFull("full"), Unconfirmed("who knows")])
async def test_a_publish_that_fails_is_tried_again_with_the_same_id(desk: Bench, error: BusError) -> None:
    broker = desk.start()
    left = [error, error]
    broker.bus.refuse = lambda exchange, key, message: left.pop() if left and exchange == TO_AGENT else None
    sent = await desk.send("agent:builder")

    assert [message.id for message in await desk.at_agent("agt_1")] == [sent.id]
    await desk.empty(*INPUTS)


async def test_a_full_queue_sends_a_message_round_the_retry_queue_and_another_agent_may_take_it(desk: Bench) -> None:
    broker = desk.start()
    broker.bus.refuse = lambda exchange, *_: QueueFull("full") if exchange == TO_AGENT else None
    sent = await desk.send("any:name=*er", origin="user:usr_1")

    (waiting,) = await desk.receive("retry_queue.5s")

    assert waiting.key == key_of(sent)
    assert waiting.message == sent._replace(retries=1, sender="brk_1", origin="user:usr_1")
    await desk.empty(*INPUTS)


async def test_what_a_conversation_says_to_anybody_goes_to_one_agent_before_it_has_answered(desk: Bench) -> None:
    for number in range(4):
        await desk.send("any:name=*er", id=f"msg_{number}")
    desk.start()

    await desk.empty(*INPUTS)
    chosen = desk.fleet.chosen("cnv_1")
    assert [message.id for message in await desk.at_agent(chosen, 4)] == ["msg_0", "msg_1", "msg_2", "msg_3"]


async def test_what_comes_behind_a_message_on_the_retry_queue_goes_round_too_and_nothing_overtakes(desk: Bench) -> None:
    """The first is refused; what is sent meanwhile, and when there is room again, waits for it."""
    broker = desk.start()
    broker.bus.refuse = lambda exchange, *_: QueueFull("full") if exchange == TO_AGENT else None
    sent = [await desk.send("agent:builder", id=f"msg_{number}") for number in (1, 2)]
    away = [each.message for each in await desk.receive("retry_queue.5s", 2)]
    assert [message.id for message in away] == ["msg_1", "msg_2"]
    # When there is room, and a third comes before they are back
    broker.bus.refuse = lambda *_: None
    await desk.send("agent:builder", id="msg_3")
    (third,) = [each.message for each in await desk.receive("retry_queue.5s")]
    assert (third.id, third.retries) == ("msg_3", 0)
    # Others are not concerned, nor is the other direction
    await desk.send("agent:builder", id="msg_9", conversation="cnv_9")
    await desk.send("server", id="msg_8", sender="agt_1")
    assert [message.id for message in await desk.at_agent("agt_1")] == ["msg_9"]
    # Then they come back, the second first: it goes round once more
    key = key_of(sent[0])
    await desk.outside.publish("muster.to_broker", key, away[1])
    (second,) = [each.message for each in await desk.receive("retry_queue.5s")]
    for message in (away[0], second, third):
        await desk.outside.publish("muster.to_broker", key, message)

    assert [message.id for message in await desk.at_agent("agt_1", 3)] == ["msg_1", "msg_2", "msg_3"]
    await desk.send("agent:builder", id="msg_4")
    assert [message.id for message in await desk.at_agent("agt_1")] == ["msg_4"]
    await desk.empty(*INPUTS)


async def test_a_copy_that_may_have_arrived_goes_to_the_same_agent_again(desk: Bench) -> None:
    broker = desk.start()
    broker.bus.refuse = lambda exchange, *_: Unconfirmed("who knows") if exchange == TO_AGENT else None
    sent = await desk.send("any:name=builder")

    (waiting,) = await desk.receive("retry_queue.5s")

    assert (waiting.message.id, waiting.message.to) == (sent.id, "agent:agt_1")


async def test_of_many_only_the_copy_that_failed_goes_round(desk: Bench) -> None:
    broker = desk.start()
    broker.bus.refuse = lambda exchange, key, _: QueueFull("full") if (exchange, key) == (TO_AGENT, "agt_2") else None
    await desk.send("all:name=*er")

    (waiting,) = await desk.receive("retry_queue.5s")
    again = waiting.message

    assert (again.id, again.to, again.run) == ("msg_1~agt_2", "agent:agt_2", branch_run("run_1", "agt_2"))
    # When it comes back it is the same copy, as its agent would know it
    broker.bus.refuse = lambda *_: None
    await desk.outside.publish("muster.to_broker", waiting.key, again)
    assert [copy.id for copy in await desk.at_agent("agt_2")] == ["msg_1~agt_2"]
    assert len(await desk.at_agent("agt_1")) == 1


async def test_after_the_last_round_a_message_is_put_aside_and_its_sender_told(desk: Bench) -> None:
    broker = desk.start()
    broker.bus.refuse = lambda exchange, *_: QueueFull("full") if exchange == TO_AGENT else None
    await desk.send("agent:builder", retries=outcomes.MAX_RETRIES)

    assert [message.id for message in await desk.parked()] == ["msg_1"]
    (notice,) = notices(await desk.at_server())
    assert (notice.reason, notice.final, notice.run_id) == (Reason.QUEUE_FULL, True, "run_1")
    await desk.empty(*INPUTS)


async def test_each_retired_target_of_many_is_told_apart(desk: Bench) -> None:
    for agent_id in ("agt_1", "agt_2"):
        await desk.outside.delete_queue(agent_queue(agent_id))
    desk.start()
    await desk.send("all:name=*er")

    told = await desk.at_server(4)

    gone = [notice for notice in notices(told) if notice.final]
    assert {(notice.reason, notice.run_id) for notice in gone} == {
        (Reason.AGENT_NOT_FOUND, branch_run("run_1", "agt_1")),
        (Reason.AGENT_NOT_FOUND, branch_run("run_1", "agt_2")),
    }
    assert len({message.id for message in told}) == 4
    await desk.empty(*INPUTS)


async def test_what_the_queue_server_never_takes_is_answered(desk: Bench) -> None:
    broker = desk.start()
    broker.bus.refuse = lambda exchange, *_: TooLarge("It is too large.") if exchange == TO_AGENT else None
    await desk.send("agent:builder")

    (notice,) = notices(await desk.at_server())

    assert (notice.reason, notice.final) == (Reason.UNROUTABLE, True)
    assert "too large" in notice.detail


async def test_a_poisonous_message_is_put_aside_with_its_reason_and_harms_no_other(
    desk: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(message: Message, *more: object) -> router.Decision:
        if message.id == "msg_poison":
            raise ZeroDivisionError("poison")
        return router.decide(message, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(loop_module, "decide", fails)
    desk.start()
    await desk.send("agent:builder", id="msg_poison")
    await desk.send("agent:builder", id="msg_good")

    assert [message.id for message in await desk.at_agent("agt_1")] == ["msg_good"]
    assert [message.id for message in await desk.parked()] == ["msg_poison"]
    (notice,) = notices(await desk.at_server())
    assert (notice.reason, notice.message_id, notice.final) == (Reason.INTERNAL, "msg_poison", True)
    assert "poison" in notice.detail
    await desk.empty(*INPUTS)


async def test_a_schema_of_the_future_is_put_aside_and_its_sender_told(desk: Bench) -> None:
    desk.start()
    sent = await desk.send("agent:builder", schema=SCHEMA + 1)

    why = f"schema_unknown: Its schema is {SCHEMA + 1}, this broker knows {SCHEMA}."
    assert await desk.parked() == [sent._replace(sender="brk_1", origin="server", aside=why)]
    assert [notice.reason for notice in notices(await desk.at_server())] == [Reason.SCHEMA_UNKNOWN]


async def test_a_message_on_another_conversations_partition_is_put_aside(desk: Bench) -> None:
    desk.start()
    right = key_of(message_to("server"))
    await desk.send("agent:builder", key="p1" if right == "p0" else "p0")

    assert len(await desk.parked()) == 1
    assert [notice.reason for notice in notices(await desk.at_server())] == [Reason.INVALID_ADDRESS]


async def test_a_notice_for_an_agent_goes_to_its_queue_and_one_for_nobody_is_put_aside(desk: Bench) -> None:
    desk.start()
    await desk.send("agent:nobody", sender="agt_2")
    await desk.send("agent:nobody", sender="agt_9", id="msg_2", conversation="cnv_2")

    (told,) = await desk.at_agent("agt_2")
    assert (told.type, told.to, told.correlation_id) == ("notice", "agent:agt_2", "msg_1")
    assert [message.id for message in await desk.parked()] == ["msg_2!agent_not_found"]
    assert await desk.count(SERVER_INPUT) == 0


async def test_while_nothing_can_be_made_durable_a_message_stays_and_is_routed_again(
    desk: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcomes, "MAX_WAITING", 1)
    broker = desk.start()
    broker.bus.hold = True
    await desk.send("agent:builder", id="msg_first")
    await eventually(lambda: broker.bus.held)
    await desk.send("agent:builder", id="msg_second", conversation="cnv_2")
    await eventually(lambda: "cnv_2" in broker.loops[partition_of("cnv_2", 4)]._lanes)

    broker.bus.release()

    assert {message.id for message in await desk.at_agent("agt_1", 2)} == {"msg_first", "msg_second"}
    await desk.empty(*INPUTS)


async def test_when_not_even_putting_aside_works_a_message_stays_until_it_does(desk: Bench) -> None:
    broker = desk.start()
    tries = []

    def refuse(exchange: str, key: str, message: Message) -> BusError | None:
        if exchange != PARKING or len(tries) >= 4:
            return None
        tries.append(message.id)
        return QueueFull("no room")

    broker.bus.refuse = refuse
    await desk.send("agent:builder", schema=SCHEMA + 1)

    assert [message.id for message in await desk.parked()] == ["msg_1"]
    await desk.empty(*INPUTS)


async def test_a_server_that_takes_nothing_makes_answers_wait_in_the_retry_queue(desk: Bench) -> None:
    broker = desk.start()
    broker.bus.refuse = lambda exchange, *_: QueueFull("full") if exchange == TO_SERVER else None
    await desk.send("server", sender="agt_1")
    await desk.send("agent:sleeper", id="msg_2", conversation="cnv_2")

    waiting = [each.message for each in await desk.receive("retry_queue.5s", 2)]

    assert {(message.id, message.origin) for message in waiting} == {("msg_1", "agt_1"), ("msg_2!queued", "broker")}
    assert retry_exchange("5s") == "muster.retry.5s"
    assert len(await desk.at_agent("agt_3")) == 1


def caught_up(desk: Bench) -> Routing:
    """Start a broker that finds its queues empty."""
    broker = desk.start()
    for loop in broker.loops:
        loop._backlog = 0
    return broker


async def test_a_flood_is_told_the_first_of_it_put_aside_the_rest_dropped_and_others_pass(
    desk: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conduct, "KEPT", 10)
    broker = caught_up(desk)
    for number in range(BURST * 2):
        await desk.send("server", sender="agt_1", id=f"msg_{number}")
    await desk.send("server", sender="agt_2", id="msg_of_another")

    arrived = [message.id for message in await desk.at_server(BURST + 1)]
    assert arrived == [*(f"msg_{number}" for number in range(BURST)), "msg_of_another"]
    aside = await desk.parked(10)
    assert [message.id for message in aside] == [f"msg_{number}" for number in range(BURST, BURST + 10)]
    assert {message.aside.partition(":")[0] for message in aside} == {Reason.AGENT_QUARANTINED.value}
    await desk.empty(*INPUTS, PARKING_QUEUE, SERVER_INPUT)
    assert [(report.agent_id, report.offence) for report in broker.reports] == [("agt_1", Offence.FLOODING)]


async def test_what_waited_for_a_broker_to_come_is_no_flood(desk: Bench) -> None:
    for number in range(BURST * 20):
        await desk.send("server", sender="agt_1", id=f"msg_{number}")
    broker = desk.start()

    await desk.at_server(BURST * 20)
    assert broker.reports == []


async def test_an_agent_that_is_asked_may_answer_and_one_that_asks_itself_may_not(desk: Bench) -> None:
    broker = caught_up(desk)
    for number in range(BURST):
        await desk.send("agent:builder", id=f"ask_{number}")
        for event in range(3):
            await desk.send("server", sender="agt_1", id=f"say_{number}_{event}")
    await desk.at_server(BURST * 3)
    assert broker.reports == []

    for number in range(BURST + 5):
        await desk.send("agent:reader", sender="agt_2", id=f"self_{number}")
    await desk.parked(5)
    assert [report.agent_id for report in broker.reports] == ["agt_2"]


async def test_forgeries_are_told_and_go_no_further_than_before(desk: Bench) -> None:
    broker = desk.start()
    wrong = next(f"p{number}" for number in range(4) if number != partition_of("cnv_1", 4))
    sent = await desk.send("server", sender="agt_1", key=wrong)

    assert [message.id for message in await desk.parked()] == [sent.id]
    [report] = broker.reports
    assert (report.agent_id, report.offence, report.subject) == ("agt_1", Offence.FORGING, sent.id)


async def test_the_sender_is_told_that_an_agent_is_quarantined_and_the_message_waits(desk: Bench) -> None:
    desk.fleet.put(agent(1, "builder", attached=False, quarantined=True, last_heard_ms=9))
    desk.start()
    await desk.send("agent:builder")

    [told] = notices(await desk.at_server())
    assert (told.reason, told.final, "is quarantined" in told.detail) == ("queued", False, True)
    assert len(await desk.at_agent("agt_1")) == 1
