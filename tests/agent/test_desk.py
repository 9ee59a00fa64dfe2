"""Messages in hand: answered once, in order, whatever is delivered again."""

import asyncio
import shutil
from pathlib import Path

import pytest

from muster_agent.inbox import upkeep
from muster_agent.runs.reply import IncomingMessage, Reply
from muster_agent.tools.contract import Arguments, Outcome, ToolSpec
from muster_messaging.errors import Disconnected, TooLarge, Unconfirmed
from muster_shared_models.run_events import RunError
from tests.agent.bench_desk import bench, chat
from tests.agent.waiting import until


async def echo(message: IncomingMessage) -> str:
    return message.text


def error_of(event: object) -> RunError:
    assert isinstance(event, RunError)
    return event


async def test_a_message_is_acknowledged_after_its_answer_is_confirmed(tmp_path: Path) -> None:
    async with bench(tmp_path, echo) as made:
        made.bus.holding = True
        message = chat("hi")
        (tag,) = made.take(message)
        await until(lambda: made.bus.held)
        assert made.subscription.acked == []
        made.bus.release()
        await until(lambda: made.subscription.acked)
        assert made.subscription.acked == [tag]
        assert made.desk.runs == {}


async def test_every_delivery_of_a_message_in_hand_is_acknowledged(tmp_path: Path) -> None:
    # A second copy in the queue is a delivery of its own: one that is forgotten would keep its place for ever.
    async with bench(tmp_path, echo) as made:
        made.bus.holding = True
        message = chat("hi")
        (older,) = made.take(message)
        await until(lambda: made.bus.held)
        (newer,) = made.take(message)
        made.bus.release()
        await until(lambda: made.subscription.acked)
        assert made.subscription.acked == [older, newer]
        assert len(made.bus.published) == 1


async def test_a_message_that_comes_twice_in_one_batch_is_handled_once(tmp_path: Path) -> None:
    heard: list[str] = []

    async def listen(message: IncomingMessage) -> str:
        heard.append(message.id)
        return message.text

    async with bench(tmp_path, listen) as made:
        message = chat("hi")
        tags = made.take(message, message)
        await until(lambda: len(made.subscription.acked) == 2)
        assert made.subscription.acked == tags
        assert heard == [message.id]
        assert made.kinds(message.run).count("RUN_FINISHED") == 1
        assert made.desk.runs == {}


async def test_every_delivery_of_an_answer_that_is_repeated_is_acknowledged(tmp_path: Path) -> None:
    async with bench(tmp_path, echo, clean=False) as made:
        made.bus.holding = True
        message = chat("hi")
        made.take(message)
        await until(lambda: made.bus.held)
    async with bench(tmp_path, echo) as made:
        made.bus.holding = True
        tags = [*made.take(message), *made.take(message)]
        await until(lambda: made.bus.held)
        made.bus.release()
        await until(lambda: made.subscription.acked)
        assert made.subscription.acked == tags
        assert len(made.bus.published) == 1


async def test_a_message_that_was_answered_is_only_acknowledged(tmp_path: Path) -> None:
    async with bench(tmp_path, echo) as made:
        message = chat("hi")
        made.take(message)
        await made.end(message)
        made.upkeep.note_confirmed()
        await until(lambda: made.rows.find([message.id])[message.id].state == "done")
        (again,) = made.take(message)
        assert made.subscription.acked[-1] == again
        assert len(made.bus.published) == 1


async def test_a_side_effect_is_not_repeated_however_soon_the_agent_dies(tmp_path: Path) -> None:
    # Given an agent that dies in the moment in which its tool acts: what its disk holds then is kept aside
    (tmp_path / "died").mkdir()
    acted: list[int] = []

    async def act(message: IncomingMessage, reply: Reply) -> None:
        async with reply.tool("deploy"):
            acted.append(message.attempt)
            for file in tmp_path.glob("journal.db*"):
                shutil.copy(file, tmp_path / "died")

    message = chat("hi")
    async with bench(tmp_path, act) as made:
        made.take(message)
        await made.end(message)

    # When it starts again on that, and the message comes again
    async with bench(tmp_path / "died", act) as made:
        made.journal.belongs_to("agt_bench")
        made.take(message)
        ended = await made.end(message)

    # Then a person is told, and nothing is done a second time
    assert error_of(ended).reason == "interrupted"
    assert acted == [1]


