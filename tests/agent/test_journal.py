"""What the journal remembers across the death of a process (here: of everything in memory)."""

import asyncio
import sqlite3
import stat
from pathlib import Path

import pytest

from muster_agent.errors import AgentError
from muster_agent.inbox import upkeep
from muster_agent.journal import database
from muster_agent.journal.commands import CommandRows
from muster_agent.journal.database import Journal
from muster_agent.journal.messages import AT_ONCE, MessageRow, MessageRows
from muster_agent.models.answer import answer, conversation
from muster_agent.models.scripted import ScriptedModel
from muster_agent.runs.reply import IncomingMessage, Reply
from muster_agent.runs.sequence import BLOCK, Sequences
from muster_agent.tools.contract import Arguments, Outcome, ToolSpec
from muster_messaging.errors import Unconfirmed
from muster_shared_models.run_events import RunError, RunStarted
from tests.agent.bench_desk import bench, chat
from tests.agent.waiting import until


async def echo(message: IncomingMessage) -> str:
    return message.text


async def forever(message: IncomingMessage, reply: Reply) -> None:
    await reply.say("begun")
    await asyncio.Event().wait()


class Appender:
    """A tool that changes something, and may hang after it did."""

    def __init__(self, path: Path, *, hang: bool) -> None:
        self.spec = ToolSpec("append", "Appends a line.", Arguments, acts=True)
        self.path = path
        self.hang = hang

    def describe(self, arguments: object) -> tuple[str, str]:
        return "Appends", str(self.path)

    async def run(self, arguments: object, live: object, mark: str) -> Outcome:
        with self.path.open("a") as file:
            file.write("line\n")
        if self.hang:
            await asyncio.Event().wait()
        return Outcome("appended")


async def test_an_answer_that_was_not_confirmed_is_published_again_without_asking_twice(tmp_path: Path) -> None:
    model = ScriptedModel(["Forty-", "two."])

    async def handler(message: IncomingMessage, reply: Reply) -> None:
        await answer(model, conversation("", message), reply)

    message = chat("?")
    async with bench(tmp_path, handler, clean=False) as made:
        made.bus.outcome = lambda _message: Unconfirmed("the bus is dying")
        made.take(message)
        await until(lambda: b"RUN_FINISHED" in b"".join(sent.body for sent in made.bus.attempts))
        first = made.bus.attempts[-1]
    async with bench(tmp_path, handler) as made:
        made.desk.resume()
        (tag,) = made.take(message)
        await until(lambda: made.subscription.acked == [tag])
        again = made.bus.published[-1]
    assert len(model.calls) == 1
    assert (again.id, again.body, again.seq, again.correlation_id) == (first.id, first.body, first.seq, message.id)


async def test_a_run_that_was_begun_is_begun_again_as_the_next_attempt(tmp_path: Path) -> None:
    message = chat("?")
    async with bench(tmp_path, forever, clean=False) as made:
        made.take(message)
        await until(lambda: made.bus.published)
    async with bench(tmp_path, echo) as made:
        made.desk.resume()
        assert made.bus.attempts == []
        made.take(message)
        await made.end(message)
        started = made.events(message.run)[0]
        assert isinstance(started, RunStarted)
        assert started.attempt == 2
        assert {sent.attempt for sent in made.bus.published} == {2}


async def test_a_side_effect_in_doubt_is_told_and_never_repeated(tmp_path: Path) -> None:
    async def handler(message: IncomingMessage, reply: Reply) -> None:
        await reply.use("append")

    file = tmp_path / "file"
    message = chat("?")
    async with bench(tmp_path, handler, tools=[Appender(file, hang=True)], clean=False) as made:
        made.take(message)
        await until(file.exists)
    async with bench(tmp_path, handler, tools=[Appender(file, hang=False)]) as made:
        made.take(message)
        error = await made.end(message)
        assert isinstance(error, RunError)
        assert error.reason == "interrupted"
        assert "append" in error.message
    assert file.read_text() == "line\n"


