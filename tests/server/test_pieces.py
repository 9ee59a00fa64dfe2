"""Pieces of many runs in one message: shown where they belong, from who answers there, and from nobody else."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from muster_messaging.message import Message
from muster_messaging.topology import TO_BROKER, partition_key
from muster_shared_models.bodies import MessageType, Pieces, RunPiecesBody
from muster_shared_models.ids import IdKind, new_id
from muster_shared_models.run_events import RunFinished, RunStarted, TextContent
from tests.server.desk import Desk, at_work
from tests.server.running import Browser, RunningServer, eventually, running_server
from tests.server.test_conversations import follow, say


@pytest.fixture
async def desk(server: RunningServer, tmp_path: Path) -> AsyncIterator[Desk]:
    async with server.broker(), at_work(server, tmp_path) as desk:
        yield desk


async def publish(desk: Desk, body: bytes, **fields: Any) -> None:
    message = Message(id=new_id(IdKind.MESSAGE), type=MessageType.RUN_PIECES.value, body=body, to="server")
    await desk.bus.publish(TO_BROKER, partition_key(0), message._replace(**fields))


async def write(desk: Desk, *runs: tuple[str, int, str], **fields: Any) -> None:
    """Report a piece (run, offset, text) of each run, in one message."""
    pieces = [Pieces(run_id=run, events=[TextContent(run_id=run, offset=at, delta=text)]) for run, at, text in runs]
    await publish(desk, RunPiecesBody(runs=pieces).model_dump_json().encode(), **fields)


async def begun(browser: Browser, desk: Desk, ref: str) -> tuple[Message, str]:
    """Ask in a new conversation, follow it, and let the agent begin; return the message and the conversation."""
    sent = await say(browser, "hi", ref, to="agent:puppet")
    await follow(browser, sent["conversation"])
    asked, _ = await desk.take()
    await desk.report(asked, RunStarted(run_id=asked.run))
    await browser.event("RUN_STARTED")
    return asked, sent["conversation"]


async def piece(browser: Browser) -> tuple[str, str]:
    """Return the next passing frame: its stream, and its text."""
    frame = await browser.op("passing")
    return frame["stream"], frame["event"]["delta"]


async def test_pieces_of_many_runs_are_shown_each_in_its_conversation(server: RunningServer, desk: Desk) -> None:
    async with server.browser() as browser:
        first, one = await begun(browser, desk, "1")
        second, two = await begun(browser, desk, "2")
        await write(desk, (first.run, 0, "Hel"), (second.run, 0, "Good "))
        await write(desk, (second.run, 5, "bye"), (first.run, 3, "lo"))

        shown = dict.fromkeys((f"conversation:{one}", f"conversation:{two}"), "")
        for _ in range(4):
            stream, text = await piece(browser)
            shown[stream] += text
        assert list(shown.values()) == ["Hello", "Good bye"]
        async with server.browser() as late:
            drafts = (await follow(late, one))["data"]["snapshot"]["drafts"]
            assert [draft["text"] for draft in drafts] == ["Hello"]


async def test_nobody_writes_in_a_run_of_another_or_into_another_conversation(
    server: RunningServer, desk: Desk, tmp_path: Path
) -> None:
    async with server.browser() as browser, at_work(server, tmp_path, "other") as other:
        asked, mine = await begun(browser, desk, "1")
        foreign = await say(browser, "hi", "2", to="agent:other")
        await follow(browser, foreign["conversation"])
        theirs, _ = await other.take()
        # In a run of somebody else, in one that has not begun, and in one's own under the name of another
        await write(other, (asked.run, 0, "forged"))
        await write(other, (theirs.run, 0, "too early"))
        await write(desk, (asked.run, 0, "mine"), conversation="", run=theirs.run)
        events = [TextContent(run_id=theirs.run, offset=0, delta="hidden"),
                  TextContent(run_id=asked.run, offset=4, delta="!")]  # fmt: skip
        await publish(desk, RunPiecesBody(runs=[Pieces(run_id=asked.run, events=events)]).model_dump_json().encode())

        assert [await piece(browser), await piece(browser)] == [
            (f"conversation:{mine}", "mine"),
            (f"conversation:{mine}", "!"),
        ]
        # The same holds for what one run reports: it is not believed in the name of another conversation
        await other.report(theirs, RunStarted(run_id=theirs.run))
        await browser.event("RUN_STARTED")
        claimed = theirs._replace(conversation=asked.conversation)
        await other.report(claimed, TextContent(run_id=theirs.run, offset=0, delta="forged"))
        await other.report(theirs, TextContent(run_id=theirs.run, offset=0, delta="here"))
        assert await piece(browser) == (f"conversation:{foreign['conversation']}", "here")


async def test_what_comes_after_the_end_is_dropped(server: RunningServer, desk: Desk) -> None:
    async with server.browser() as browser:
        first, one = await begun(browser, desk, "1")
        second, two = await begun(browser, desk, "2")
        await desk.report(first, RunFinished(run_id=first.run))
        await browser.event("RUN_FINISHED")
        await write(desk, (first.run, 0, "late"), (second.run, 0, "on time"))

        assert await piece(browser) == (f"conversation:{two}", "on time")
        async with server.browser() as late:
            assert (await follow(late, one))["data"]["snapshot"]["drafts"] == []


async def test_a_restarted_server_looks_up_who_answers(tmp_path: Path) -> None:
    async with (
        running_server(tmp_path / "data") as server,
        server.broker(),
        at_work(server, tmp_path) as desk,
        server.browser() as browser,
    ):
        asked, conversation = await begun(browser, desk, "1")
    async with (
        running_server(tmp_path / "data") as server,
        server.broker(),
        at_work(server, tmp_path) as desk,
        server.browser() as browser,
    ):
        await follow(browser, conversation)
        await write(desk, (asked.run, 0, "again"))
        assert await piece(browser) == (f"conversation:{conversation}", "again")


async def test_pieces_that_cannot_be_read_die_with_a_reason(server: RunningServer, desk: Desk) -> None:
    await publish(desk, b'{"runs": 1}')

    async def letters() -> list[Any]:
        return list((await server.get("/api/v1/dead-letters"))["items"])

    await eventually(letters)
    (letter,) = await letters()
    assert (letter["type"], letter["sender"]) == ("run.pieces", desk.agent.id)
