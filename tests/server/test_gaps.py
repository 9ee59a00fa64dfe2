"""What overtook others on its way to the server waits for them, and for nothing that never was."""

import asyncio
from asyncio import Future
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from muster_messaging.message import Message
from muster_server.flow import gaps as module
from muster_server.flow.chain import done
from muster_server.flow.gaps import HOLD_S, MOST_MISSING, Gaps
from muster_server.flow.inbox import Inbox
from tests.agent.fake_bus import FakeBus
from tests.server.running import eventually


def taken(gaps: Gaps[int], numbers: Iterable[int], *, at: float = 0.0, key: str = "a") -> list[int]:
    return [ready for number in numbers for ready in gaps.take(key, number, number, at)]


def test_what_is_ahead_of_its_turn_waits_for_those_before_it() -> None:
    gaps: Gaps[int] = Gaps()
    assert taken(gaps, [7, 8, 11, 10]) == [7, 8]
    assert taken(gaps, [9]) == [9, 10, 11]
    assert gaps.due_at is None


def test_it_waits_so_long_and_then_goes_on_with_what_is_behind_it() -> None:
    gaps: Gaps[int] = Gaps()
    assert taken(gaps, [1, 4, 3], at=5) == [1]
    assert taken(gaps, [1, 3], at=6, key="b") == [1]
    assert gaps.due_at == 5 + HOLD_S
    assert gaps.overdue(5 + HOLD_S) == [3, 4]
    assert gaps.due_at == 6 + HOLD_S
    assert gaps.overdue(6 + HOLD_S) == [3]
    assert taken(gaps, [2]) == [2]  # too late, and its id says whether it is new
    assert taken(gaps, [5, 6]) == [5, 6]


def test_doubles_go_through_and_change_nothing() -> None:
    gaps: Gaps[int] = Gaps()
    assert taken(gaps, [1, 2, 2, 1, 4, 4]) == [1, 2, 2, 1]
    assert taken(gaps, [3, 5]) == [3, 4, 4, 5]


def test_numbers_that_an_agent_skips_after_a_crash_are_not_waited_for() -> None:
    gaps: Gaps[int] = Gaps()
    assert taken(gaps, [1, 3, 4 + MOST_MISSING]) == [1, 3, 4 + MOST_MISSING]
    assert taken(gaps, [5 + MOST_MISSING]) == [5 + MOST_MISSING]


def test_what_waits_and_what_is_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_HELD", 3)
    monkeypatch.setattr(module, "MOST_KNOWN", 2)
    gaps: Gaps[int] = Gaps()
    assert taken(gaps, [1, 3, 4, 5]) == [1]
    assert taken(gaps, [6]) == [3, 4, 5, 6]
    assert taken(gaps, [1, 3], key="b") == [1]
    for key in "cde":
        taken(gaps, [1], key=key)
    assert len(gaps._lines) <= 2
    assert gaps.overdue(HOLD_S) == [3]


@given(some.permutations(range(1, 12)), some.lists(some.integers(1, 11), max_size=8))
def test_whatever_the_order_all_come_out_and_the_first_copies_in_order(first: list[int], again: list[int]) -> None:
    gaps: Gaps[int] = Gaps()
    out = taken(gaps, [0, *first, *again])
    out += gaps.overdue(HOLD_S)
    assert sorted(out) == sorted([0, *first, *again])
    assert list(dict.fromkeys(out)) == list(range(12))
    assert gaps.due_at is None


async def handled_by_an_inbox(monkeypatch: pytest.MonkeyPatch, *messages: Message) -> list[str]:
    """Deliver these; return the ids in the order in which they were handled, when all are acknowledged."""
    monkeypatch.setattr(module, "HOLD_S", 0.2)
    handled: list[str] = []

    def handle(message: Message) -> "Future[None]":
        handled.append(message.id)
        return done()

    bus = FakeBus()
    running = asyncio.create_task(Inbox(bus, {"note": handle}).run())
    await eventually(lambda: bool(bus.subscriptions))
    tags = {bus.subscriptions[0].deliver(message) for message in messages}
    await eventually(lambda: set(bus.subscriptions[0].acked) == tags)
    running.cancel()
    return handled


def note(seq: int, name: str = "", **fields: Any) -> Message:
    return Message(name or f"m{seq}", "note", conversation="c", sender="brk_1", seq=seq, origin="agt_1")._replace(
        **fields
    )


async def test_an_inbox_handles_an_agents_messages_in_the_order_of_their_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    handled = await handled_by_an_inbox(monkeypatch, note(1), note(4), note(3), note(2), note(5))
    assert handled == ["m1", "m2", "m3", "m4", "m5"]


async def test_what_is_missing_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    handled = await handled_by_an_inbox(monkeypatch, note(1), note(4), note(3), note(5))
    assert handled == ["m1", "m3", "m4", "m5"]


async def test_each_agent_of_a_conversation_has_numbers_of_its_own_and_brokers_have_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mine = note(1), note(3)
    others = note(7, "other-7", origin="agt_2"), note(8, "other-8", origin="agt_2"), note(0, "notice", origin="")
    handled = await handled_by_an_inbox(monkeypatch, *mine, *others, note(2))
    assert handled == ["m1", "other-7", "other-8", "notice", "m2", "m3"]