async def test_a_conversation_is_answered_in_order_others_meanwhile(tmp_path: Path) -> None:
    gates = {name: asyncio.Event() for name in ("a1", "b1")}
    seen: list[str] = []

    async def handler(message: IncomingMessage) -> str:
        seen.append(message.text)
        if message.text in gates:
            await gates[message.text].wait()
        return message.text

    async with bench(tmp_path, handler, slots=2) as made:
        a1, a2 = chat("a1", conversation="a"), chat("a2", conversation="a")
        b1, b2 = chat("b1", conversation="b"), chat("b2", conversation="b")
        made.take(a1, a2, b1, b2)
        await until(lambda: len(seen) == 2)
        assert seen == ["a1", "b1"]
        gates["b1"].set()
        await made.end(b2)
        assert seen == ["a1", "b1", "b2"]
        gates["a1"].set()
        await made.end(a2)
        assert seen == ["a1", "b1", "b2", "a2"]


async def test_what_cannot_be_read_goes_to_the_dead_letters_which_end_its_run(tmp_path: Path) -> None:
    async with bench(tmp_path, echo) as made:
        newer = chat("x", schema=99)
        broken = chat("x", body=b'{"text": 1')
        tags = made.take(newer, broken)
        assert made.subscription.rejected == tags
        assert made.subscription.acked == []
        other = chat("y")
        made.take(other)
        await made.end(other)
        assert {sent.run for sent in made.bus.attempts} == {other.run}


async def test_a_dead_letter_that_is_mended_and_sent_again_is_answered(tmp_path: Path) -> None:
    async with bench(tmp_path, echo) as made:
        mended = chat("hi")
        broken = mended._replace(body=b'{"text": 1')
        (rejected,) = made.take(broken)
        await until(lambda: made.subscription.rejected == [rejected])
        (tag,) = made.take(mended)
        assert (await made.end(mended)).kind == "RUN_FINISHED"
        await until(lambda: made.subscription.acked == [tag])


async def test_an_expired_message_is_answered_as_expired(tmp_path: Path) -> None:
    async with bench(tmp_path, echo) as made:
        message = chat("x", expires_at_ms=1)
        tags = made.take(message)
        assert error_of(await made.end(message)).reason == "expired"
        await until(lambda: made.subscription.acked == tags)


async def test_a_handler_that_fails_is_told_without_its_secrets(tmp_path: Path) -> None:
    async def handler(message: IncomingMessage, reply: Reply) -> None:
        await reply.say("I was about to")
        raise ValueError("password=hunter2")

    async with bench(tmp_path, handler) as made:
        message = chat("x")
        made.take(message)
        error = error_of(await made.end(message))
        assert "ValueError" in error.message
        assert b"hunter2" not in b"".join(sent.body for sent in made.bus.published)
        assert made.kinds(message.run)[-2:] == ["TEXT_MESSAGE_END", "RUN_ERROR"]


async def test_a_run_is_stopped_at_work_in_the_queue_and_before_it_comes(tmp_path: Path) -> None:
    started: list[str] = []

    async def handler(message: IncomingMessage, reply: Reply) -> None:
        started.append(message.text)
        await reply.say("so far")
        await asyncio.Event().wait()

    async with bench(tmp_path, handler, slots=1) as made:
        first, second, third = chat("1"), chat("2"), chat("3", conversation="other")
        made.runner.stop(third.run)
        made.take(first, second, third)
        assert error_of(await made.end(third)).reason == "stopped"
        await until(lambda: started)
        made.runner.stop(second.run)
        assert error_of(await made.end(second)).reason == "stopped"
        made.runner.stop(first.run)
        assert error_of(await made.end(first)).reason == "stopped"
        assert "TEXT_MESSAGE_END" in made.kinds(first.run)
        assert started == ["1"]
        await until(lambda: len(made.subscription.acked) == 3)


