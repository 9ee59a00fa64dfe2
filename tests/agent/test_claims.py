"""Messages that could have gone to several agents: begun by who has the run, dropped by everybody else."""

import asyncio
from pathlib import Path

import pytest

from muster_agent.builtin import build
from muster_agent.control import claims
from muster_agent.control.backoff import Backoff
from muster_agent.inbox import upkeep
from muster_agent.inbox.core import FRESH_MS, may_be_over
from muster_agent.runs.reply import IncomingMessage
from muster_agent.settings import load_settings
from muster_messaging.message import SCHEMA
from muster_shared_models.ids import made_at_ms
from tests.agent.bench_desk import Bench, bench, chat
from tests.agent.conftest import Running
from tests.agent.fake_server import FakeServer
from tests.agent.waiting import until

HEARD: list[str] = []


async def listen(message: IncomingMessage) -> str:
    HEARD.append(message.text)
    return message.text


@pytest.fixture(autouse=True)
def _nothing_heard() -> None:
    HEARD.clear()


async def dropped(made: Bench, tags: list[int]) -> None:
    await until(lambda: set(tags) <= set(made.subscription.acked))
    assert not made.desk.runs
    assert not made.bus.published


async def test_a_message_that_another_agent_has_is_dropped_without_a_word(tmp_path: Path) -> None:
    async with bench(tmp_path, listen) as made:
        message = chat("hi", claim=True)
        made.claims[message.run] = False
        await dropped(made, made.take(message))
        assert HEARD == []
        # And again, when it is delivered again: the journal need not know of it.
        await dropped(made, made.take(message))
        assert made.claimed == [message.run] * 2


async def test_nothing_is_told_before_the_run_is_ours(tmp_path: Path) -> None:
    async with bench(tmp_path, listen) as made:
        first, second, other = chat("1", claim=True), chat("2"), chat("3", conversation="cnv_2")
        made.claims[first.run] = None
        made.take(first, second, other)
        await made.end(other)
        assert HEARD == ["3"]  # its own conversation waits, the others do not
        assert not made.kinds(first.run)
        made.claims[first.run] = True
        await made.end(second)
        assert HEARD == ["3", "1", "2"]
        assert made.kinds(first.run) == ["RUN_STARTED", "TEXT_MESSAGE_END", "RUN_FINISHED"]


async def test_what_waits_behind_a_dropped_message_goes_on(tmp_path: Path) -> None:
    async with bench(tmp_path, listen, slots=1) as made:
        first, second, other = chat("1", claim=True), chat("2"), chat("3", conversation="cnv_2")
        made.claims[first.run] = False
        made.take(first, second, other)
        await made.end(second)
        await made.end(other)
        assert not made.kinds(first.run)


@pytest.mark.parametrize("granted", [True, False])
async def test_a_stop_ends_a_run_only_when_it_is_ours(tmp_path: Path, granted: bool) -> None:
    async with bench(tmp_path, listen, slots=1) as made:
        asked, waiting, late = chat("1", claim=True), chat("2", claim=True), chat("3", claim=True)
        made.runner.stop(late.run)
        made.claims |= {asked.run: None, waiting.run: granted, late.run: granted}
        tags = made.take(asked, waiting, late)
        await until(lambda: made.claimed)
        made.runner.stop(asked.run)
        made.runner.stop(waiting.run)
        assert not made.bus.attempts
        made.claims[asked.run] = granted
        if granted:
            for message in (asked, waiting, late):
                await made.end(message)
                assert made.kinds(message.run)[-1] == "RUN_ERROR"
        else:
            await dropped(made, tags)
        assert HEARD == []


async def test_an_expired_message_is_answered_by_who_has_it(tmp_path: Path) -> None:
    async with bench(tmp_path, listen) as made:
        mine, anothers = chat("1", claim=True, expires_at_ms=1), chat("2", claim=True, expires_at_ms=1)
        made.claims[anothers.run] = False
        tags = made.take(mine, anothers)
        assert (await made.end(mine)).kind == "RUN_ERROR"
        await until(lambda: set(tags) <= set(made.subscription.acked))
        assert not made.kinds(anothers.run)


async def test_a_message_that_nobody_can_read_goes_aside_without_a_word(tmp_path: Path) -> None:
    async with bench(tmp_path, listen) as made:
        made.take(chat("1", claim=True, schema=SCHEMA + 1), chat("2", claim=True, body=b"{"))
        assert len(made.subscription.rejected) == 2
        await asyncio.sleep(0.01)
        assert not made.bus.attempts
        assert not made.claimed


async def test_a_run_that_was_begun_is_claimed_again_before_the_next_attempt(tmp_path: Path) -> None:
    blocked = asyncio.Event()

    async def handler(message: IncomingMessage) -> str:
        if message.attempt == 1:
            await blocked.wait()
        return "done"

    message = chat("hi", claim=True)
    async with bench(tmp_path, handler, clean=False) as made:
        made.take(message)
        await until(lambda: made.kinds(message.run))
        assert made.claimed == [message.run]
    async with bench(tmp_path, handler) as made:
        made.take(message)
        await made.end(message)
        assert made.claimed == [message.run]


