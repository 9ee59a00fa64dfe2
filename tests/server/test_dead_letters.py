"""What an agent or the broker cannot take is kept, shown, edited, sent again or dropped, and its run is told."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from muster_messaging.message import Message
from muster_messaging.topology import TO_BROKER, partition_key, partition_of
from muster_protos.v1.relay_pb2 import Publish, RelayUp
from muster_protos.v1.relay_pb2_grpc import MessageRelayStub
from muster_shared_models.bodies import CHAT, ChatBody, MessageType, RunEventsBody
from muster_shared_models.run_events import RunEvent, RunFinished, RunStarted, TextEnd, ToolStart
from tests.server.desk import Desk, at_work
from tests.server.running import RunningServer, eventually, running_server

LETTERS = "/api/v1/dead-letters"


@pytest.fixture
async def desk(server: RunningServer, tmp_path: Path) -> AsyncIterator[Desk]:
    async with server.broker(), at_work(server, tmp_path) as desk:
        yield desk


async def say(server: RunningServer, text: str, **more: Any) -> dict[str, Any]:
    said: dict[str, Any] = await server.post("/api/v1/messages", {"text": text, "to": "agent:puppet", **more}, 202)
    return said


async def letters(server: RunningServer, number: int = 1, **filters: Any) -> list[dict[str, Any]]:
    async def found() -> Any:
        items = (await server.get(LETTERS, **filters))["items"]
        return (items,) if len(items) == number else None

    return list((await eventually(found))[0])


async def kinds(server: RunningServer, conversation: str) -> list[str]:
    items = (await server.get(f"/api/v1/conversations/{conversation}/events"))["items"]
    return [item["event"]["kind"] for item in items]


async def test_a_rejected_message_is_kept_edited_and_sent_again(server: RunningServer, desk: Desk) -> None:
    sent = await say(server, "broken")
    rejected = await desk.reject()
    [letter] = await letters(server)
    assert {name: letter[name] for name in ("message_id", "queue", "reason", "agent_id", "run_id", "state", "key")} == {
        "message_id": sent["message_id"], "queue": desk.agent.registered.queue, "reason": "rejected",
        "agent_id": desk.agent.id, "run_id": sent["run_id"], "state": "waiting", "key": desk.agent.id,
    }  # fmt: skip
    assert await kinds(server, sent["conversation"]) == ["USER_MESSAGE", "RUN_ERROR"]

    one = await server.get(f"{LETTERS}/{letter['id']}")
    body = json.loads(one["body"])
    assert (body["text"], one["body_complete"], one["history"]) == ("broken", True, [])
    mended = json.dumps(body | {"text": "mended"})
    edited = await server.http.patch(f"{LETTERS}/{letter['id']}", json={"body": mended})
    assert (edited.status_code, edited.json()["letter"]["edited"]) == (200, True)

    assert (await server.post(f"{LETTERS}/{letter['id']}/replay", status=202))["state"] == "replayed"
    again, said = await desk.take()
    assert (again.id, again.run, said.text) == (rejected.id, rejected.run, "mended")
    await desk.answer(again, "now I can")
    await eventually(lambda: _ends(server, sent["conversation"], "RUN_FINISHED"))
    assert (await kinds(server, sent["conversation"]))[:4] == ["USER_MESSAGE", "RUN_ERROR", "RUN_QUEUED", "RUN_STARTED"]
    history = (await server.get(f"{LETTERS}/{letter['id']}"))["history"]
    assert [(entry["action"], entry["detail"]) for entry in history] == [("edit", "body"), ("replay", "")]
    assert await letters(server, 0) == []


async def _ends(server: RunningServer, conversation: str, kind: str) -> bool:
    return (await kinds(server, conversation))[-1] == kind


async def test_what_was_handled_cannot_be_handled_again(server: RunningServer, desk: Desk) -> None:
    await say(server, "one")
    await desk.reject()
    [letter] = await letters(server)
    assert (await server.post(f"{LETTERS}/{letter['id']}/drop"))["state"] == "dropped"
    for action in ("drop", "replay"):
        answer = await server.http.post(f"{LETTERS}/{letter['id']}/{action}")
        assert (answer.status_code, answer.json()["reason"]) == (409, "already_finished")
    edited = await server.http.patch(f"{LETTERS}/{letter['id']}", json={"body": "x"})
    assert (edited.status_code, edited.json()["reason"]) == (409, "already_finished")
    assert [each["id"] for each in await letters(server, 1, state="dropped")] == [letter["id"]]


async def test_many_are_handled_by_filter_oldest_first(server: RunningServer, desk: Desk) -> None:
    sent = [await say(server, f"number {number}") for number in range(5)]
    for _ in sent:
        await desk.reject()
    found = await letters(server, 5)
    assert {each["message_id"] for each in found} == {each["message_id"] for each in sent}
    nobody = await server.post(f"{LETTERS}/replay", {"filter": {"agent_id": "agt_other"}}, 202)
    assert nobody == {"handled": 0, "waiting": 0}
    chosen = {"filter": {"agent_id": desk.agent.id, "reason": "rejected"}, "limit": 3}
    assert await server.post(f"{LETTERS}/replay", chosen, 202) == {"handled": 3, "waiting": 2}
    oldest = sorted(each["message_id"] for each in found)[:3]
    assert sorted([(await desk.take())[0].id for _ in range(3)]) == oldest
    assert await server.post(f"{LETTERS}/drop", {}) == {"handled": 2, "waiting": 0}


async def test_a_message_that_no_broker_understands_is_kept(server: RunningServer, desk: Desk) -> None:
    message = Message("msg_future", MessageType.CHAT.value, b"?", to="server", conversation="cnv_x", schema=99)
    key = partition_key(partition_of("cnv_x", desk.agent.registered.partitions))
    await desk.bus.publish(TO_BROKER, key, message)
    [letter] = await letters(server)
    assert (letter["reason"], letter["sender"], letter["exchange"]) == ("schema_unknown", desk.agent.id, TO_BROKER)
    assert "99" in letter["detail"]


async def test_a_frame_that_is_none_is_kept_and_stops_nobody(server: RunningServer, desk: Desk) -> None:
    for queue in range(desk.agent.registered.partitions):
        wild = Publish(
            number=900 + queue, exchange=TO_BROKER, key=partition_key(queue), frame=b"\xff\xff" + bytes([queue])
        )
        await _wild(desk, wild)
    found = await letters(server, desk.agent.registered.partitions)
    assert {(each["type"], each["reason"], each["sender"]) for each in found} == {
        ("unreadable", "frame_malformed", desk.agent.id)
    }
    await say(server, "still here?")
    assert (await desk.take())[1].text == "still here?"


async def _wild(desk: Desk, publish: Publish) -> None:
    call = MessageRelayStub(desk.agent.channel).Attach(metadata=desk.agent.metadata())
    await call.write(RelayUp(publish=[publish]))
    async with asyncio.timeout(20):
        while not (answer := await call.read()).confirmed:
            assert not answer.refused
    call.cancel()


async def test_an_answer_that_cannot_be_read_ends_its_run(server: RunningServer, desk: Desk) -> None:
    sent = await say(server, "hello")
    asked, _ = await desk.take()
    exchange, key, answer = desk.agent.report(asked)
    await desk.bus.publish(exchange, key, answer._replace(body=b'{"run_id": 7'))
    [letter] = await letters(server)
    assert (letter["queue"], letter["type"]) == ("server_input_queue", MessageType.RUN_EVENTS.value)
    assert await kinds(server, sent["conversation"]) == ["USER_MESSAGE", "RUN_ERROR"]


async def test_a_binary_body_is_shown_but_not_edited(server: RunningServer, desk: Desk) -> None:
    message = Message("msg_bytes", MessageType.CHAT.value, b"\xff\x00", to="server", conversation="c", schema=99)
    key = partition_key(partition_of("c", desk.agent.registered.partitions))
    await desk.bus.publish(TO_BROKER, key, message)
    [letter] = await letters(server)
    assert (await server.get(f"{LETTERS}/{letter['id']}"))["body_complete"] is False
    answer = await server.http.patch(f"{LETTERS}/{letter['id']}", json={"body": "x"})
    assert (answer.status_code, answer.json()["reason"]) == (422, "invalid_request")


async def test_what_is_replayed_to_a_retired_agent_comes_back(server: RunningServer, desk: Desk) -> None:
    await say(server, "too late")
    await desk.reject()
    [letter] = await letters(server)
    assert (await server.http.delete(f"/api/v1/agents/{desk.agent.id}")).status_code == 204
    await server.post(f"{LETTERS}/{letter['id']}/replay", status=202)
    [again] = await letters(server)
    assert (again["message_id"], again["reason"]) == (letter["message_id"], "unroutable")
    assert again["id"] != letter["id"]


async def test_dead_letters_survive_the_server(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with running_server(data) as server, server.broker(), at_work(server, tmp_path) as desk:
        await say(server, "keep me")
        await desk.reject()
        before = await letters(server)
    async with running_server(data) as server:
        assert await letters(server) == before


@pytest.mark.parametrize("path", ["dl_nothing", "dl_nothing/replay", "dl_nothing/drop"])
async def test_an_unknown_letter_is_a_clear_error(server: RunningServer, path: str) -> None:
    verb = server.http.post if "/" in path else server.http.get
    answer = await verb(f"{LETTERS}/{path}")
    assert (answer.status_code, answer.json()["reason"]) == (404, "not_found")


async def test_they_are_counted_by_what_they_can_be_filtered_by(server: RunningServer, desk: Desk) -> None:
    for text in ("one", "two"):
        await say(server, text)
        await desk.reject()
    await letters(server, 2)
    counted = await server.get(f"{LETTERS}/counts")
    assert counted == {
        "total": 2,
        "queues": [{"value": desk.agent.registered.queue, "number": 2}],
        "reasons": [{"value": "rejected", "number": 2}],
        "agents": [{"value": desk.agent.id, "number": 2}],
    }
    await server.post(f"{LETTERS}/drop", {"limit": 1})
    assert [(await server.get(f"{LETTERS}/counts", state=state))["total"] for state in ("waiting", "dropped")] == [1, 1]


async def test_another_address_sends_it_through_the_broker_again(
    server: RunningServer, desk: Desk, tmp_path: Path
) -> None:
    async with at_work(server, tmp_path, "second", labels={"env": "b"}) as second:
        body = CHAT.dump_json(ChatBody(text="for any", run_id="", sender_name="puppet"))
        message = Message("msg_note", MessageType.CHAT.value, body, to="agent:puppet", conversation="cnv_x")
        key = partition_key(partition_of("cnv_x", desk.agent.registered.partitions))
        await desk.bus.publish(TO_BROKER, key, message)
        await desk.reject()
        [letter] = await letters(server)
        assert (await server.get(f"{LETTERS}/{letter['id']}"))["may_readdress"] is True
        edited = await server.http.patch(f"{LETTERS}/{letter['id']}", json={"to": "any:env=b"})
        assert (edited.status_code, edited.json()["letter"]["exchange"]) == (200, TO_BROKER)
        await server.post(f"{LETTERS}/{letter['id']}/replay", status=202)
        again, said = await second.take()
        assert (again.id, said.text) == ("msg_note", "for any")


async def test_a_run_that_is_one_agents_keeps_its_address(server: RunningServer, desk: Desk) -> None:
    await say(server, "only you")
    await desk.reject()
    [letter] = await letters(server)
    assert (await server.get(f"{LETTERS}/{letter['id']}"))["may_readdress"] is False
    answer = await server.http.patch(f"{LETTERS}/{letter['id']}", json={"to": "any:*"})
    assert (answer.status_code, answer.json()["reason"]) == (422, "invalid_request")


async def dead_answer(server: RunningServer, desk: Desk, *events: RunEvent) -> tuple[dict[str, Any], dict[str, Any]]:
    """Let the report of these events die of a broken body, and mend that; return what was sent and the letter."""
    sent = await say(server, "hello")
    asked, _ = await desk.take()
    await desk.report(asked, RunStarted(run_id=asked.run))
    mended = RunEventsBody(run_id=asked.run, events=[each.model_copy(update={"run_id": asked.run}) for each in events])
    exchange, key, answer = desk.agent.report(asked)
    await desk.bus.publish(exchange, key, answer._replace(body=b'{"run_id": 7'))
    [letter] = await letters(server)
    assert (await server.http.post(f"{LETTERS}/{letter['id']}/replay")).json()["reason"] == "frame_malformed"
    edited = await server.http.patch(f"{LETTERS}/{letter['id']}", json={"body": mended.model_dump_json()})
    assert edited.status_code == 200
    return sent, letter


SAID = (TextEnd(run_id="", message_id="msg_2", text="after all"), RunFinished(run_id=""))


async def test_an_answer_that_is_sent_again_is_shown_and_ends_the_run(server: RunningServer, desk: Desk) -> None:
    sent, letter = await dead_answer(server, desk, *SAID)
    assert (await kinds(server, sent["conversation"]))[-1] == "RUN_ERROR"
    await server.post(f"{LETTERS}/{letter['id']}/replay", status=202)
    await eventually(lambda: _ends(server, sent["conversation"], "RUN_FINISHED"))
    assert await kinds(server, sent["conversation"]) == [
        "USER_MESSAGE", "RUN_STARTED", "RUN_ERROR", "RUN_QUEUED", "TEXT_MESSAGE_END", "RUN_FINISHED",
    ]  # fmt: skip
    view = await server.get(f"/api/v1/conversations/{sent['conversation']}")
    assert (view["preview"], view["failed"], view["active_runs"]) == ("after all", None, [])


async def test_events_that_do_not_end_their_failed_run_go_on_waiting(server: RunningServer, desk: Desk) -> None:
    sent, letter = await dead_answer(server, desk, ToolStart(run_id="", tool_call_id="tc_1", tool="t", title="t"))
    before = await kinds(server, sent["conversation"])
    answer = await server.http.post(f"{LETTERS}/{letter['id']}/replay")
    assert (answer.status_code, answer.json()["reason"]) == (409, "already_finished")
    assert await server.post(f"{LETTERS}/replay", {}, 202) == {"handled": 0, "waiting": 1}
    assert await kinds(server, sent["conversation"]) == before


async def test_an_answer_to_a_run_that_has_ended_well_goes_on_waiting(server: RunningServer, desk: Desk) -> None:
    sent, letter = await dead_answer(server, desk, *SAID)
    await server.post(f"{LETTERS}/{letter['id']}/replay", status=202)
    await eventually(lambda: _ends(server, sent["conversation"], "RUN_FINISHED"))
    asked = Message("msg_1", MessageType.CHAT.value, conversation=sent["conversation"], run=sent["run_id"])
    exchange, key, late = desk.agent.report(asked)
    await desk.bus.publish(exchange, key, late._replace(body=b"?"))
    [again] = await letters(server)
    refused = await server.http.post(f"{LETTERS}/{again['id']}/replay")
    assert (refused.status_code, refused.json()["reason"]) == (409, "already_finished")
    assert "finished" in refused.json()["detail"]
    assert (await letters(server))[0]["state"] == "waiting"
