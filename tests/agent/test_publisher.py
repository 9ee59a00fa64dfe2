"""What runs tell arrives: whatever its size, and however often it is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from muster_agent.runs import publisher
from muster_agent.runs.core import RunCore, RunState
from muster_agent.runs.encode import encode_events
from muster_agent.runs.reply import IncomingMessage, Reply
from muster_messaging.errors import BusError, Refused, TooLarge
from muster_messaging.message import MAX_BODY_BYTES, Message
from muster_shared_models.bodies import RUN_EVENTS
from muster_shared_models.run_events import MAX_TEXT, MAX_TOOL_OUTPUT, RunError
from tests.agent.bench_desk import bench, chat
from tests.agent.waiting import until


def as_queues_do(message: Message) -> BusError | None:
    return TooLarge("too large") if len(message.body) > MAX_BODY_BYTES else None


async def test_many_large_cards_and_a_long_answer_are_told_in_messages_that_fit(tmp_path: Path) -> None:
    async def handler(message: IncomingMessage, reply: Reply) -> str:
        for _ in range(30):
            async with reply.tool("read", subject="書" * 4000, arguments={"of": "書" * 7000}, acts=False):
                pass
        return "書" * 50_000

    async with bench(tmp_path, handler) as made:
        made.bus.outcome = as_queues_do
        message = chat("x")
        made.take(message)
        await made.end(message)
        kinds = made.kinds(message.run)
        assert kinds[0] == "RUN_STARTED"
        assert kinds[-2:] == ["TEXT_MESSAGE_END", "RUN_FINISHED"]
        assert kinds.count("TOOL_CALL_START") == kinds.count("TOOL_CALL_RESULT") == 30
        assert made.bus.attempts == made.bus.published


def test_whatever_is_told_at_once_fits_into_messages() -> None:
    core = RunCore("run_1", 1, 0.0)
    core.take(0.0)
    core.say("\U0001f600" * MAX_TEXT)
    for number in range(20):
        core.tool_begins(f"tc_{number}", "t", "t", "\x01" * 4000, {"of": "\x01" * 300_000})
        core.tool_says(f"tc_{number}", "\x01" * MAX_TOOL_OUTPUT)
        core.tool_ends(f"tc_{number}", ok=True, duration_ms=1, language="x" * 2_000_000)
    core.finish(1.0)
    told: list[str] = []
    while core.state is not RunState.ENDED:
        body = encode_events("run_1", [one for one in core.take(1.0) if one["kind"] != "TEXT_MESSAGE_CONTENT"])
        assert len(body) <= MAX_BODY_BYTES
        told += [event.kind for event in RUN_EVENTS.validate_json(body).events]
    assert told == ["TOOL_CALL_START", "TOOL_CALL_RESULT"] * 20 + ["TEXT_MESSAGE_END", "RUN_FINISHED"]


@pytest.mark.parametrize("lost", [b"RUN_STARTED", b"TOOL_CALL_START", b"RUN_FINISHED"])
async def test_what_lasts_is_sent_again_when_it_was_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: bytes
) -> None:
    monkeypatch.setattr(publisher, "REPAIR_S", 0.01)
    refused: list[Message] = []

    def refuse_once(message: Message) -> BusError | None:
        if lost in message.body and not refused:
            refused.append(message)
            return Refused("no such exchange")
        return None

    async with bench(tmp_path, handler_with_a_card(lambda: bool(refused) or lost == b"RUN_FINISHED")) as made:
        made.bus.outcome = refuse_once
        message = chat("x")
        made.take(message)
        await made.end(message)
        await until(lambda: {"RUN_STARTED", "TOOL_CALL_START"} <= set(made.kinds(message.run)))
        assert [sent.id for sent in made.bus.attempts].count(refused[0].id) == 2
        assert refused[0] in made.bus.published


def handler_with_a_card(goes_on: Callable[[], bool]) -> Any:
    async def handler(message: IncomingMessage, reply: Reply) -> None:
        async with reply.tool("look", acts=False):
            await until(goes_on)

    return handler


async def test_an_answer_that_no_queue_takes_ends_its_run_with_words_that_say_so(tmp_path: Path) -> None:
    async def handler(message: IncomingMessage) -> str:
        return "x" * 10_000

    message = chat("x")
    async with bench(tmp_path, handler) as made:
        made.bus.outcome = lambda sent: TooLarge("more than 5000 bytes") if len(sent.body) > 5000 else None
        (tag,) = made.take(message)
        error = await made.end(message)
        assert isinstance(error, RunError)
        assert error.reason == "message_too_large"
        assert made.bus.published[-1].id == made.bus.attempts[-2].id
        await until(lambda: made.subscription.acked == [tag])
