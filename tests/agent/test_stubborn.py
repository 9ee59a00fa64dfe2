"""Handlers that go on whatever they are told: what depends on them goes on without them."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from muster_agent.inbox import upkeep
from muster_agent.runs import runner
from muster_agent.runs.reply import IncomingMessage
from tests.agent.bench_desk import bench, chat
from tests.agent.waiting import until


def stubborn(free: asyncio.Event) -> Callable[[IncomingMessage], Awaitable[None]]:
    """Return a handler that goes on, however often it is cancelled, until it is set free."""

    async def handler(_message: IncomingMessage) -> None:
        while not free.is_set():
            try:
                await free.wait()
            except asyncio.CancelledError:
                continue

    return handler


async def test_a_handler_that_ignores_its_stop_is_answered_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "EVERY_S", 0.01)
    monkeypatch.setattr(upkeep, "STUBBORN_S", 0.05)
    free = asyncio.Event()
    async with bench(tmp_path, stubborn(free)) as made:
        message = chat("x")
        made.take(message)
        await until(lambda: made.desk.runs[message.id].begun)
        made.runner.stop(message.run)
        assert getattr(await made.end(message), "reason", "") == "stopped"
        free.set()


async def test_a_handler_that_ignores_its_stop_loses_its_slot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "EVERY_S", 0.01)
    monkeypatch.setattr(upkeep, "STUBBORN_S", 0.05)
    free = asyncio.Event()
    ended: list[str] = []
    go_on = stubborn(free)

    async def handler(message: IncomingMessage) -> None:
        if message.text == "stubborn":
            await go_on(message)
        ended.append(message.text)

    async with bench(tmp_path, handler, slots=1) as made:
        first, following, other = chat("stubborn"), chat("following"), chat("other", conversation="cnv_2")
        made.take(first, following, other)
        await until(lambda: made.desk.runs[first.id].begun)
        made.runner.stop(first.run)
        await made.end(following)
        await made.end(other)
        free.set()
        await until(lambda: "stubborn" in ended)
        # Its slot was given away once, not twice: one at a time
        third = chat("third")
        made.take(third)
        await made.end(third)
        assert ended == ["other", "following", "stubborn", "third"]


async def test_draining_does_not_wait_for_a_handler_that_ignores_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "CANCEL_S", 0.01)
    free = asyncio.Event()
    async with bench(tmp_path, stubborn(free)) as made:
        message = chat("x")
        made.take(message)
        await until(lambda: made.desk.runs[message.id].begun)
        await asyncio.wait_for(made.runner.drain(0), 10)
        free.set()
