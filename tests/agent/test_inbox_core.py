"""What is done with a delivery, and whose turn it is."""

import random

import pytest

from muster_agent.inbox.core import ATTEMPTS, Do, Known, judge
from muster_agent.inbox.slots import Slots
from muster_messaging.message import SCHEMA, Message
from muster_shared_models.problems import Reason

NOW = 1_000_000
CHAT = Message(id="msg_1", type="chat.message")


def test_a_new_message_is_begun() -> None:
    assert judge(CHAT, None, NOW) == (Do.BEGIN, 1, None, "", "")


def test_a_higher_schema_and_an_unknown_type_are_rejected() -> None:
    assert judge(CHAT._replace(schema=SCHEMA + 1), None, NOW).do is Do.REJECT
    verdict = judge(CHAT._replace(type="task.offer"), None, NOW)
    assert (verdict.do, verdict.reason) == (Do.REJECT, Reason.SCHEMA_UNKNOWN)


def test_an_expired_message_is_answered_unless_it_was_begun() -> None:
    expired = CHAT._replace(expires_at_ms=NOW)
    assert judge(expired, None, NOW).reason is Reason.EXPIRED
    assert judge(expired, Known("running", 1), NOW).do is Do.BEGIN
    assert judge(CHAT._replace(expires_at_ms=NOW + 1), None, NOW).do is Do.BEGIN


@pytest.mark.parametrize(
    ("known", "do", "attempt"),
    [
        (Known("received", 1), Do.BEGIN, 1),
        (Known("running", 1), Do.BEGIN, 2),
        (Known("running", 3), Do.BEGIN, 4),
        (Known("running", ATTEMPTS), Do.ANSWER, ATTEMPTS),
        (Known("running", 1, doubt="shell"), Do.ANSWER, 1),
        (Known("replied", 2), Do.REPEAT, 2),
        (Known("done", 1), Do.ACK, 1),
    ],
)
def test_a_known_message_is_treated_by_its_state(known: Known, do: Do, attempt: int) -> None:
    verdict = judge(CHAT, known, NOW)
    assert (verdict.do, verdict.attempt) == (do, attempt)
    if do is Do.ANSWER:
        assert verdict.reason is Reason.INTERRUPTED


def test_one_lane_is_handled_in_order_one_at_a_time() -> None:
    slots: Slots[str] = Slots(4)
    assert slots.offer("a", "a1") == "a1"
    assert slots.offer("a", "a2") is None
    assert slots.offer("b", "b1") == "b1"
    assert slots.release("b") is None
    assert slots.release("a") == "a2"


def test_lanes_wait_for_a_slot_in_the_order_in_which_they_came() -> None:
    slots: Slots[str] = Slots(1)
    slots.offer("a", "a1")
    for lane in "bcd":
        assert slots.offer(lane, f"{lane}1") is None
    assert slots.waiting == 3
    assert [slots.release("a"), slots.release("b"), slots.release("c"), slots.release("d")] == ["b1", "c1", "d1", None]
    assert slots.waiting == 0


@pytest.mark.parametrize("seed", range(50))
def test_nothing_is_lost_doubled_or_reordered(seed: int) -> None:
    rng = random.Random(seed)
    limit = rng.randint(1, 4)
    slots: Slots[tuple[str, int]] = Slots(limit)
    at_work: list[tuple[str, int]] = []
    offered: dict[str, int] = {}
    started: list[tuple[str, int]] = []

    def start(item: tuple[str, int] | None) -> None:
        if item is not None:
            assert item[0] not in [lane for lane, _ in at_work]
            at_work.append(item)
            started.append(item)
            assert len(at_work) <= limit

    for _ in range(200):
        if at_work and rng.random() < 0.5:
            lane, _ = at_work.pop(rng.randrange(len(at_work)))
            start(slots.release(lane))
        else:
            lane = rng.choice("abcdef")
            offered[lane] = offered.get(lane, 0) + 1
            start(slots.offer(lane, (lane, offered[lane])))
    while at_work:
        lane, _ = at_work.pop()
        start(slots.release(lane))
    for lane, count in offered.items():
        assert [number for name, number in started if name == lane] == list(range(1, count + 1))
