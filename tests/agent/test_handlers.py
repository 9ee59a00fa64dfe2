"""Handlers of every form."""

import asyncio
import functools
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from muster_agent import Agent
from muster_agent import handlers as module
from muster_agent.runs.reply import IncomingMessage, Reply
from muster_shared_models.problems import MusterError, Reason
from muster_shared_models.run_events import RunError, TextEnd, ToolResult, ToolStart
from tests.agent.bench_desk import bench, chat
from tests.agent.waiting import until


async def answer(folder: Path, handler: Any, text: str = "Ada") -> str:
    folder.mkdir(exist_ok=True)
    async with bench(folder, handler) as made:
        message = chat(text)
        made.take(message)
        end = await made.end(message)
        assert end.kind == "RUN_FINISHED", end
        texts = [event.text for event in made.events(message.run) if isinstance(event, TextEnd)]
        return texts[0] if texts else ""


class Callable_:  # noqa: N801
    async def __call__(self, message: IncomingMessage, reply: Reply) -> None:
        await reply.say(f"object {message.text}")


async def async_says(message: IncomingMessage, reply: Reply) -> None:
    await reply.say("Hello, ")
    await reply.say(f"{message.text}!")


async def async_returns(message: IncomingMessage) -> str:
    return f"Hello, {message.text}!"


async def async_yields(message: IncomingMessage, reply: Reply) -> AsyncIterator[str]:
    yield "Hello, "
    yield f"{message.text}!"


def plain_returns(message: IncomingMessage) -> str:
    assert threading.current_thread() is not threading.main_thread()
    return f"Hello, {message.text}!"


def plain_yields(message: IncomingMessage) -> Iterator[str]:
    yield "Hello, "
    yield f"{message.text}!"


def plain_says(message: IncomingMessage, reply: Reply) -> None:
    reply.say("Hello, ")
    reply.say(f"{message.text}!")


ASYNC = [async_says, async_returns, async_yields]
PLAIN = [plain_returns, plain_yields, plain_says, lambda message: f"Hello, {message.text}!"]


@pytest.mark.parametrize("handler", [*ASYNC, *PLAIN])
async def test_every_form_answers(tmp_path: Path, handler: Any) -> None:
    assert await answer(tmp_path, handler) == "Hello, Ada!"


async def test_a_partial_and_a_plain_function_around_an_async_one_answer(tmp_path: Path) -> None:
    async def greet(greeting: str, message: IncomingMessage) -> str:
        return f"{greeting}, {message.text}!"

    assert await answer(tmp_path / "a", functools.partial(greet, "Hello")) == "Hello, Ada!"
    assert await answer(tmp_path / "b", lambda message: greet("Hi", message)) == "Hi, Ada!"


async def test_an_object_with_a_call_method_answers(tmp_path: Path) -> None:
    assert await answer(tmp_path, Callable_()) == "object Ada"


def test_a_function_with_other_arguments_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match="message, reply"):
        Agent("x").on_message(lambda: "")


async def test_a_handler_sees_who_says_what(tmp_path: Path) -> None:
    seen: list[IncomingMessage] = []

    async def handler(message: IncomingMessage) -> None:
        seen.append(message)

    assert await answer(tmp_path, handler) == ""
    assert (seen[0].text, seen[0].sender_name, seen[0].conversation, seen[0].attempt) == ("Ada", "Ada", "cnv_1", 1)
    assert seen[0].run_id.startswith("run_")


async def test_a_plain_handler_that_fails_and_one_that_exits_end_only_the_run(tmp_path: Path) -> None:
    def handler(message: IncomingMessage) -> str:
        raise SystemExit(3) if message.text == "exit" else KeyError("secret")

    async with bench(tmp_path, handler) as made:
        for text, name in (("fail", "KeyError"), ("exit", "RuntimeError")):
            message = chat(text)
            made.take(message)
            error = await made.end(message)
            assert isinstance(error, RunError)
            assert name in error.message


async def test_a_plain_handler_sees_its_stop(tmp_path: Path) -> None:
    begun, ended = threading.Event(), threading.Event()

    def handler(message: IncomingMessage, reply: Reply) -> None:
        begun.set()
        while not reply.stopped:
            pass
        ended.set()

    async with bench(tmp_path, handler) as made:
        message = chat("x")
        made.take(message)
        await until(begun.is_set)
        made.runner.stop(message.run)
        assert (await made.end(message)).kind == "RUN_ERROR"
        await until(ended.is_set)


async def test_a_plain_handler_that_looks_away_is_left_to_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "NOTICE_S", 0.05)
    begun, free = threading.Event(), threading.Event()

    def handler(message: IncomingMessage, reply: Reply) -> None:
        begun.set()
        free.wait(10)
        reply.say("too late")

    async with bench(tmp_path, handler) as made:
        message = chat("x")
        made.take(message)
        await until(begun.is_set)
        made.runner.stop(message.run)
        assert (await made.end(message)).kind == "RUN_ERROR"
        free.set()
        assert "TEXT_MESSAGE_END" not in made.kinds(message.run)


