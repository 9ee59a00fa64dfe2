"""Dead letters are agents' bytes: none of them may end the server, hide another, or be laid to somebody else."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from muster_messaging.message import Delivery, Message
from muster_messaging.topology import PARKING_QUEUE, TO_BROKER, partition_key, partition_of
from muster_server.deadletters import store as letters_table
from muster_server.deadletters.collecting import Collector
from muster_server.deadletters.core import read
from muster_server.store.store import Store
from muster_server.store.transaction import Transaction
from muster_shared_models.bodies import MessageType
from muster_shared_models.dead_letters import DeadLetterFilter, DeadLetterView
from muster_shared_models.run_events import RunFinished, RunStarted, TextEnd, ToolStart
from tests.server.desk import Desk, at_work
from tests.server.running import RunningServer, eventually, running_server
from tests.server.test_dead_letters import letters, say

FUTURE = Message("msg_1", MessageType.CHAT.value, b"?", to="server", conversation="cnv_x", schema=99)


@pytest.fixture
async def anywhere(database_url: str, tmp_path: Path) -> AsyncIterator[RunningServer]:
    """A server with a broker, on both kinds of database."""
    async with running_server(tmp_path / "data", database_url=database_url) as server, server.broker():
        yield server


@pytest.fixture
async def desk(anywhere: RunningServer, tmp_path: Path) -> AsyncIterator[Desk]:
    async with at_work(anywhere, tmp_path) as desk:
        yield desk


async def publish(desk: Desk, message: Message) -> None:
    await desk.bus.publish(TO_BROKER, partition_key(0), message)


FIELDS = ["id", "type", "to", "run", "conversation", "trace", "aside", "origin"]


@pytest.mark.parametrize("field", ["id", "conversation"])
async def test_nul_in_a_control_field_makes_a_message_unreadable(
    field: str, anywhere: RunningServer, desk: Desk
) -> None:
    await publish(desk, FUTURE._replace(**{field: "x\0y"}))
    [letter] = await letters(anywhere)
    assert (letter["type"], letter["reason"], letter["sender"]) == ("unreadable", "frame_malformed", desk.agent.id)
    assert "zero byte" in letter["detail"]
    await say(anywhere, "still here?")
    assert (await desk.take())[1].text == "still here?"


class Queue:
    """A bus with one dead-letter queue that holds a batch; the others are empty."""

    def __init__(self, *messages: Message) -> None:
        self.acked: list[int] = []
        self.all_acked = asyncio.Event()
        self._batch = [Delivery(tag, message, "in") for tag, message in enumerate(messages, 1)]

    async def subscribe(self, queue: str, _prefetch: int) -> Any:
        return self if queue == PARKING_QUEUE else Queue()

    async def next_batch(self) -> list[Delivery]:
        if not self._batch:
            await asyncio.Event().wait()
        batch, self._batch = self._batch, []
        return batch

    def ack(self, tags: Iterable[int]) -> None:
        self.acked += tags
        self.all_acked.set()


async def collected(store: Store, *messages: Message) -> list[tuple[DeadLetterView, Message]]:
    """Collect a batch in a collector of its own; return what waits then, oldest first."""
    bus = Queue(*messages)
    collector = Collector(bus, store, lambda: 1, 4, SimpleNamespace())  # type: ignore[arg-type]
    running = asyncio.create_task(collector.run())
    acked = asyncio.create_task(bus.all_acked.wait())
    async with asyncio.timeout(20):
        await asyncio.wait((running, acked), return_when=asyncio.FIRST_COMPLETED)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert bus.acked == list(range(1, len(messages) + 1))

    def unit(tx: Transaction) -> list[tuple[DeadLetterView, Message]]:
        waiting = letters_table.waiting(tx, DeadLetterFilter(), 100)
        return [(view, letters_table.message_of(tx, view.id)) for view in waiting]

    return await store.read(unit)


NOTE = Message("msg_1", "note", b"one", "agt_1", conversation="cnv_1", aside="queue_full: It was full.")


@pytest.mark.parametrize("field", [field for field in FIELDS if field != "aside"])
async def test_nul_in_what_is_kept_is_a_sign(field: str, store: Store) -> None:
    [(view, message)] = await collected(store, NOTE._replace(sender="brk_1", **{field: "x\0y"}))
    assert getattr(message, field) == "x\ufffdy"
    assert view.message_id == message.id


@pytest.mark.parametrize("field", ["attempt", "hops", "retries", "schema"])
async def test_a_letter_that_cannot_be_encoded_is_kept_as_bytes_and_harms_no_other(field: str, store: Store) -> None:
    wild = NOTE._replace(id="msg_wild", body=b"\x00\xff", **{field: -1})
    kept = await collected(store, NOTE, wild, NOTE._replace(id="msg_2"))
    assert [view.message_id for view, _ in kept if view.type == "note"] == ["msg_1", "msg_2"]
    [(view, message)] = [each for each in kept if each[0].type == "unreadable"]
    assert (message.body, message.origin, view.reason) == (b"\x00\xff", "agt_1", "queue_full")
    assert f"{field}=-1" in view.detail
    # Collected a second time, as after a crash, it is the same
    assert await collected(store, NOTE, wild) == kept


async def test_letters_with_the_same_id_are_all_kept_and_a_double_is_not(store: Store) -> None:
    same = [NOTE, NOTE._replace(body=b"two"), NOTE._replace(id="x"), NOTE._replace(id="x", conversation="cnv_2")]
    again = [message._replace(retries=3) for message in same]
    kept = await collected(store, *same, *again)
    assert [(message.id, message.body, message.conversation) for _, message in kept] == [
        ("msg_1", b"one", "cnv_1"), ("msg_1", b"two", "cnv_1"), ("x", b"one", "cnv_1"), ("x", b"one", "cnv_2"),
    ]  # fmt: skip
    assert await collected(store, *same) == kept


@pytest.mark.parametrize(
    ("sender", "claimed", "origin"),
    [
        ("agt_1", "user:usr_1", "agt_1"),
        ("agt_1", "", "agt_1"),
        ("brk_1", "user:usr_1", "user:usr_1"),
        ("brk_1", "", "brk_1"),
        ("", "user:usr_1", "nobody"),
    ],
)
def test_an_agent_is_who_the_transport_says(sender: str, claimed: str, origin: str) -> None:
    letter = read(Delivery(1, NOTE._replace(sender=sender, origin=claimed), "in"), PARKING_QUEUE, 4)
    assert letter.message.origin == origin


async def test_people_cannot_send_nul(anywhere: RunningServer, desk: Desk) -> None:
    for field in ("text", "to", "conversation"):
        body = {"text": "hi", "to": "agent:puppet", "conversation": "", field: "x\0y"}
        answer = await anywhere.http.post("/api/v1/messages", json=body)
        assert (answer.status_code, answer.json()["reason"]) == (422, "invalid_request")
        assert "NUL" in answer.text


async def test_nul_in_an_answer_is_shown_as_a_sign(anywhere: RunningServer, desk: Desk) -> None:
    sent = await say(anywhere, "hello")
    asked, _ = await desk.take()
    begins = ToolStart(run_id=asked.run, tool_call_id="c\0", tool="t\0", title="\0", arguments={"\0": r"\u0000"})
    said = TextEnd(run_id=asked.run, message_id="m\0", text="one\0two \\ \\\0")
    await desk.report(asked, RunStarted(run_id=asked.run), begins, said, RunFinished(run_id=asked.run))

    async def ended() -> Any:
        items = (await anywhere.get(f"/api/v1/conversations/{sent['conversation']}/events"))["items"]
        return [each["event"] for each in items] if items[-1]["event"]["kind"] == "RUN_FINISHED" else None

    events = {event["kind"]: event for event in await eventually(ended)}
    assert events["TEXT_MESSAGE_END"]["text"] == "one\ufffdtwo \\ \\\ufffd"
    assert events["TOOL_CALL_START"]["arguments"] == {"\ufffd": r"\u0000"}
    view = await anywhere.get(f"/api/v1/conversations/{sent['conversation']}")
    assert view["preview"] == "one\ufffdtwo \\ \\\ufffd"


async def test_a_report_with_nul_in_its_control_fields_dies_and_ends_nothing(
    anywhere: RunningServer, desk: Desk
) -> None:
    sent = await say(anywhere, "hello")
    asked, _ = await desk.take()
    said = RunStarted(run_id=asked.run)
    for fields in ({"run": f"{asked.run}\0"}, {"conversation": "\0"}):
        _, _, report = desk.agent.report(asked, said)
        report = report._replace(**fields)
        key = partition_key(partition_of(report.conversation, desk.agent.registered.partitions))
        await desk.bus.publish(TO_BROKER, key, report)
    await desk.answer(asked, "fine")

    async def answered() -> bool:
        return bool((await anywhere.get(f"/api/v1/conversations/{sent['conversation']}"))["preview"] == "fine")

    await eventually(answered)
