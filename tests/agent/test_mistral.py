"""Mistral's models through the real client, against a server that speaks its wire format, faults included."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from muster_agent.builtin.chat import chat_agent
from muster_agent.errors import ModelFailed
from muster_agent.models.mistral import MistralModel
from muster_agent.models.patience import Patience, ask
from muster_agent.settings import load_settings
from muster_agent.tools.jail import Jail
from muster_agent.tools.read import ReadTool
from muster_agent.turn.facts import CallPiece, ModelCall, ModelDone, ModelMessage, TextPiece
from muster_shared_models.problems import Reason
from muster_shared_models.run_events import RunError, RunFinished
from tests.agent.bench_desk import Bench, chat
from tests.agent.fake_mistral import DONE, FakeMistral, chunk, fake_mistral

KEY = "canary-key-0123456789"
QUICK = Patience(idle_s=2, total_s=20, first_pause_s=0.01, longest_pause_s=1.5)
QUESTION = (ModelMessage("system", "Be brief."), ModelMessage("user", "Hello?"))


@pytest.fixture
async def fake() -> AsyncIterator[FakeMistral]:
    async with fake_mistral() as serving:
        yield serving


@pytest.fixture
async def model(fake: FakeMistral) -> AsyncIterator[MistralModel]:
    made = MistralModel(KEY, "mistral-test", fake.url)
    yield made
    await made.close()


async def hear(model: MistralModel, patience: Patience = QUICK, **more: Any) -> list[Any]:
    return [event async for event in ask(model, more.get("messages", QUESTION), more.get("tools", ()), patience)]


async def failure(model: MistralModel, patience: Patience = QUICK) -> tuple[ModelFailed, list[Any]]:
    heard: list[Any] = []
    try:
        async for event in ask(model, QUESTION, (), patience):
            heard.append(event)  # noqa: PERF401 - what was heard before the failure is wanted
    except ModelFailed as error:
        return error, heard
    raise AssertionError(f"it did not fail: {heard}")


async def test_text_comes_in_pieces_and_usage_at_the_end(fake: FakeMistral, model: MistralModel) -> None:
    fake.stream(chunk(""), chunk("Hel"), chunk("lo"), chunk("", finish="stop", usage=(9, 2)), DONE)
    assert await hear(model) == [TextPiece("Hel"), TextPiece("lo"), ModelDone(9, 2)]
    request = fake.requests[0]
    assert (request["model"], request["stream"]) == ("mistral-test", True)
    assert [message["role"] for message in request["messages"]] == ["system", "user"]
    assert "tools" not in request
    assert fake.keys == [f"bearer {KEY}"]


async def test_content_may_be_a_list_of_chunks_of_which_text_is_said(fake: FakeMistral, model: MistralModel) -> None:
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "Yes."}]
    fake.stream(chunk(parts), chunk(None, finish="stop"), DONE)
    assert await hear(model) == [TextPiece("Yes."), ModelDone(0, 0)]


@pytest.mark.parametrize("arguments", ['{"path": "a.txt"}', {"path": "a.txt"}])
async def test_calls_have_arguments_as_text_or_as_an_object(
    fake: FakeMistral, model: MistralModel, arguments: object, tmp_path: Path
) -> None:
    calls = [{"id": "D681PevKs", "index": 0, "function": {"name": "read", "arguments": arguments}}]
    fake.stream(chunk("", calls=calls, finish="tool_calls", usage=(5, 5)), DONE)
    spec = ReadTool(Jail(tmp_path, [])).spec
    assert await hear(model, tools=[spec]) == [
        CallPiece(0, "D681PevKs", "read", '{"path": "a.txt"}'), ModelDone(5, 5),
    ]  # fmt: skip
    tool = fake.requests[0]["tools"][0]["function"]
    assert tool["name"] == "read"
    assert "path" in tool["parameters"]["properties"]


async def test_calls_and_results_go_back_as_the_model_wants_them(fake: FakeMistral, model: MistralModel) -> None:
    fake.say("Thanks.")
    call = ModelCall("D681PevKs", "read", '{"path": "x"}')
    messages = (
        *QUESTION, ModelMessage("assistant", "", (call,)),
        ModelMessage("tool", "content", call_id="D681PevKs", name="read"),
    )  # fmt: skip
    await hear(model, messages=messages)
    assistant, tool = fake.requests[0]["messages"][2:]
    assert assistant["tool_calls"][0]["function"] == {"name": "read", "arguments": '{"path": "x"}'}
    assert (tool["tool_call_id"], tool["name"], tool["content"]) == ("D681PevKs", "read", "content")


async def test_a_limit_with_a_time_is_waited_for(fake: FakeMistral, model: MistralModel) -> None:
    fake.fail(429, retry_after="1")
    fake.say("Here.")
    assert (await hear(model))[0] == TextPiece("He")
    assert len(fake.requests) == 2


async def test_a_limit_with_a_long_time_is_told_with_the_time(fake: FakeMistral, model: MistralModel) -> None:
    fake.fail(429, retry_after="90")
    error, _ = await failure(model)
    assert error.reason is Reason.OVERLOADED
    assert "90 s" in error.hint
    assert len(fake.requests) == 1


async def test_a_limit_without_a_time_is_not_tried_again(fake: FakeMistral, model: MistralModel) -> None:
    fake.fail(429)
    error, _ = await failure(model)
    assert len(fake.requests) == 1
    assert "console" in error.hint


@pytest.mark.parametrize("status", [500, 502, 503, 529])
async def test_a_server_fault_is_tried_four_times(fake: FakeMistral, model: MistralModel, status: int) -> None:
    fake.fail(status)
    error, _ = await failure(model)
    assert error.reason is Reason.MODEL_FAILED
    assert len(fake.requests) == 4


async def test_a_server_fault_that_passes_is_not_noticed(fake: FakeMistral, model: MistralModel) -> None:
    fake.fail(503)
    fake.fail(500)
    fake.say("Fine.")
    assert TextPiece("ne.") in await hear(model)


@pytest.mark.parametrize(("status", "says"), [(401, "key"), (403, "key"), (404, "MUSTER_AGENT_MODEL"), (422, "no")])
async def test_a_refusal_is_told_once_and_without_the_key(
    fake: FakeMistral, model: MistralModel, status: int, says: str
) -> None:
    body = '{"detail": [{"loc": [], "msg": "no", "type": "x"}]}' if status == 422 else '{"message": "no"}'
    fake.fail(status, body)
    error, _ = await failure(model)
    assert len(fake.requests) == 1
    assert says in error.detail + error.hint
    assert KEY not in repr(error) + error.detail + error.hint


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param((None,), id="cut at once"),
        pytest.param((), id="empty"),
        pytest.param((DONE,), id="done without an answer"),
        pytest.param((b"data: {not json\n\n",), id="malformed"),
        pytest.param((b'data: {"object": "error", "message": "overloaded"}\n\n',), id="an error event"),
        pytest.param((b"event: ping\n\n", None), id="ping, then cut"),
        pytest.param((4.0,), id="hangs"),
    ],
)
async def test_an_answer_that_never_begins_is_asked_for_again(
    fake: FakeMistral, model: MistralModel, pieces: tuple[Any, ...]
) -> None:
    fake.stream(*pieces)
    fake.say("At last.")
    heard = await hear(model)
    assert "".join(event.text for event in heard if isinstance(event, TextPiece)) == "At last."
    assert len(fake.requests) == 2


@pytest.mark.parametrize(
    "end",
    [
        pytest.param((None,), id="cut"),
        pytest.param((), id="ends early"),
        pytest.param((b"data: {not json\n\n",), id="malformed"),
        pytest.param((b'data: {"object": "error", "message": "overloaded"}\n\n',), id="an error event"),
        pytest.param((4.0,), id="hangs"),
    ],
)
async def test_an_answer_that_breaks_off_is_kept_and_not_asked_for_again(
    fake: FakeMistral, model: MistralModel, end: tuple[Any, ...]
) -> None:
    fake.stream(chunk("half an "), chunk("ans"), *end)
    error, heard = await failure(model)
    assert heard == [TextPiece("half an "), TextPiece("ans")]
    assert error.reason is Reason.MODEL_FAILED
    assert "is kept" in error.detail
    assert len(fake.requests) == 1


async def test_the_whole_answer_has_a_deadline_although_it_drips(fake: FakeMistral, model: MistralModel) -> None:
    fake.stream(*[piece for _ in range(60) for piece in (chunk("drip "), 0.05)])
    error, heard = await failure(model, Patience(idle_s=1, total_s=0.5))
    assert 2 <= len(heard) <= 12
    assert "silent" in error.detail or "kept" in error.detail


async def test_nobody_there_is_told(fake: FakeMistral) -> None:
    model = MistralModel(KEY, "m", "http://127.0.0.1:1")
    error, _ = await failure(model)
    assert error.reason is Reason.MODEL_FAILED
    await model.close()


async def test_the_key_is_in_no_log(fake: FakeMistral, model: MistralModel, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    fake.fail(500)
    await failure(model)
    assert KEY not in caplog.text


async def test_chat_reads_a_file_and_answers_with_partial_text_kept_on_failure(
    fake: FakeMistral, model: MistralModel, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("The answer is 42.")
    calls = [{"id": "D681PevKs", "function": {"name": "read", "arguments": '{"path": "notes.txt"}'}}]
    fake.stream(chunk("Let me look.", calls=calls, finish="tool_calls", usage=(10, 5)), DONE)
    fake.stream(chunk("It is 42.", finish="stop", usage=(20, 4)), DONE)
    fake.stream(chunk("I was go"), None)
    agent = chat_agent(model, load_settings())
    bench = Bench(tmp_path, agent, slots=4, tools=[ReadTool(Jail(tmp_path, []))], run_timeout_s=60)
    good = chat("What is the answer?")
    bench.take(good)
    end = await bench.end(good)
    assert isinstance(end, RunFinished)
    assert (end.input_tokens, end.output_tokens) == (30, 9)
    text = next(event for event in bench.events(good.run) if event.kind == "TEXT_MESSAGE_END")
    assert text.text == "Let me look.\n\nIt is 42."  # type: ignore[union-attr]
    assert "The answer is 42." in fake.requests[1]["messages"][-1]["content"]
    bad = chat("And now?")
    bench.take(bad)
    error = await bench.end(bad)
    assert isinstance(error, RunError)
    assert error.reason is Reason.MODEL_FAILED
    assert "TEXT_MESSAGE_END" in bench.kinds(bad.run)
    await bench.close()
