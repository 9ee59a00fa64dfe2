"""A conversation from the browser to the agent and back, over the real queues and a real broker."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from muster_messaging.message import Message
from muster_messaging.topology import TO_BROKER, partition_key, partition_of
from muster_server.conversations import service
from muster_shared_models.problems import Reason
from muster_shared_models.run_events import (
    RunError,
    RunFinished,
    RunStarted,
    TextContent,
    TextEnd,
    ToolContent,
    ToolResult,
    ToolStart,
)
from tests.server.desk import Desk, at_work
from tests.server.puppet import puppet
from tests.server.running import Browser, RunningServer, eventually, running_server


@pytest.fixture
async def desk(server: RunningServer, tmp_path: Path) -> AsyncIterator[Desk]:
    async with server.broker(), at_work(server, tmp_path) as desk:
        yield desk


async def say(browser: Browser, text: str, ref: str = "1", **message: str) -> dict[str, Any]:
    await browser.send(op="chat.send", ref=ref, message={"text": text, **message})
    return dict((await browser.op("accepted"))["sent"])


async def follow(browser: Browser, conversation: str, **since: Any) -> dict[str, Any]:
    await browser.send(op="subscribe", stream=f"conversation:{conversation}", **since)
    return await browser.until(lambda frame: frame["op"] in ("snapshot", "resumed"))


async def transcript(server: RunningServer, conversation: str) -> list[dict[str, Any]]:
    items = (await server.get(f"/api/v1/conversations/{conversation}/events"))["items"]
    assert [item["seq"] for item in items] == list(range(1, len(items) + 1))
    return [item["event"] for item in items]


async def test_a_message_is_answered(server: RunningServer, desk: Desk) -> None:
    async with server.browser() as browser:
        # When a person says something
        sent = await say(browser, "Hello there", to="agent:puppet")
        snapshot = await follow(browser, sent["conversation"])
        asked, body = await desk.take()

        # Then the agent gets it, from the server, with the run to answer in
        assert (body.text, body.run_id, body.sender_name) == ("Hello there", sent["run_id"], "admin")
        assert (asked.conversation, asked.run, asked.id) == (sent["conversation"], sent["run_id"], sent["message_id"])
        assert asked.origin == "user:usr_admin"
        assert [item["event"]["kind"] for item in snapshot["data"]["snapshot"]["events"]] == ["USER_MESSAGE"]

        # And what it reports arrives in order, once
        await desk.report(asked, RunStarted(run_id=asked.run))
        started = await browser.event("RUN_STARTED")
        assert (started["agent_id"], started["agent_name"]) == (desk.agent.id, "puppet")
        await desk.report(asked, TextContent(run_id=asked.run, offset=0, delta="Hi"))
        assert (await browser.event("TEXT_MESSAGE_CONTENT"))["delta"] == "Hi"
        said = TextEnd(run_id=asked.run, message_id="msg_2", text="Hi!")
        await desk.report(asked, said, RunFinished(run_id=asked.run))
        assert (await browser.event("TEXT_MESSAGE_END"))["text"] == "Hi!"
        await browser.event("RUN_FINISHED")
        kinds = [event["kind"] for event in await transcript(server, sent["conversation"])]
        assert kinds == ["USER_MESSAGE", "RUN_STARTED", "TEXT_MESSAGE_END", "RUN_FINISHED"]

        # And the list shows it
        async def listed() -> Any:
            item = (await server.get("/api/v1/conversations"))["items"][0]
            return item if item["preview"] == "Hi!" else None

        view = await eventually(listed)
        assert (view["title"], view["agent_id"], view["active_runs"]) == ("Hello there", desk.agent.id, [])


async def test_the_same_ref_is_stored_once_and_another_text_under_it_is_refused(
    server: RunningServer, desk: Desk
) -> None:
    async with server.browser() as browser:
        first = await say(browser, "once", ref="r", to="agent:puppet")
        assert await say(browser, "once", ref="r", to="agent:puppet") == first
        await browser.send(op="chat.send", ref="r", message={"text": "other", "to": "agent:puppet"})
        assert (await browser.op("error"))["problem"]["reason"] == "key_reused"
        sent = await server.post(
            "/api/v1/messages", {"text": "rest", "to": "agent:puppet"}, 202, **{"Idempotency-Key": "k"}
        )
        again = await server.post(
            "/api/v1/messages", {"text": "rest", "to": "agent:puppet"}, 202, **{"Idempotency-Key": "k"}
        )
        assert sent == again
        assert len((await server.get("/api/v1/conversations"))["items"]) == 2


async def test_doubled_reports_are_stored_once(server: RunningServer, desk: Desk) -> None:
    async with server.browser() as browser:
        sent = await say(browser, "hi", to="agent:puppet")
        await follow(browser, sent["conversation"])
        asked, _ = await desk.take()
        # What begins and ends a run is known by the run's state; only the ids of messages tell tool calls apart.
        start = ToolStart(run_id=asked.run, tool_call_id="tc_1", tool="shell", title="Run a command", subject="ls")
        result = ToolResult(run_id=asked.run, tool_call_id="tc_1", ok=True, output="a\n", exit_code=0)
        for number, event in enumerate((RunStarted(run_id=asked.run), start, result)):
            for _ in range(3):
                await desk.report(asked, event, message_id=f"msg_same_{number}")
        for _ in range(3):
            await desk.answer(asked, "hi")
        await browser.event("RUN_FINISHED")
        await say(browser, "and now?", ref="2", conversation=sent["conversation"])
        kinds = [event["kind"] for event in await transcript(server, sent["conversation"])]
        assert kinds == [
            "USER_MESSAGE", "RUN_STARTED", "TOOL_CALL_START", "TOOL_CALL_RESULT", "TEXT_MESSAGE_END", "RUN_FINISHED",
            "USER_MESSAGE",
        ]  # fmt: skip


async def test_another_agent_cannot_speak_in_a_run_it_does_not_hold(
    server: RunningServer, desk: Desk, tmp_path: Path
) -> None:
    async with server.browser() as browser, at_work(server, tmp_path, "other") as other:
        sent = await say(browser, "hi", to="agent:puppet")
        await follow(browser, sent["conversation"])
        asked, _ = await desk.take()
        await other.report(asked, TextContent(run_id=asked.run, offset=0, delta="forged"))
        await other.answer(asked, "forged")
        await desk.answer(asked, "real")
        event = await browser.until(lambda frame: frame["op"] in ("event", "passing"))
        assert event["event"]["agent_id"] == desk.agent.id
        assert "forged" not in json.dumps(await transcript(server, sent["conversation"]))


async def test_tool_calls_and_their_live_output_are_shown(server: RunningServer, desk: Desk) -> None:
    async with server.browser() as browser:
        sent = await say(browser, "/shell ls", to="agent:puppet")
        await follow(browser, sent["conversation"])
        asked, _ = await desk.take()
        start = ToolStart(run_id=asked.run, tool_call_id="tc_1", tool="shell", title="Run a command", subject="ls")
        await desk.report(asked, RunStarted(run_id=asked.run), start)
        await desk.report(asked, ToolContent(run_id=asked.run, tool_call_id="tc_1", offset=0, delta="a\n"))
        assert (await browser.event("TOOL_CALL_CONTENT"))["delta"] == "a\n"
        async with server.browser() as second:
            snapshot = (await follow(second, sent["conversation"]))["data"]["snapshot"]
            assert snapshot["drafts"][0]["tools"] == [{"tool_call_id": "tc_1", "text": "a\n"}]
        result = ToolResult(run_id=asked.run, tool_call_id="tc_1", ok=True, output="a\nb\n", exit_code=0)
        await desk.report(asked, result, RunFinished(run_id=asked.run))
        assert (await browser.event("TOOL_CALL_RESULT"))["output"] == "a\nb\n"


async def test_a_browser_cut_off_at_any_event_ends_with_the_same_transcript(server: RunningServer, desk: Desk) -> None:
    async with server.browser() as browser:
        sent = await say(browser, "hi", to="agent:puppet")
        first = await follow(browser, sent["conversation"])
        asked, _ = await desk.take()
        tools = [
            ToolResult(run_id=asked.run, tool_call_id=f"tc_{n}", ok=True, output=str(n), exit_code=0) for n in range(30)
        ]
        await desk.report(asked, RunStarted(run_id=asked.run), *tools)
        await desk.answer(asked, "done")
        await browser.event("RUN_FINISHED")
        whole = [
            item["seq"] for item in (await server.get(f"/api/v1/conversations/{sent['conversation']}/events"))["items"]
        ]
        for since in range(len(whole) + 1):
            resumed = await follow(browser, sent["conversation"], epoch=first["epoch"], since=since)
            assert resumed["op"] == "resumed"
            got = [(await browser.op("event"))["seq"] for _ in whole[since:]]
            assert got == whole[since:]
        anew = await follow(browser, sent["conversation"], epoch="another", since=3)
        assert [item["seq"] for item in anew["data"]["snapshot"]["events"]] == whole


async def test_history_goes_along_for_agents_that_want_it(server: RunningServer, tmp_path: Path) -> None:
    async with server.broker(), at_work(server, tmp_path, history=3) as desk, server.browser() as browser:
        sent = await say(browser, "one", to="agent:puppet")
        asked, body = await desk.take()
        assert body.history == []
        await desk.answer(asked, "two")
        await follow(browser, sent["conversation"])
        await browser.until(lambda f: "RUN_FINISHED" in json.dumps(f))
        await say(browser, "three", ref="2", conversation=sent["conversation"])
        _, body = await desk.take()
        assert [(turn.role, turn.text) for turn in body.history] == [("user", "one"), ("agent", "two")]


async def test_a_message_for_an_agent_that_is_away_waits_and_says_so(server: RunningServer, tmp_path: Path) -> None:
    async with server.broker(), server.browser() as browser:
        async with puppet(server.started.grpc_address, await server.join_token(), tmp_path):
            pass
        sent = await say(browser, "later", to="agent:puppet")
        await follow(browser, sent["conversation"])
        queued = await browser.until(lambda f: "RUN_QUEUED" in json.dumps(f))
        assert "away" in json.dumps(queued)


async def test_an_agent_retired_under_way_is_told_within_seconds(server: RunningServer, tmp_path: Path) -> None:
    async with (
        puppet(server.started.grpc_address, await server.join_token(), tmp_path) as agent,
        server.browser() as browser,
    ):
        sent = await say(browser, "anybody?", to="agent:puppet")
        await server.http.delete(f"/api/v1/agents/{agent.id}")
        await follow(browser, sent["conversation"])
        async with server.broker():
            error = await browser.event("RUN_ERROR")
        assert (error["reason"], sent["run_id"]) == ("agent_not_found", error["run_id"])


async def test_what_waits_for_an_agent_that_is_retired_ends(
    server: RunningServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a message in the queue of an agent that is away: the queue goes with the agent, and the message with it
    monkeypatch.setattr(service, "RETIRED_MS", 0)
    async with server.broker(), server.browser() as browser:
        async with puppet(server.started.grpc_address, await server.join_token(), tmp_path) as agent:
            pass
        sent = await say(browser, "still there?", to="agent:puppet")
        await follow(browser, sent["conversation"])
        await browser.until(lambda frame: "RUN_QUEUED" in json.dumps(frame))

        await server.http.delete(f"/api/v1/agents/{agent.id}")

        error = await browser.event("RUN_ERROR")
        assert (error["reason"], error["run_id"]) == ("agent_not_found", sent["run_id"])
        assert "retired" in error["message"]


async def test_any_stays_with_who_answered_and_all_reaches_everybody(server: RunningServer, tmp_path: Path) -> None:
    async with (
        server.broker(),
        at_work(server, tmp_path, "one", labels={"env": "lab"}) as one,
        at_work(server, tmp_path, "two", labels={"env": "lab"}) as two,
        server.browser() as browser,
    ):
        desks = {one.agent.id: one, two.agent.id: two}
        sent = await say(browser, "first", to="any:env=lab")
        takers = {asyncio.ensure_future(desk.take()): desk for desk in desks.values()}
        done, waiting = await asyncio.wait(takers, return_when=asyncio.FIRST_COMPLETED)
        taker = takers[done.pop()]
        for task in waiting:
            task.cancel()
        asked = (await server.get(f"/api/v1/conversations/{sent['conversation']}/events"))["items"][0]["event"]
        message = Message(id=asked["message_id"], type="", conversation=sent["conversation"], run=sent["run_id"])
        await follow(browser, sent["conversation"])
        await taker.answer(message, "me")
        await browser.event("RUN_FINISHED")
        for number in range(3):
            await say(browser, "again", ref=f"a{number}", conversation=sent["conversation"])
            asked_again, _ = await taker.take()
            await taker.answer(asked_again, "me again")
            await browser.event("RUN_FINISHED")

        everybody = await say(browser, "roll call", ref="all", to="all:env=lab")
        await follow(browser, everybody["conversation"])
        for desk in desks.values():
            asked, _ = await desk.take()
            assert asked.run == f"{everybody['run_id']}~{desk.agent.id}"
            await desk.answer(asked, f"here: {desk.agent.name}")
        events = []
        while sum(event["kind"] == "RUN_FINISHED" for event in events) < 2:
            events = await transcript(server, everybody["conversation"])
        fanned = next(event for event in events if event["kind"] == "RUN_FANNED_OUT")
        assert {branch["agent_id"] for branch in fanned["branches"]} == set(desks)
        assert sorted(e["text"] for e in events if e["kind"] == "TEXT_MESSAGE_END") == ["here: one", "here: two"]


async def test_a_run_is_stopped_by_its_agent_or_at_once_when_somebody_asks_again(
    server: RunningServer, desk: Desk
) -> None:
    async with server.browser() as browser:
        sent = await say(browser, "hi", to="agent:puppet")
        await follow(browser, sent["conversation"])
        await browser.send(op="run.stop", ref="s", run_id=sent["run_id"])
        await browser.event("RUN_STOP_REQUESTED")
        await browser.send(op="run.stop", ref="s", run_id=sent["run_id"])
        error = await browser.event("RUN_ERROR")
        assert error["reason"] == "stopped"
        await browser.send(op="run.stop", ref="s", run_id=sent["run_id"])
        assert (await browser.op("error"))["problem"]["reason"] == "already_finished"

        asked, _ = await desk.take()
        await desk.answer(asked, "too late")
        await desk.report(asked, RunError(run_id=asked.run, reason=Reason.INTERNAL, message=""))
        kinds = [event["kind"] for event in await transcript(server, sent["conversation"])]
        assert kinds == ["USER_MESSAGE", "RUN_STOP_REQUESTED", "RUN_ERROR"]


async def test_what_cannot_be_read_dies_with_a_reason_and_delays_nobody(server: RunningServer, desk: Desk) -> None:
    async with server.browser() as browser:
        sent = await say(browser, "hi", to="agent:puppet")
        await follow(browser, sent["conversation"])
        asked, _ = await desk.take()
        key = partition_key(partition_of(asked.conversation, desk.agent.registered.partitions))
        for number, (kind, body, schema) in enumerate(
            [
                ("run.events", b"nonsense", 1),
                ("run.events", b"", 1),
                ("unheard.of", b"{}", 1),
                ("run.events", b"{}", 99),
            ]
        ):
            bad = Message(f"msg_bad{number}", kind, body, to="server", conversation=asked.conversation, run="run_x",
                          schema=schema)  # fmt: skip
            await desk.bus.publish(TO_BROKER, key, bad)
        await desk.answer(asked, "fine")
        await browser.event("RUN_FINISHED")


async def test_a_conversation_survives_a_restart_of_the_server_in_the_middle(tmp_path: Path) -> None:
    async with running_server(tmp_path / "data") as server:
        async with puppet(server.started.grpc_address, await server.join_token(), tmp_path):
            pass
        async with server.browser() as browser:
            sent = await say(browser, "are you there?", to="agent:puppet")
            first = await follow(browser, sent["conversation"])
    async with running_server(tmp_path / "data") as server, server.broker(), server.browser() as browser:
        resumed = await follow(browser, sent["conversation"], epoch=first["epoch"], since=1)
        assert resumed["op"] == "resumed"
        queued = await browser.event("RUN_QUEUED")
        assert queued["run_id"] == sent["run_id"]


async def test_more_than_an_agents_queue_holds_is_refused_and_room_comes_back(
    server: RunningServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("muster_server.conversations.waiting.LIMIT", 3)
    async with server.broker(), at_work(server, tmp_path) as desk:
        asked = {"text": "hello", "to": "agent:puppet"}
        for _ in range(3):
            await server.post("/api/v1/messages", asked, 202)
        refused = await server.http.post("/api/v1/messages", json=asked)
        assert (refused.status_code, refused.json()["reason"]) == (429, "queue_full")
        assert int(refused.headers["retry-after"]) > 0

        await desk.answer((await desk.take())[0], "done")

        async def accepted() -> bool:
            return (await server.http.post("/api/v1/messages", json=asked)).status_code == 202

        await eventually(accepted)


async def test_what_waits_for_an_agent_counts_after_a_restart_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("muster_server.conversations.waiting.LIMIT", 1)
    asked = {"text": "hello", "to": "agent:puppet"}
    async with running_server(tmp_path / "data") as server, at_work(server, tmp_path):
        await server.post("/api/v1/messages", asked, 202)
    async with running_server(tmp_path / "data") as server:
        assert (await server.http.post("/api/v1/messages", json=asked)).json()["reason"] == "queue_full"


async def test_a_list_says_that_the_last_run_failed_until_one_does_not(server: RunningServer, desk: Desk) -> None:
    async def failed() -> Any:
        return (await server.get("/api/v1/conversations"))["items"][0]["failed"]

    sent = await server.post("/api/v1/messages", {"text": "one", "to": "agent:puppet"}, 202)
    asked, _ = await desk.take()
    error = RunError(run_id=asked.run, reason=Reason.MODEL_FAILED, message="no")
    await desk.report(asked, RunStarted(run_id=asked.run), error)

    async def told() -> bool:
        return (await failed()) == "model_failed"

    await eventually(told)
    await server.post("/api/v1/messages", {"text": "two", "conversation": sent["conversation"]}, 202)
    assert await failed() is None
