"""The server's outbox and inbox, with the real sender and receiver over a real database file, against a model.

A crash leaves what is committed. It comes any number of the loop's turns after its cause, so in every place between.
"""

import asyncio
import json
import shutil
import sqlite3
import tempfile
from asyncio import Future
from collections import defaultdict
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as some
from hypothesis.stateful import invariant, precondition, rule

from muster_messaging.errors import BusError, QueueFull, Refused, Unconfirmed
from muster_messaging.message import Delivery, Message
from muster_messaging.topology import SERVER_INPUT
from muster_server.access.core import Principal, Role
from muster_server.conversations import store as tables
from muster_server.conversations.drafts import Drafts
from muster_server.conversations.passing import Passing
from muster_server.conversations.receiving import Receiver, seen_as
from muster_server.conversations.sending import Sender
from muster_server.conversations.waiting import Waiting
from muster_server.flow.inbox import Inbox
from muster_server.flow.outbox import Forget, Outbox, Outgoing
from muster_server.store.schema import migrate
from muster_server.store.store import SqliteStore
from muster_server.store.transaction import Transaction
from muster_shared_models.bodies import CHAT, RUN_EVENTS, MessageType, RunEventsBody
from muster_shared_models.conversations import SendMessage, Sent
from muster_shared_models.problems import MusterError, Reason
from muster_shared_models.run_events import ToolStart
from tests.machines.clockwork import ClockworkMachine
from tests.machines.model_bus import ModelBus, ModelSubscription
from tests.machines.profiles import far

LANES = "abc"
AGENT = "agt_1"
SOMEBODY = Principal(Role.ADMIN, "usr_1", "Somebody")
WHERE = some.sampled_from(LANES)
WHICH = some.integers(0, 20)
#: Turns of the loop between a cause and a crash: all places between them.
TURNS = some.integers(0, 8)