@pytest.mark.parametrize("told", ["stop", "end"])
async def test_a_plain_handler_cannot_begin_a_tool_when_its_run_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str
) -> None:
    monkeypatch.setattr(module, "NOTICE_S", 0.05)
    begun, free, ended = threading.Event(), threading.Event(), threading.Event()
    acted: list[str] = []

    def handler(message: IncomingMessage, reply: Reply) -> None:
        begun.set()
        free.wait(10)
        try:
            with reply.tool("deploy"):
                acted.append(message.text)
        finally:
            ended.set()

    async with bench(tmp_path, handler) as made:
        message = chat("x")
        made.take(message)
        await until(begun.is_set)
        if told == "stop":
            made.runner.stop(message.run)
        else:
            made.runner.end(made.desk.runs[message.id], MusterError(Reason.TIMED_OUT, "It took too long."))
        assert (await made.end(message)).kind == "RUN_ERROR"
        free.set()
        await until(ended.is_set)
        assert acted == []
        assert "TOOL_CALL_START" not in made.kinds(message.run)


async def test_a_handler_that_swallows_its_cancel_cannot_begin_a_tool(tmp_path: Path) -> None:
    begun = asyncio.Event()
    acted: list[str] = []

    async def handler(message: IncomingMessage, reply: Reply) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            async with reply.tool("deploy"):
                acted.append(message.text)

    async with bench(tmp_path, handler) as made:
        message = chat("x")
        made.take(message)
        await begun.wait()
        made.runner.stop(message.run)
        error = await made.end(message)
        assert isinstance(error, RunError)
        assert error.reason == "stopped"
        assert acted == []


async def test_a_tool_does_not_begin_when_its_run_is_stopped_while_it_waits(tmp_path: Path) -> None:
    acted: list[str] = []

    def handler(message: IncomingMessage, reply: Reply) -> None:
        with reply.tool("deploy"):
            acted.append(message.text)

    async with bench(tmp_path, handler) as made:
        made.board.heard_at = 0.0
        message = chat("x")
        made.take(message)
        await until(lambda: "TOOL_CALL_START" in made.kinds(message.run))
        made.runner.stop(message.run)
        made.board.heard_at = float("inf")
        await made.end(message)
        await until(lambda: not made.desk.runs)
        assert acted == []


async def test_a_card_of_ones_own_shows_what_is_done(tmp_path: Path) -> None:
    async def handler(message: IncomingMessage, reply: Reply) -> None:
        async with reply.tool("deploy", title="Deploys", subject="site", arguments={"to": "prod"}, acts=False) as card:
            await card.say("building\n")
            await card.say("done\n")
            card.result(exit_code=0, media="terminal")

    async with bench(tmp_path, handler) as made:
        message = chat("x")
        made.take(message)
        await made.end(message)
        start, result = made.events(message.run)[1:3]
        assert isinstance(start, ToolStart)
        assert (start.tool, start.title, start.subject, start.arguments) == (
            "deploy",
            "Deploys",
            "site",
            {"to": "prod"},
        )
        assert isinstance(result, ToolResult)
        assert (result.output, result.ok, result.exit_code) == ("building\ndone\n", True, 0)


async def test_a_card_whose_work_fails_says_so_and_the_error_goes_on(tmp_path: Path) -> None:
    async def handler(message: IncomingMessage, reply: Reply) -> None:
        async with reply.tool("deploy"):
            raise OSError("no")

    async with bench(tmp_path, handler) as made:
        message = chat("x")
        made.take(message)
        assert (await made.end(message)).kind == "RUN_ERROR"
        result = next(event for event in made.events(message.run) if isinstance(event, ToolResult))
        assert (result.ok, result.output) == (False, "OSError")


async def test_a_plain_handler_can_show_cards_too(tmp_path: Path) -> None:
    def handler(message: IncomingMessage, reply: Reply) -> str:
        with reply.tool("count", arguments={"n": "x" * 20_000}) as card:
            card.say("1 2 3")
        return "counted"

    async with bench(tmp_path, handler) as made:
        message = chat("x")
        made.take(message)
        assert (await made.end(message)).kind == "RUN_FINISHED"
        assert made.kinds(message.run).count("TOOL_CALL_RESULT") == 1


async def test_a_handler_that_says_much_lets_others_have_a_turn(tmp_path: Path) -> None:
    turns = []

    async def handler(message: IncomingMessage, reply: Reply) -> None:
        asyncio.get_running_loop().call_soon(turns.append, 1)
        for _ in range(1000):
            await reply.say("x")
        assert turns

    assert len(await answer(tmp_path, handler)) == 1000
