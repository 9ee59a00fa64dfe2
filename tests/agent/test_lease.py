"""What a run may still do after its agent stood still: what the server says, and nothing before it has said it."""

import asyncio
from pathlib import Path

import pytest

from muster_agent.control.board import NOT_TOLD
from muster_agent.pulse import LONG_S, Pulse
from muster_agent.runs import lease
from muster_agent.runs.reply import IncomingMessage, Reply
from muster_messaging.message import Message
from muster_shared_models.run_events import RunError
from tests.agent.bench_desk import Bench, bench, chat
from tests.agent.waiting import until

ACTED: list[str] = []


class Handler:
    """Acts once it is told to."""

    def __init__(self) -> None:
        self.go = asyncio.Event()

    async def __call__(self, message: IncomingMessage, reply: Reply) -> None:
        await reply.say("begun")
        await self.go.wait()
        async with reply.tool("deploy"):
            ACTED.append(message.text)


@pytest.fixture(autouse=True)
def _nothing_done_and_all_is_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """What came just after the agent was attached would be asked for in any case."""
    ACTED.clear()
    monkeypatch.setattr("muster_agent.inbox.desk.may_be_over", lambda *_: False)


def freeze(made: Bench) -> None:
    made.clock += 60


async def begun(made: Bench, *messages: Message) -> None:
    """Hand over messages; returns when the first has begun."""
    made.take(*messages)
    await until(lambda: "TEXT_MESSAGE_CONTENT" in made.kinds(messages[0].run))


def test_a_standstill_is_counted_once_by_whoever_looks_first() -> None:
    now = [100.0]
    pulse = Pulse(lambda: now[0])
    now[0] += LONG_S
    assert pulse.standstills() == 0
    now[0] += LONG_S + 0.1
    assert pulse.standstills() == 1
    assert pulse.standstills() == 1


async def test_a_pulse_that_beats_in_time_sees_no_standstill(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("muster_agent.pulse.EVERY_S", 0.001)
    now = [100.0]

    def clock() -> float:
        now[0] += LONG_S * 0.9
        return now[0]

    pulse = Pulse(clock)
    beating = asyncio.create_task(pulse.run())
    await until(lambda: now[0] > 100 + 10 * LONG_S)
    beating.cancel()
    assert pulse.standstills() == 0


async def test_what_was_stopped_while_the_agent_stood_still_does_not_act(tmp_path: Path) -> None:
    handler = Handler()
    async with bench(tmp_path, handler) as made:
        message = chat("x")
        await begun(made, message)
        made.claims[message.run] = False
        freeze(made)
        handler.go.set()
        error = await made.end(message)
        assert isinstance(error, RunError)
        assert error.reason == "stopped"
        assert ACTED == []


async def test_what_is_still_wanted_after_a_standstill_acts_and_asks_once(tmp_path: Path) -> None:
    handler = Handler()
    async with bench(tmp_path, handler) as made:
        message = chat("x")
        await begun(made, message)
        freeze(made)
        handler.go.set()
        assert (await made.end(message)).kind == "RUN_FINISHED"
        assert ACTED == ["x"]
        assert made.claimed == [message.run]


async def test_nothing_is_asked_where_nothing_stood_still(tmp_path: Path) -> None:
    handler = Handler()
    handler.go.set()
    async with bench(tmp_path, handler) as made:
        message = chat("x")
        made.take(message)
        await made.end(message)
        assert made.claimed == []


async def test_a_standstill_while_it_is_written_that_a_tool_acts_counts(tmp_path: Path) -> None:
    handler = Handler()
    async with bench(tmp_path, handler) as made:
        message = chat("x")
        made.claims[message.run] = False
        intend = made.runner.intend

        async def slowly(*arguments: object, **options: bool) -> None:
            await intend(*arguments, **options)  # type: ignore[arg-type]
            freeze(made)

        taken_back: list[tuple[str, str]] = []
        made.runner.intend = slowly  # type: ignore[method-assign]
        take_back = made.effects.take_back
        made.effects.take_back = lambda *which: (taken_back.append(which), take_back(*which))[1]  # type: ignore[method-assign]
        made.take(message)
        handler.go.set()
        await made.end(message)
        assert ACTED == []
        assert [message_id for message_id, _ in taken_back] == [message.id]


async def test_what_was_taken_back_leaves_no_doubt(tmp_path: Path) -> None:
    async with bench(tmp_path, Handler()) as made:
        await made.effects.intend("msg_1", "receipt", "deploy", resumable=False)
        assert made.effects.doubt("msg_1") == "deploy"
        await made.effects.take_back("msg_1", "receipt")
        assert made.effects.doubt("msg_1") == ""


async def test_a_run_that_the_last_process_had_begun_says_itself_how_it_ended(tmp_path: Path) -> None:
    message = chat("x")
    acting = asyncio.Event()

    async def act(_: IncomingMessage, reply: Reply) -> None:
        async with reply.tool("deploy"):
            acting.set()
            await asyncio.Event().wait()

    async with bench(tmp_path, act, clean=False) as made:
        made.take(message)
        await acting.wait()
    async with bench(tmp_path, act) as made:
        made.desk.resume()
        made.runner.stop(message.run)  # told before the queue hands the message out again
        made.take(message)
        error = await made.end(message)
        assert isinstance(error, RunError)
        assert error.reason == "interrupted"
        assert made.claimed == []


async def test_an_answer_that_is_on_its_way_is_not_stopped(tmp_path: Path) -> None:
    message = chat("x")

    async def answer(_: IncomingMessage) -> str:
        return "done"

    async with bench(tmp_path, answer, clean=False) as made:
        made.publisher.detach()
        made.take(message)
        await until(lambda: any(row.state == "replied" for row in made.rows.unfinished()))
    async with bench(tmp_path, answer) as made:
        made.desk.resume()
        made.runner.stop(message.run)
        assert (await made.end(message)).kind == "RUN_FINISHED"
        assert made.claimed == []


async def test_what_waited_for_its_turn_through_a_standstill_is_asked_for_before_it_begins(tmp_path: Path) -> None:
    handler = Handler()
    async with bench(tmp_path, handler, slots=1) as made:
        first, second = chat("1"), chat("2")
        await begun(made, first, second)
        made.claims[second.run] = False
        freeze(made)
        handler.go.set()
        await made.end(first)
        await until(lambda: second.run in made.claimed and not made.desk.runs)
        assert not made.kinds(second.run)
        assert ACTED == ["1"]


async def test_when_the_server_cannot_be_asked_for_too_long_the_run_fails_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "LEASE_WAIT_S", 0.05)
    handler = Handler()
    async with bench(tmp_path, handler) as made:
        message = chat("x")
        await begun(made, message)
        made.claims[message.run] = None
        freeze(made)
        handler.go.set()
        error = await made.end(message)
        assert isinstance(error, RunError)
        assert error.reason == "unavailable"
        assert ACTED == []


