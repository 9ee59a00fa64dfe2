"""Who ends a run that its agent has begun: the agent or the deadline, not news of a copy that went nowhere."""

from dataclasses import replace

import pytest

from muster_messaging.message import Delivery
from muster_messaging.topology import PARKING_QUEUE, agent_queue
from muster_server.store.store import Store
from muster_shared_models.bodies import MessageType, RunEventsBody
from muster_shared_models.problems import MusterError, Reason
from muster_shared_models.run_events import RunError, RunFinished, RunStarted
from tests.server.talk import AGENT, ENDED, MESSAGE, RUN, STARTED, Talk


@pytest.fixture
async def talk(store: Store) -> Talk:
    talk = Talk(store)
    await talk.begin()
    return talk


@pytest.mark.parametrize("reason", [Reason.QUEUE_FULL, Reason.AGENT_NOT_FOUND])
async def test_a_final_notice_does_not_end_what_has_begun(reason: Reason, talk: Talk) -> None:
    await talk.report(STARTED, message_id="msg_a")
    await talk.told(reason)
    await talk.report(*ENDED, message_id="msg_b")
    assert await talk.kinds() == ["RUN_STARTED", "TEXT_MESSAGE_END", "RUN_FINISHED"]


async def test_a_final_notice_ends_what_nobody_has_begun(talk: Talk) -> None:
    await talk.told(Reason.QUEUE_FULL)
    await talk.report(STARTED, *ENDED, message_id="msg_a")
    assert await talk.kinds() == ["RUN_ERROR"]


@pytest.mark.parametrize(
    ("delivery", "queue", "ends"),
    [
        (Delivery(1, MESSAGE._replace(aside="queue_full: It was full."), "in"), PARKING_QUEUE, False),
        (Delivery(1, MESSAGE, AGENT, died_of="expired", died_in=agent_queue(AGENT)), "dead_letter_queue.agent", False),
        (Delivery(1, MESSAGE, AGENT, died_of="rejected", died_in=agent_queue(AGENT)), "dead_letter_queue.agent", True),
        (Delivery(1, MESSAGE, AGENT, died_of="delivery_limit", died_in=agent_queue(AGENT)), "dead_letter_queue", True),
    ],
    ids=["put aside", "expired", "rejected", "delivery limit"],
)
async def test_a_dead_copy_ends_what_has_begun_only_if_the_agent_gave_it_up(
    delivery: Delivery, queue: str, ends: bool, talk: Talk
) -> None:
    await talk.report(STARTED, message_id="msg_a")
    await talk.died(delivery, queue)
    assert await talk.kinds() == ["RUN_STARTED", *(["RUN_ERROR"] if ends else [])]


@pytest.mark.parametrize("kind", [MessageType.CHAT, MessageType.RUN_EVENTS])
async def test_a_dead_letter_of_an_agent_ends_no_other_agents_run(kind: MessageType, talk: Talk) -> None:
    forged = MESSAGE._replace(sender="agt_2", origin="brk_1", type=kind.value, aside="schema_unknown: 99.")
    await talk.died(Delivery(1, forged, "in"), PARKING_QUEUE)
    assert await talk.kinds() == []


async def test_an_agent_cannot_use_up_the_ids_of_anothers_answer(talk: Talk) -> None:
    await talk.begin(replace(RUN, id="run_2", agent_id="agt_2"))
    # In the run of the other, in a conversation that is not the run's, and in its own run, which it may
    await talk.report(STARTED, sender="agt_2", message_id="msg_end")
    await talk.report(STARTED, sender="agt_2", message_id="msg_end", run=replace(RUN, conversation="cnv_9"))
    mine = replace(RUN, id="run_2")
    await talk.report(RunStarted(run_id="run_2"), sender="agt_2", message_id="msg_end", run=mine)
    assert talk.near.forgeries == ["agt_2", "agt_2"]
    for _ in range(2):  # the second time it is a double
        await talk.report(STARTED, *ENDED, message_id="msg_end")
    assert await talk.kinds() == ["RUN_STARTED", "RUN_STARTED", "TEXT_MESSAGE_END", "RUN_FINISHED"]


async def test_an_answer_that_came_too_late_counts_when_the_run_is_opened_again(talk: Talk, store: Store) -> None:
    await talk.told(Reason.QUEUE_FULL)
    await talk.report(STARTED, *ENDED, message_id="msg_end")
    await store.write(lambda tx: talk.ends.reopened(tx, RUN.id, f"agent:{AGENT}", "somebody"))
    await talk.report(STARTED, *ENDED, message_id="msg_end")
    assert await talk.kinds() == ["RUN_ERROR", "RUN_QUEUED", "RUN_STARTED", "TEXT_MESSAGE_END", "RUN_FINISHED"]


async def test_an_answer_that_had_arrived_is_not_taken_twice(talk: Talk, store: Store) -> None:
    failed = RunError(run_id=RUN.id, reason=Reason.INTERNAL, message="no")
    await talk.report(STARTED, failed, message_id="msg_end")
    body = RunEventsBody(run_id=RUN.id, events=[failed]).model_dump_json().encode()
    again = MESSAGE._replace(id="msg_end", type=MessageType.RUN_EVENTS.value, body=body, origin=AGENT)
    with pytest.raises(MusterError, match="arrived after all"):
        await store.write(lambda tx: talk.ends.answered(tx, again, "somebody"))
    assert await talk.kinds() == ["RUN_STARTED", "RUN_ERROR"]


async def test_an_id_that_no_index_can_hold_is_refused_and_delays_nobody(talk: Talk) -> None:
    with pytest.raises(MusterError, match="400 characters"):
        await talk.report(STARTED, message_id="".join(map(chr, range(0x4E00, 0x4E00 + 5_000))))
    await talk.report(STARTED, message_id="msg_a")
    assert await talk.kinds() == ["RUN_STARTED"]


@pytest.mark.parametrize(("to", "takes"), [(f"agent:{AGENT}", AGENT), ("any:*", "agt_2")])
async def test_whoever_takes_a_message_that_is_sent_again_may_answer_it(
    to: str, takes: str, talk: Talk, store: Store
) -> None:
    # Given a run that failed at its agent's third attempt
    failed = RunError(run_id=RUN.id, attempt=3, reason=Reason.INTERNAL, message="no")
    await talk.report(STARTED.model_copy(update={"attempt": 3}), failed, message_id="msg_a")
    await store.write(lambda tx: talk.ends.reopened(tx, RUN.id, to, "somebody"))

    # When another agent begins anew, or the same one goes on counting
    attempt = 4 if takes == AGENT else 1
    again = [event.model_copy(update={"attempt": attempt}) for event in (STARTED, *ENDED)]
    if takes == AGENT:  # what it sent before is still a zombie's
        await talk.report(RunFinished(run_id=RUN.id, attempt=2), message_id="msg_old")
    await talk.report(*again, sender=takes, message_id="msg_b")

    # Then its answer counts
    assert (await talk.kinds())[2:] == ["RUN_QUEUED", "RUN_STARTED", "TEXT_MESSAGE_END", "RUN_FINISHED"]
