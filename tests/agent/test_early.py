"""Messages that overtook the one that they follow: they wait for it, but not for ever."""

import asyncio
from pathlib import Path

import pytest

from muster_agent.inbox import early, upkeep
from muster_agent.inbox.early import HOLD_S, MOST_KNOWN, RENEWALS, Early
from muster_agent.runs.reply import IncomingMessage
from tests.agent.bench_desk import bench, chat
from tests.agent.waiting import until


def test_what_follows_goes_when_the_one_before_it_has_come() -> None:
    line: Early[str] = Early()
    assert line.hold("m2", "m1", "two", 0.0)
    assert line.hold("m3", "m1", "three", 1.0)
    assert len(line) == 2
    assert (line.held("m2"), line.held("m4"), line.all_held()) == ("two", None, ["two", "three"])
    assert not line.due(HOLD_S - 1)
    assert line.came("m1") == ["two", "three"]
    assert line.knows("m1")
    assert not line.came("m1")
    assert len(line) == 0


def test_what_never_comes_is_waited_for_no_longer() -> None:
    line: Early[str] = Early()
    line.hold("m2", "m1", "two", 0.0)
    assert line.due(HOLD_S) == ["two"]
    assert line.knows("m1")


def test_what_follows_something_that_waits_goes_after_it() -> None:
    line: Early[str] = Early()
    line.hold("m3", "m2", "three", 0.0)
    line.hold("m2", "m1", "two", 1.0)
    assert line.due(HOLD_S + 1) == ["two"]
    assert line.came("m2") == ["three"]


def test_two_that_wait_for_each_other_do_not_wait_for_ever() -> None:
    line: Early[str] = Early()
    line.hold("m1", "m2", "one", 0.0)
    line.hold("m2", "m1", "two", 0.0)
    assert line.due(HOLD_S) == []
    assert sorted(line.due(2 * HOLD_S)) == ["one", "two"]


def test_neither_what_waits_nor_what_is_known_grows_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(early, "MOST_HELD", 2)
    line: Early[int] = Early()
    assert [line.hold(f"m{number}", "m", number, 0.0) for number in range(3)] == [True, True, False]
    for number in range(MOST_KNOWN + 1):
        line.came(f"known {number}")
    assert not line.knows("known 0")
    assert line.knows("known 1")


async def echo(message: IncomingMessage) -> str:
    return message.text


async def test_answers_come_in_the_order_of_the_messages_although_one_was_overtaken(tmp_path: Path) -> None:
    async with bench(tmp_path, echo) as made:
        first = chat("1")
        second = chat("2", after=first.id)
        third, other = chat("3", after=second.id), chat("4", conversation="cnv_2")
        made.take(third, second, other)
        await made.end(other)
        assert made.desk.unacknowledged() >= 2
        assert not made.kinds(second.run)
        made.take(first)
        await made.end(third)
        ended = [sent.correlation_id for sent in made.bus.published if sent.conversation == first.conversation]
        assert list(dict.fromkeys(ended)) == [first.id, second.id, third.id]


async def test_what_was_overtaken_and_does_not_come_delays_but_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(early, "HOLD_S", 0.1)
    async with bench(tmp_path, echo) as made:
        message = chat("2", after="msg_never")
        made.take(message)
        assert (await made.end(message)).kind == "RUN_FINISHED"


async def test_what_was_overtaken_is_waited_for_while_nothing_reaches_the_agent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(early, "HOLD_S", 0.05)
    monkeypatch.setattr(upkeep, "EVERY_S", 0.05)
    async with bench(tmp_path, echo) as made:
        first = chat("1")
        second = chat("2", after=first.id)
        made.take(second)
        made.board.consumer_attached = lambda: False
        await asyncio.sleep(0.4)  # some rounds, at each of which it would have waited for long enough
        assert not made.kinds(second.run)
        made.board.consumer_attached = lambda: True
        made.take(first)
        await made.end(second)
        assert [sent.correlation_id for sent in made.bus.published if b"RUN_FINISHED" in sent.body] == [
            first.id, second.id
        ]  # fmt: skip


async def test_what_the_last_process_had_in_hand_comes_again_and_is_waited_for(tmp_path: Path) -> None:
    first = chat("1")
    second = chat("2", after=first.id)
    began = []

    async def hang(message: IncomingMessage) -> str:
        began.append(message.text)
        if message.attempt == 1 and message.text == "1":
            await until(lambda: False, timeout_s=30)
        return message.text

    async with bench(tmp_path, hang, clean=False) as made:
        made.take(first)
        await until(lambda: made.kinds(first.run))
    async with bench(tmp_path, hang) as made:
        made.take(second, first)
        await made.end(second)
    assert began == ["1", "1", "2"]