async def test_a_stop_before_the_handler_took_its_first_step_counts(tmp_path: Path) -> None:
    async with bench(tmp_path, echo) as made:
        message = chat("x")
        made.take(message)
        made.runner.stop(message.run)
        assert error_of(await made.end(message)).reason == "stopped"
        other = chat("y")
        made.take(other)
        assert (await made.end(other)).kind == "RUN_FINISHED"


async def test_a_run_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "EVERY_S", 0.01)

    async def handler(message: IncomingMessage) -> None:
        await asyncio.Event().wait()

    async with bench(tmp_path, handler, run_timeout_s=0.05) as made:
        message = chat("x")
        made.take(message)
        assert error_of(await made.end(message)).reason == "timed_out"


async def test_an_answer_survives_a_bus_that_fails_and_changes(tmp_path: Path) -> None:
    async with bench(tmp_path, echo) as made:
        made.bus.outcome = lambda _message: Unconfirmed("lost")
        message = chat("hi")
        tags = made.take(message)
        await until(lambda: len(made.bus.attempts) >= 2)
        assert len({sent.id for sent in made.bus.attempts}) == 1
        made.publisher.detach()
        other = type(made.bus)()
        made.bus = other
        made.publisher.attach(other)
        await made.end(message)
        await until(lambda: made.subscription.acked == tags)


async def test_passing_text_that_is_refused_is_dropped_the_answer_is_not(tmp_path: Path) -> None:
    async def handler(message: IncomingMessage, reply: Reply) -> None:
        for _ in range(4):
            await reply.say("piece ")
            await asyncio.sleep(0.06)

    async with bench(tmp_path, handler) as made:
        made.bus.outcome = lambda sent: None if b"RUN_FINISHED" in sent.body else TooLarge("no")
        message = chat("hi")
        made.take(message)
        await made.end(message)
        assert made.kinds(message.run) == ["TEXT_MESSAGE_END", "RUN_FINISHED"]


async def test_a_slow_bus_makes_flushes_rarer_not_more(tmp_path: Path) -> None:
    async def handler(message: IncomingMessage, reply: Reply) -> None:
        for _ in range(50):
            await reply.say("x" * 3000)
            await asyncio.sleep(0.002)

    async with bench(tmp_path, handler) as made:
        made.bus.holding = True
        message = chat("hi")
        made.take(message)
        await until(lambda: made.desk.runs[message.id].core.ended)
        await until(lambda: made.bus.held)
        assert len(made.bus.attempts) <= 2
        made.bus.release()
        await made.end(message)
        assert len(made.bus.published) <= 3


async def test_what_was_sent_once_keeps_its_number_others_get_the_next(tmp_path: Path) -> None:
    async with bench(tmp_path, echo) as made:
        failing = [True]
        made.bus.outcome = lambda _message: Disconnected("gone") if failing else None
        first, second = chat("1"), chat("2")
        made.take(first, second)
        await until(lambda: len(made.bus.attempts) >= 3)
        failing.clear()
        await made.end(second)
        # On a slow machine a run is announced before it ends: then its answer is a second message.
        published = made.bus.published
        assert [sent.seq for sent in published] == list(range(1, len(published) + 1))
        assert list(dict.fromkeys(sent.correlation_id for sent in published)) == [first.id, second.id]
        assert len({(sent.id, sent.seq) for sent in made.bus.attempts}) == len(published)


class Counter:
    """A tool that changes something."""

    def __init__(self) -> None:
        self.spec = ToolSpec("count", "Counts.", Arguments, acts=True)
        self.done = 0

    def describe(self, arguments: object) -> tuple[str, str]:
        return "Counts", ""

    async def run(self, arguments: object, live: object, mark: str) -> Outcome:
        self.done += 1
        return Outcome(f"{self.done}")


async def test_a_side_effect_waits_until_the_server_was_heard_again(tmp_path: Path) -> None:
    counter = Counter()

    async def handler(message: IncomingMessage, reply: Reply) -> None:
        await reply.use("count")

    async with bench(tmp_path, handler, tools=[counter]) as made:
        made.board.heard_at = 0.0
        message = chat("x")
        made.take(message)
        await until(lambda: made.kinds(message.run))
        assert counter.done == 0
        made.board.heard_at = float("inf")
        await made.end(message)
        assert counter.done == 1