async def test_a_side_effect_that_was_done_is_not_done_again_its_result_is_used(tmp_path: Path) -> None:
    outcomes = []
    wait = [True]

    async def handler(message: IncomingMessage, reply: Reply) -> None:
        outcomes.append(await reply.use("append"))
        if wait:
            await asyncio.Event().wait()
        outcomes.append(await reply.use("append"))

    file = tmp_path / "file"
    message = chat("?")
    tools = [Appender(file, hang=False)]
    async with bench(tmp_path, handler, tools=tools, clean=False) as made:
        made.take(message)
        await until(lambda: outcomes)
    wait.clear()
    async with bench(tmp_path, handler, tools=tools) as made:
        made.take(message)
        assert (await made.end(message)).kind == "RUN_FINISHED"
    assert [outcome.text for outcome in outcomes] == ["appended"] * 3
    assert file.read_text() == "line\n" * 2


async def test_a_card_of_ones_own_that_acts_is_never_begun_twice(tmp_path: Path) -> None:
    acted = []

    async def handler(message: IncomingMessage, reply: Reply) -> None:
        async with reply.tool("deploy", title="Deploys"):
            acted.append(1)
        await asyncio.Event().wait()

    message = chat("?")
    async with bench(tmp_path, handler, clean=False) as made:
        made.take(message)
        await until(lambda: "TOOL_CALL_RESULT" in made.kinds(message.run))
    async with bench(tmp_path, handler) as made:
        made.take(message)
        error = await made.end(message)
        assert isinstance(error, RunError)
        assert error.reason == "interrupted"
    assert acted == [1]


async def test_a_long_run_is_acknowledged_early_and_taken_up_again_from_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "EVERY_S", 0.01)
    monkeypatch.setattr(upkeep, "HOLD_S", 0.05)
    at_work, waiting = chat("1"), chat("2")
    async with bench(tmp_path, forever, slots=1, clean=False) as made:
        tags = made.take(at_work, waiting)
        await until(lambda: sorted(made.subscription.acked) == tags)
    async with bench(tmp_path, echo) as made:
        made.desk.resume()
        await made.end(at_work)
        await made.end(waiting)
        attempts = [event.attempt for message in (at_work, waiting) for event in made.events(message.run)[:1]]  # type: ignore[union-attr]
        assert attempts == [2, 1]