async def test_nothing_waits_for_what_was_answered_by_the_last_process(tmp_path: Path) -> None:
    first = chat("1")
    async with bench(tmp_path, echo) as made:
        made.take(first)
        await made.end(first)
        await until(lambda: not made.desk.runs)
    async with bench(tmp_path, echo) as made:
        second = chat("2", after=first.id)
        made.take(second)
        assert not made.desk.unacknowledged() or second.id in made.desk.runs
        await made.end(second)


async def test_what_waits_takes_no_place_on_the_queue_and_survives_a_death(tmp_path: Path) -> None:
    first = chat("1")
    second, third = chat("2", after=first.id), chat("3")
    async with bench(tmp_path, echo, clean=False) as made:
        (tag,) = made.take(second)
        await until(lambda: made.subscription.acked == [tag])
        assert made.desk.unacknowledged() == 0
    async with bench(tmp_path, echo) as made:
        made.desk.resume()
        made.take(third)
        await made.end(third)
        assert not made.kinds(second.run)
        (again,) = made.take(second)  # the acknowledgement was lost with the process
        made.take(first)
        await made.end(second)
        assert [sent.correlation_id for sent in made.bus.published if b"RUN_FINISHED" in sent.body] == [
            third.id, first.id, second.id
        ]  # fmt: skip
        await until(lambda: again in made.subscription.acked)


async def test_while_more_may_stand_in_the_queue_time_goes_by_slowly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(early, "HOLD_S", 0.1)
    monkeypatch.setattr(upkeep, "EVERY_S", 0.05)
    goes_on = asyncio.Event()

    async def wait(message: IncomingMessage) -> str:
        if message.text == "long":
            await goes_on.wait()
        return message.text

    async with bench(tmp_path, wait, prefetch=1) as made:
        message, long = chat("2", after="msg_never"), chat("long")
        made.take(long, message)
        await asyncio.sleep(0.5)  # five times as long as it waits where the queue is empty
        assert not made.kinds(message.run)
        goes_on.set()
        assert (await made.end(message)).kind == "RUN_FINISHED"


def test_what_waits_has_all_its_time_again_but_not_time_and_again() -> None:
    line: Early[str] = Early()
    line.hold("m2", "m1", "two", 0.0)
    for number in range(RENEWALS):
        line.begin_anew(number * HOLD_S + HOLD_S - 1)
        assert not line.due(number * HOLD_S + HOLD_S)
    line.begin_anew(100 * HOLD_S)
    assert line.due(100 * HOLD_S) == ["two"]


async def test_what_was_overtaken_and_came_comes_first_again_after_a_death(tmp_path: Path) -> None:
    zero = chat("0")
    first = chat("1", after=zero.id)
    second = chat("2", after=first.id)
    goes_on = asyncio.Event()

    async def wait(message: IncomingMessage) -> str:
        await goes_on.wait()
        return message.text

    async with bench(tmp_path, wait, clean=False) as made:
        made.take(zero)
        await until(lambda: made.kinds(zero.run))
        tags = made.take(second)
        await until(lambda: made.subscription.acked == tags)
        tags += made.take(first)
        await until(lambda: made.subscription.acked == tags)  # both wait behind what is at work, the younger one first
    goes_on.set()
    async with bench(tmp_path, wait) as made:
        made.desk.resume()
        made.take(zero)
        await made.end(second)
        assert [sent.correlation_id for sent in made.bus.published if b"RUN_FINISHED" in sent.body] == [
            zero.id, first.id, second.id
        ]  # fmt: skip


async def test_answers_of_the_last_process_are_repeated_in_the_order_in_which_they_were_given(tmp_path: Path) -> None:
    first = chat("1")
    second = chat("2", after=first.id)
    async with bench(tmp_path, echo, clean=False) as made:
        made.publisher.detach()
        tags = made.take(second)
        await until(lambda: made.subscription.acked == tags)
        made.take(first)
        await until(lambda: [row.state for row in made.rows.unfinished()] == 2 * ["replied"])
    async with bench(tmp_path, echo) as made:
        made.desk.resume()
        await until(lambda: len(made.bus.published) == 2)
        assert [sent.correlation_id for sent in made.bus.published] == [first.id, second.id]