async def test_a_message_kept_by_the_journal_is_claimed_after_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Acknowledged early, while the server could not be asked
    monkeypatch.setattr(upkeep, "EVERY_S", 0.01)
    monkeypatch.setattr(upkeep, "HOLD_S", 0.02)
    message = chat("hi", claim=True)
    async with bench(tmp_path, listen, clean=False) as made:
        made.claims[message.run] = None
        made.take(message)
        await until(lambda: made.subscription.acked)
    async with bench(tmp_path, listen) as made:
        made.claims[message.run] = False
        made.desk.resume()
        await until(lambda: made.claimed and not made.desk.runs)
        made.upkeep.note_confirmed()
        await until(lambda: not made.rows.unfinished())
        assert not made.bus.attempts


async def test_what_was_stopped_while_the_agent_was_away_is_not_done(tmp_path: Path) -> None:
    async with bench(tmp_path, listen) as made:
        message, later = chat("stopped"), chat("wanted")
        made.claims[message.run] = False
        tags = made.take(message, later)
        await made.end(later)
        await until(lambda: set(tags) <= set(made.subscription.acked))
        assert HEARD == ["wanted"]
        assert not made.kinds(message.run)
        assert not made.desk.runs


async def test_a_run_that_was_begun_and_stopped_while_the_agent_was_away_does_not_go_on(tmp_path: Path) -> None:
    async def handler(message: IncomingMessage) -> None:
        HEARD.append(message.text)
        await asyncio.Event().wait()

    message = chat("hi")
    async with bench(tmp_path, handler, clean=False) as made:
        made.take(message)
        await until(lambda: made.kinds(message.run))
    async with bench(tmp_path, handler) as made:
        made.claims[message.run] = False
        made.desk.resume()
        await dropped(made, made.take(message))
        assert HEARD == ["hi"]
        made.upkeep.note_confirmed()
        await until(lambda: not made.rows.unfinished())


async def test_an_answer_in_the_journal_is_repeated_without_asking(tmp_path: Path) -> None:
    message = chat("hi")
    async with bench(tmp_path, listen, clean=False) as made:
        made.bus.holding = True
        made.take(message)
        await until(lambda: made.bus.held)
    async with bench(tmp_path, listen) as made:
        made.take(message)
        await made.end(message)
        assert made.claimed == []


async def test_what_is_answered_at_once_is_not_asked_for(tmp_path: Path) -> None:
    async with bench(tmp_path, listen) as made:
        message = chat("late", expires_at_ms=1)
        made.take(message)
        assert (await made.end(message)).kind == "RUN_ERROR"
        assert made.claimed == []


async def test_a_stop_ends_what_waits_for_its_turn_although_it_is_not_asked_for_yet(tmp_path: Path) -> None:
    async with bench(tmp_path, listen) as made:
        asked, waiting = chat("1"), chat("2")
        made.claims[asked.run] = None
        made.take(asked, waiting)
        made.runner.stop(waiting.run)
        assert (await made.end(waiting)).kind == "RUN_ERROR"
        made.claims[asked.run] = True
        await made.end(asked)


def test_only_what_comes_at_once_is_certainly_wanted() -> None:
    fresh = chat("x")
    now = made_at_ms(fresh.id)
    assert not may_be_over(fresh, False, now - 60_000, now)
    assert not may_be_over(fresh, False, now - 60_000, now + FRESH_MS)
    assert may_be_over(fresh, True, now - 60_000, now)
    assert may_be_over(fresh, False, now - 60_000, now + FRESH_MS + 1)  # it has waited
    assert may_be_over(fresh, False, now - 60_000, now - FRESH_MS - 1)  # clocks cannot be compared
    assert may_be_over(fresh, False, now - 100, now)  # we have only just come
    assert may_be_over(fresh._replace(id="m-1"), False, now - 60_000, now)  # nobody knows when it was made


async def test_the_server_is_asked_until_it_answers(
    running: Running, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "Backoff", lambda: Backoff(0.01, 0.02))
    server.claims_to_fail = 3
    server.anothers.add("run_anothers")
    async with running(build("echo", load_settings())) as talk:
        run_id = await talk.send("hi", claim=True)
        assert await talk.answer(run_id) == "hi"
        assert server.claims == [run_id] * 4
        await talk.send("not ours", run_id="run_anothers", claim=True)
        assert await talk.ask("after it") == "after it"
        assert not talk.events["run_anothers"]


async def test_an_agent_whose_credentials_have_ended_joins_again_and_asks(running: Running, server: FakeServer) -> None:
    async with running(build("echo", load_settings())) as talk:
        server.tokens.clear()
        run_id = await talk.send("hi", claim=True)
        assert await talk.answer(run_id) == "hi"
        assert server.claims == [run_id]