class Template:
    """A database with three conversations, in each a run at work; made once and copied for each example."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="muster-machine-")
        self.path = Path(self._folder.name) / "template.db"
        migrate(f"sqlite:///{self.path}")
        with closing(sqlite3.connect(self.path)) as database:
            for lane in LANES:
                database.execute(
                    "INSERT INTO conversations (id, title, address, agent_id, created_by, preview, failed, created_at,"
                    " updated_at, last_seq) VALUES (?, '', ?, '', '', '', '', 0, 0, 0)",
                    (lane, f"agent:{AGENT}"),
                )
                database.execute(
                    "INSERT INTO runs (id, conversation, message_id, agent_id, state, attempt, created_at, started_at,"
                    " ended_at, stop_requested_at, deadline_at) VALUES (?, ?, '', ?, 'running', 1, 0, 1, 0, 0, 0)",
                    (f"run_{lane}", lane, AGENT),
                )
            database.commit()


class Nearby:
    """What sender and receiver need of others: one agent, nobody who follows, nobody who is told."""

    id, history = AGENT, 0

    def targets(self, _address: Any) -> "list[Nearby]":
        return [self]

    def name_of(self, agent_id: str) -> str:
        return agent_id

    def followed(self, _stream: str) -> bool:
        return False

    def event(self, *_: Any) -> None:
        """Nobody sees it."""


class Life:
    """One process: it dies without a goodbye."""

    def __init__(self, path: Path) -> None:
        self.bus = ModelBus()
        self.subscription = ModelSubscription()
        self.bus.subscriptions[SERVER_INPUT] = self.subscription
        self.store = SqliteStore(path)
        self.store._connection.execute("PRAGMA synchronous=OFF")  # processes die here, not the machine
        self.outbox = Outbox(self.store, self.bus, lambda: 0)
        self.outbox.tells(self._keep)
        near: Any = Nearby()
        changed: dict[str, None] = {}
        waiting = Waiting(self.store)
        self.sender = Sender(self.store, lambda: 0, near, self.outbox, near, 4, changed, waiting)
        passing = Passing(self.store, near, Drafts(), near)
        self.receiver = Receiver(self.store, lambda: 0, near, near, near, passing, changed, waiting, conduct=near)
        self.inbox = Inbox(self.bus, {MessageType.RUN_EVENTS.value: self._take})
        self.busy = False
        self.consuming: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        await self.outbox.recover()
        self.consuming = asyncio.create_task(self.inbox.run())

    def _take(self, message: Message) -> "Future[None]":
        if self.busy:
            raise MusterError(Reason.DATABASE_BUSY, "busy")
        return self.receiver.take_run_events(message)

    def _keep(self, outgoing: Outgoing, _error: BusError, forget: Forget) -> "Future[None]":
        def unit(tx: Transaction) -> None:
            forget(tx)
            tables.see(tx, f"kept {name_of(outgoing.message)}", 0)

        return self.store.write(unit)

    def die(self) -> None:
        assert self.consuming is not None
        self.consuming.cancel()
        self.store._commit._driver.cancel()
        self.store._commit._thread.shutdown()
        self.store._readers.shutdown()
        for connection in (*self.store._opened, self.store._connection):
            connection.close()


def name_of(message: Message) -> str:
    """What was said, which is its name here."""
    return CHAT.validate_json(message.body).text


def events_of(lane: str, name: str) -> Message:
    """What the agent tells of the run that is at work in this conversation; the tool call has the name."""
    call = ToolStart(run_id=f"run_{lane}", tool_call_id=name, tool="t", title="t")
    body = RUN_EVENTS.dump_json(RunEventsBody(run_id=f"run_{lane}", events=[call]))
    return Message(
        name, MessageType.RUN_EVENTS.value, body, sender=AGENT, conversation=lane, run=f"run_{lane}", origin=AGENT
    )


class FlowMachine(ClockworkMachine):
    """What the server accepts arrives; what arrives at the server has its effect once, and is acknowledged after."""

    template: Template

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory(prefix="muster-machine-")
        self.path = Path(self._folder.name) / "muster.db"
        shutil.copy(self.template.path, self.path)
        self.count = 0
        self.accepted: dict[str, list[str]] = defaultdict(list)
        self.told: dict[str, Sent] = {}
        self.arrived: list[Message] = []
        #: The server's queue: what is not acknowledged, oldest first, and everything that ever was in it.
        self.queue: list[Message] = []
        self.sent: dict[str, list[str]] = defaultdict(list)
        self.handed_out: dict[int, Message] = {}
        self.tag = 0
        self._start()

    def _start(self) -> None:
        async def opened() -> Life:
            life = Life(self.path)
            await life.begin()
            return life

        self.life = self.clock.run(opened())
        self.handed_out = {}
        for message in self.queue:
            self._deliver(message)
        self.clock.settle()

    def _deliver(self, message: Message) -> None:
        self.tag += 1
        self.handed_out[self.tag] = message
        self.life.subscription.deliver(Delivery(self.tag, message, "in"))

    # ---- what happens

    def _say(self, name: str) -> None:
        """Somebody says something; who was not answered, or asks again, is told the same."""

        def answered(done: "Future[Sent]") -> None:
            assert self.told.setdefault(name, done.result()) == done.result()

        said = SendMessage(text=name, conversation=name[0])
        self.life.sender.send(SOMEBODY, name, said).add_done_callback(answered)

    def _accept(self, lane: str) -> None:
        self.count += 1
        self.accepted[lane].append(f"{lane}{self.count}")
        self._say(f"{lane}{self.count}")

    @rule(which=WHICH)
    def say_again(self, which: int) -> None:
        """A browser repeats a request. One that died before it was stored is now said anew, so comes after others."""
        names = list(self.told)
        if names:
            self.clock.do(self._say, names[which % len(names)])

    @rule(lane=WHERE)
    def accept(self, lane: str) -> None:
        self.clock.do(self._accept, lane)

    def _receive(self, lane: str) -> None:
        self.count += 1
        self.sent[lane].append(f"{lane}{self.count}")
        self.queue.append(events_of(lane, f"{lane}{self.count}"))
        self._deliver(self.queue[-1])

    @rule(lane=WHERE)
    def receive(self, lane: str) -> None:
        self.clock.do(self._receive, lane)

    @rule(which=WHICH)
    def receive_again(self, which: int) -> None:
        known = [(lane, name) for lane in LANES for name in self.sent[lane]]
        if known:
            self.queue.append(events_of(*known[which % len(known)]))
            self.clock.do(self._deliver, self.queue[-1])

    @precondition(lambda self: self.life.bus.under_way)
    @rule(which=WHICH)
    def confirm(self, which: int) -> None:
        self.clock.do(self._answer, which, None, True)

    @precondition(lambda self: self.life.bus.under_way)
    @rule(which=WHICH, error=some.sampled_from([QueueFull("full"), Unconfirmed("late"), Refused("no")]))
    def fail(self, which: int, error: BusError) -> None:
        self.clock.do(self._answer, which, error, isinstance(error, Unconfirmed) and which % 2 == 0)

    def _answer(self, which: int, error: BusError | None, arrives: bool) -> None:
        bus = self.life.bus
        bus.answer(bus.under_way[which % len(bus.under_way)], error, arrives=arrives)
        self.arrived += [publish.message for publish in bus.arrived]
        bus.arrived.clear()

    @rule(busy=some.booleans())
    def database(self, busy: bool) -> None:
        self.life.busy = busy

    @rule(seconds=some.sampled_from([0.1, 0.3, 3.0]))
    def wait(self, seconds: float) -> None:
        self.clock.wait(seconds)

    @rule(cause=some.sampled_from(["accept", "receive", "confirm", "nothing"]), lane=WHERE, which=WHICH, turns=TURNS)
    def crash(self, cause: str, lane: str, which: int, turns: int) -> None:
        """The process dies so many turns after something has happened."""
        if cause == "accept":
            self.clock.begin(self._accept, lane)
        elif cause == "receive":
            self.clock.begin(self._receive, lane)
        elif cause == "confirm" and self.life.bus.under_way:
            self.clock.begin(self._answer, which, None, True)
        self.clock.step(max(turns, 1))
        self._settle_acks()
        arrive = [publish for number, publish in enumerate(self.life.bus.under_way) if (which >> number) & 1]
        self.arrived += [publish.message for publish in arrive]
        self.life.die()
        self._start()

    def _settle_acks(self) -> None:
        """The queue server forgets what is acknowledged: its effect must be on disk by now."""
        acked, self.life.subscription.acked = self.life.subscription.acked, []
        if acked:
            on_disk = {name for (name,) in self._read("SELECT message_id FROM inbox")}
            for tag in acked:
                message = self.handed_out.pop(tag)
                assert seen_as(message.origin, message.id) in on_disk, f"{message.id} is acknowledged and not stored"
                self.queue.remove(message)
        assert not self.life.subscription.rejected

    # ---- what must be so

    def _read(self, statement: str) -> list[Any]:
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as database:
            return database.execute(statement).fetchall()

    @invariant()
    def what_is_acknowledged_is_on_disk(self) -> None:
        self._settle_acks()

    @invariant()
    def a_lane_arrives_in_order(self) -> None:
        for lane in LANES:
            first = list(dict.fromkeys(name_of(each) for each in self.arrived if each.conversation == lane))
            assert first == [name for name in self.accepted[lane] if name in first]

    def finish(self) -> None:
        self.life.busy = False
        for _ in range(10):
            self.clock.wait(2.0)
            while self.life.bus.under_way:
                self.clock.do(self._answer, 0, None, True)
        self._settle_acks()
        try:
            self._judge()
        finally:
            self.life.die()
            self._folder.cleanup()

    def _judge(self) -> None:
        kept = {name.partition(" ")[2] for (name,) in self._read("SELECT message_id FROM inbox") if " " in name}
        arrived = {name_of(message) for message in self.arrived}
        assert self.told.keys() <= arrived | kept, "what was accepted is lost"
        assert len({message.id for message in self.arrived}) == len(arrived), "it has two identities"
        assert self._read("SELECT * FROM outbox") == []
        assert not self.queue, "something is never acknowledged"
        for lane in LANES:
            rows = self._read(f"SELECT kind, data FROM events WHERE stream = 'conversation:{lane}' ORDER BY seq")
            events = [(kind, json.loads(data)) for kind, data in rows]
            said = [event["text"] for kind, event in events if kind == "USER_MESSAGE"]
            assert said == [name for name in self.accepted[lane] if name in said]
            assert set(said) >= {name for name in self.told if name[0] == lane}
            done = [event["tool_call_id"] for kind, event in events if kind == "TOOL_CALL_START"]
            assert done == self.sent[lane], "each once, in order"


@pytest.fixture(autouse=True, scope="module")
def template() -> None:
    FlowMachine.template = Template()


TestFlow = FlowMachine.TestCase
TestFlow.settings = far(times=0.5)