async def test_sequence_numbers_never_come_twice(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    first = Sequences(MessageRows(journal))
    assert [first.next("cnv_1") for _ in range(3)] == [1, 2, 3]
    assert first.next("") == 0
    await journal.close()  # as a crash leaves it: nothing given back
    journal = Journal(tmp_path / "journal.db")
    second = Sequences(MessageRows(journal))
    assert second.next("cnv_1") == 1 + BLOCK
    second.give_back()
    await journal.close()
    journal = Journal(tmp_path / "journal.db")
    assert Sequences(MessageRows(journal)).next("cnv_1") == 2 + BLOCK
    await journal.close()


async def test_rows_are_written_in_bulk_and_all_of_them(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    rows = MessageRows(journal)
    count = sum(AT_ONCE) * 2 + 5
    futures = {rows.put(MessageRow(f"msg_{n}", f"run_{n}", "c", "replied", 1, n, None, n, b"x")) for n in range(count)}
    assert len(futures) == 1
    await futures.pop()
    assert [row.seq for row in rows.unfinished()] == list(range(count))
    assert len(rows.find([f"msg_{n}" for n in range(count)])) == count
    await rows.done([f"msg_{n}" for n in range(count)])
    assert rows.unfinished() == []
    await journal.close()


async def test_the_journal_of_another_agent_is_forgotten(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    journal.belongs_to("agt_1")
    await MessageRows(journal).put(MessageRow("msg_1", "run_1", "c", "running", 1, 2**50))
    await CommandRows(journal).begin("cmd_1")
    journal.belongs_to("agt_1")
    assert MessageRows(journal).unfinished()
    journal.belongs_to("agt_2")
    assert MessageRows(journal).unfinished() == []
    assert CommandRows(journal).untold() == []
    await journal.close()


async def test_a_journal_that_cannot_be_written_is_the_end_of_the_agent(tmp_path: Path) -> None:
    async with bench(tmp_path, echo) as made:
        made.journal._writer.execute("PRAGMA query_only = ON")
        made.take(chat("x"))
        with pytest.raises(AgentError, match="journal cannot be written"):
            await made.journal.failed
        assert made.bus.published == []


async def test_a_damaged_journal_says_so(tmp_path: Path) -> None:
    (tmp_path / "journal.db").write_bytes(b"no database" * 1000)
    with pytest.raises(AgentError, match="cannot be opened"):
        Journal(tmp_path / "journal.db")


async def test_nobody_else_can_read_the_journal(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    assert stat.S_IMODE((tmp_path / "journal.db").stat().st_mode) == 0o600
    await journal.close()


async def test_a_crash_between_answer_and_journal_leaves_nothing_half(tmp_path: Path) -> None:
    """The row of an answer holds all that is needed to publish it."""
    message = chat("hello")
    async with bench(tmp_path, echo, clean=False) as made:
        made.publisher.detach()
        made.take(message)
        await until(lambda: _state(tmp_path, message.id) == "replied")
    async with bench(tmp_path, echo) as made:
        made.desk.resume()
        await made.end(message)
        assert made.kinds(message.run) == ["RUN_STARTED", "TEXT_MESSAGE_END", "RUN_FINISHED"]


def _state(folder: Path, message_id: str) -> str:
    connection = sqlite3.connect(folder / "journal.db")
    try:
        found = connection.execute("SELECT state FROM messages WHERE message_id = ?", (message_id,)).fetchone()
    finally:
        connection.close()
    return found[0] if found else ""


async def test_what_waits_behind_its_conversation_keeps_no_other_message_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "EVERY_S", 0.01)
    monkeypatch.setattr(upkeep, "BEHIND_S", 0.02)
    gate = asyncio.Event()

    async def handler(message: IncomingMessage) -> str:
        await gate.wait()
        return message.text

    messages = [chat(str(number)) for number in range(4)]
    async with bench(tmp_path, handler, clean=False) as made:
        tags = made.take(*messages)
        await until(lambda: made.subscription.acked == tags[1:])
    gate.set()
    async with bench(tmp_path, handler) as made:  # they are the journal's now, and answered in their order
        made.desk.resume()
        await made.end(messages[-1])
        assert list(dict.fromkeys(sent.run for sent in made.bus.published)) == [one.run for one in messages[1:]]


async def test_what_is_finished_and_old_is_forgotten_while_the_agent_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "EVERY_S", 0.01)
    monkeypatch.setattr(upkeep, "PRUNE_EVERY_S", 0.02)
    monkeypatch.setattr(database, "AT_ONCE", 2)
    young = database.now_ms()

    def fill(connection: sqlite3.Connection) -> None:
        for number in range(5):
            for state, at_ms in (("done", 1), ("running", 1), ("done", young)):
                name = f"msg_{at_ms:013d}_{state}_{number}"
                connection.execute(
                    "INSERT INTO messages (message_id, run_id, conversation, state, attempt, at_ms, seq) "
                    "VALUES (?, '', '', ?, 1, ?, 0)", (name, state, at_ms),
                )  # fmt: skip
            connection.execute("INSERT INTO commands VALUES (?, 'told', 1, x'00')", (f"cmd_{number}",))
            connection.execute("INSERT INTO sequences VALUES (?, 5, 1)", (f"cnv_{number}",))
        connection.execute("INSERT INTO commands VALUES ('cmd_untold', 'ended', 1, x'00')")
        connection.execute("INSERT INTO sequences VALUES ('cnv_young', 5, ?)", (young,))

    async with bench(tmp_path, echo) as made:
        await made.journal.submit(fill)

        def left(what: str) -> int:
            return int(str(made.journal.read(f"SELECT count(*) FROM {what}")[0][0]))

        await until(lambda: left("messages WHERE state = 'done'") == 5)
        await until(lambda: left("commands") == left("sequences") == 1)
        assert left("messages WHERE state = 'running'") == 5
        assert made.rows.next_sequence("cnv_young") == 5


def test_a_journal_of_an_earlier_version_keeps_its_numbers(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "journal.db") as old:
        old.execute("CREATE TABLE sequences (conversation TEXT PRIMARY KEY, next INTEGER NOT NULL) WITHOUT ROWID")
        old.execute("INSERT INTO sequences VALUES ('cnv_1', 7)")
    old.close()

    async def numbers() -> int:
        journal = Journal(tmp_path / "journal.db")
        journal.belongs_to("agt_1")
        number = MessageRows(journal).next_sequence("cnv_1")
        await journal.close()
        return number

    assert asyncio.run(numbers()) == 7
    assert asyncio.run(numbers()) == 7