async def test_what_was_sent_before_a_standstill_was_over_is_asked_for(tmp_path: Path) -> None:
    handler = Handler()
    async with bench(tmp_path, handler) as made:
        message = chat("x")
        made.claims[message.run] = False
        freeze(made)
        made.take(message)  # it waited in the socket, and the stop waits in another one
        await until(lambda: made.claimed and not made.desk.runs)
        assert not made.kinds(message.run)


async def test_what_was_begun_before_the_stream_of_stops_was_lost_is_asked_for_when_it_stands_again(
    tmp_path: Path,
) -> None:
    handler = Handler()
    async with bench(tmp_path, handler) as made:
        lost, wanted = chat("1"), chat("2", conversation="cnv_2")
        made.take(lost, wanted)
        await until(lambda: made.kinds(lost.run) and made.kinds(wanted.run))
        made.claims[lost.run] = False
        made.board.told_since_ms += 1
        handler.go.set()
        assert (await made.end(lost)).kind == "RUN_ERROR"
        assert (await made.end(wanted)).kind == "RUN_FINISHED"
        assert ACTED == ["2"]


async def test_while_the_stream_of_stops_is_lost_a_run_goes_on(tmp_path: Path) -> None:
    handler = Handler()
    async with bench(tmp_path, handler) as made:
        message = chat("x")
        await begun(made, message)
        made.board.told_since_ms = NOT_TOLD
        made.claims[message.run] = None
        handler.go.set()
        assert (await made.end(message)).kind == "RUN_FINISHED"
        assert made.claimed == []


async def test_of_a_stopped_run_that_is_not_in_hand_the_server_is_asked(tmp_path: Path) -> None:
    handler = Handler()
    handler.go.set()
    async with bench(tmp_path, handler) as made:
        message = chat("x")
        made.claims[message.run] = False
        made.runner.stop(message.run)
        await until(lambda: made.claimed == [message.run])
        made.take(message)
        assert (await made.end(message)).kind == "RUN_ERROR"
        assert ACTED == []
        assert made.board.did == ""


async def test_of_a_run_that_has_just_ended_nothing_is_asked_although_its_end_may_be_on_its_way(tmp_path: Path) -> None:
    handler = Handler()
    handler.go.set()
    async with bench(tmp_path, handler) as made:
        message = chat("x")
        made.take(message)
        await made.end(message)
        await until(lambda: not made.desk.runs)
        made.runner.stop(message.run)
        await asyncio.sleep(0.05)
        assert made.claimed == []


async def test_a_stopped_run_that_may_be_anothers_ends_at_the_server_before_its_turn_comes(tmp_path: Path) -> None:
    handler = Handler()
    async with bench(tmp_path, handler, slots=1) as made:
        first, second = chat("1"), chat("2", claim=True)
        await begun(made, first, second)
        made.claims[second.run] = False
        made.runner.stop(second.run)
        await until(lambda: made.claimed == [second.run])
        handler.go.set()
        await until(lambda: not made.desk.runs)
        assert not made.kinds(second.run)
