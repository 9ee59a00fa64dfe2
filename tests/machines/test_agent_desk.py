"""An agent's desk, runner, publisher and journal over a real file, against a model; a crash leaves what is committed.

It comes any number of the loop's turns after its cause, so in every place between delivery, journal, tool, publish,
confirm and acknowledgement.
"""

import asyncio
import sqlite3
import tempfile
from asyncio import Future
from collections import defaultdict
from contextlib import closing
from pathlib import Path
from typing import Any

from hypothesis import strategies as some
from hypothesis.stateful import invariant, precondition, rule

from muster_agent.agent import Agent
from muster_agent.control.board import Board
from muster_agent.inbox.desk import Desk
from muster_agent.inbox.upkeep import Upkeep
from muster_agent.journal.database import Journal
from muster_agent.journal.effects import Effects
from muster_agent.journal.messages import MessageRows
from muster_agent.policy.core import Policy
from muster_agent.pulse import Pulse
from muster_agent.runs.lease import Claim, Lease
from muster_agent.runs.publisher import Publisher
from muster_agent.runs.reply import IncomingMessage, Reply
from muster_agent.runs.runner import Runner
from muster_agent.tools.toolbox import Toolbox
from muster_messaging.errors import BusError, QueueFull, Refused, Unconfirmed
from muster_messaging.message import Delivery, Message
from muster_shared_models.bodies import ChatBody
from tests.agent.reading import events_in
from tests.machines.clockwork import ClockworkMachine
from tests.machines.model_bus import ModelBus, ModelSubscription, UnderWay
from tests.machines.profiles import far

WHERE = some.sampled_from("abc")
WHICH = some.integers(0, 20)
WHAT = some.sampled_from(["say", "act", "act", "look", "end", "end"])
TURNS = some.integers(0, 8)
SLOTS = 2
PREFETCH = 2 * SLOTS
ENDS = ("RUN_FINISHED", "RUN_ERROR")
ME, ANOTHER = "me", "another"


class Life:
    """One process, wired as `main` does it. One that died goes on in its dream: nothing of it reaches the disk."""

    def __init__(self, path: Path, handler: Any, claim: Claim, number: int) -> None:
        agent = Agent("machine", slots=SLOTS)
        agent.on_message(handler)
        assert agent.handler is not None
        self.number = number
        self.journal = Journal(path)
        self.journal._writer.execute("PRAGMA synchronous=OFF")  # processes die here, not the machine
        rows, effects = MessageRows(self.journal), Effects(self.journal)
        board = Board(slots=SLOTS)
        board.heard_at = float("inf")
        self.publisher = Publisher(rows, 4, "agt_1")
        toolbox = Toolbox([], Policy(tools={}))
        self.clock = 0.0
        lease = Lease(board, Pulse(lambda: self.clock), claim)
        self.runner = Runner(agent.handler, SLOTS, self.publisher, effects, board, toolbox, lease)
        self.desk = Desk(rows, effects, self.publisher, self.runner)
        self.publisher.settled = self.runner.dropped = self.desk.settled
        board.consumer_attached = lambda: True
        self.upkeep = Upkeep(self.desk, self.runner, rows, board, PREFETCH, 1e9)
        self.bus = ModelBus()
        self.subscription = ModelSubscription()
        #: Message id to the handler that waits to be told what to do.
        self.waiting: dict[str, Future[str]] = {}
        self.tasks: list[asyncio.Task[None]] = []

    def begin(self) -> None:
        self.desk.resume()
        self.tasks.append(asyncio.create_task(self.upkeep.run()))
        self.publisher.attach(self.bus)

    def die(self) -> None:
        self.journal._commit._driver.cancel()
        if self.journal._writer.in_transaction:
            self.journal._writer.rollback()

    def bury(self) -> None:
        self.journal._commit._thread.shutdown()
        self.journal._reader.close()
        self.journal._writer.close()


class DeskMachine(ClockworkMachine):
    """Messages are answered once, in order; tools act once; nothing is acknowledged that could be lost."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory(prefix="muster-machine-")
        self.path = Path(self._folder.name) / "journal.db"
        self.count = self.tag = 0
        #: What is in the agent's queue, oldest first, and what was handed out on this connection.
        self.queue: list[Message] = []
        self.handed_out: dict[int, Message] = {}
        self.sent: dict[str, list[Message]] = defaultdict(list)
        self.stopped: set[str] = set()
        #: Runs that the server has ended while the agent was frozen: it was not told.
        self.over: set[str] = set()
        #: Runs that any of several agents may have, and who has them at the server: nobody, this agent, another.
        self.holders: dict[str, str] = {}
        #: What handlers have seen that must not be: what they raise would only end their run.
        self.faults: list[str] = []
        #: Message id to the lives in which its tool acted.
        self.acted: dict[str, list[int]] = defaultdict(list)
        #: What is durable on the bus: ids to contents, numbers to ids, and per conversation the runs that have ended
        #: with their numbers. By those the server puts in order what arrives out of order.
        self.arrived: dict[str, bytes] = {}
        self.numbers: dict[tuple[str, int], str] = {}
        self.ended: dict[str, dict[str, int]] = defaultdict(dict)
        self.ends: dict[str, str] = {}
        self.lives: list[Life] = []
        self._start()

    @property
    def life(self) -> Life:
        return self.lives[-1]

    def _start(self) -> None:
        number = len(self.lives)

        async def handle(message: IncomingMessage, reply: Reply) -> None:
            if number + 1 != len(self.lives):  # begun in the dream of a life that has ended
                await asyncio.get_running_loop().create_future()
            await self._handle(message, reply)

        self.lives.append(self.clock.do(Life, self.path, handle, self._claim, number))
        self.clock.do(self.life.begin)
        self.clock.do(self._deliver_all)

    def _deliver_all(self) -> None:
        self.handed_out, self.ready = {}, list(self.queue)
        self._deliver()

    def _deliver(self, *messages: Message) -> None:
        """Put messages on the queue, and hand out as much as may be unacknowledged."""
        self.queue += messages
        self.ready += messages
        deliveries = []
        while self.ready and len(self.handed_out) < PREFETCH:
            self.tag += 1
            self.handed_out[self.tag] = self.ready.pop(0)
            deliveries.append(Delivery(self.tag, self.handed_out[self.tag], "key"))
        if deliveries:
            self.life.desk.take(self.life.subscription, deliveries)

    async def _handle(self, message: IncomingMessage, reply: Reply) -> None:
        life = self.life
        if self.holders.get(message.run_id, ME) != ME:
            self.faults.append(f"{message.id} is begun, and may be another's")
        if self.acted[message.id]:
            self.faults.append(f"{message.id} is begun again, as attempt {message.attempt}, after its tool has acted")
        number = 0
        while (what := await self._told(life, message.id)) != "end":
            number += 1
            if what == "say":
                await reply.say(f"word {number} ")
            else:
                async with reply.tool(what, arguments={"number": number}, acts=what == "act"):
                    if what == "act":
                        if message.run_id in self.over:
                            self.faults.append(f"{message.id} acts, and its run is over")
                        self.acted[message.id].append(life.number)
                    await self._told(life, message.id)

    async def _told(self, life: Life, message_id: str) -> str:
        life.waiting[message_id] = asyncio.get_running_loop().create_future()
        return await life.waiting[message_id]

    async def _claim(self, run_id: str) -> bool:
        await asyncio.sleep(0)
        self.holders[run_id] = self.holders[run_id] or ME
        await asyncio.sleep(0)
        return self.holders[run_id] == ME and run_id not in self.over

    # ---- what happens

    def _send(self, lane: str, claim: bool = False) -> None:
        self._deliver(self._made(lane, claim))

    def _made(self, lane: str, claim: bool) -> Message:
        self.count += 1
        name = f"{self.count:04}"
        body = ChatBody(text=name, run_id=f"run_{name}", sender_name="Somebody").model_dump_json().encode()
        message = Message(
            f"msg_{name}", "chat.message", body, to="agent:agt_1", conversation=lane, run=f"run_{name}", sender="brk_1",
            claim=claim, after=self.sent[lane][-1].id if self.sent[lane] else "",
        )  # fmt: skip
        self.holders[message.run] = "" if claim else ME
        self.sent[lane].append(message)
        return message

    @rule(lane=WHERE, seconds=some.sampled_from([0.0, 3.0]))
    def overtake(self, lane: str, seconds: float) -> None:
        """A broker sends a message round, another one the next message on."""
        first, second = self._made(lane, False), self._made(lane, False)
        for message in (second, first):
            self.clock.do(self._deliver, message)
            self._pass(seconds)

    @rule(lane=WHERE, claim=some.booleans())
    def send(self, lane: str, claim: bool) -> None:
        self.clock.do(self._send, lane, claim)

    @rule(which=WHICH)
    def another_has_it(self, which: int) -> None:
        """A broker that took over gave the message to another agent as well, which was faster."""
        free = [run for run, holder in self.holders.items() if not holder]
        if free:
            self.holders[free[which % len(free)]] = ANOTHER

    @rule(which=WHICH)
    def send_again(self, which: int) -> None:
        known = [message for messages in self.sent.values() for message in messages]
        if known:
            self.clock.do(self._deliver, known[which % len(known)])

    def _tell(self, which: int, what: str) -> None:
        ready = [future for future in self.life.waiting.values() if not future.done()]
        if ready:
            ready[which % len(ready)].set_result(what)

    @rule(which=WHICH, what=WHAT)
    def tell(self, which: int, what: str) -> None:
        self.clock.do(self._tell, which, what)

    @rule(which=WHICH)
    def stop(self, which: int) -> None:
        runs = list(self.life.desk.runs.values())
        if runs:
            run = runs[which % len(runs)]
            self.stopped.add(run.core.run_id)
            self.clock.do(self.life.runner.stop, run.core.run_id)

    @rule(which=WHICH, turns=TURNS)
    def freeze(self, which: int, turns: int) -> None:
        """The process stands still, also in the middle of something; a person stops one of its runs meanwhile."""
        self.clock.begin(self._tell, which, "act")
        self.clock.step(turns)
        self.life.clock += 20.0
        runs = [run.core.run_id for run in self.life.desk.runs.values() if not run.core.ended]
        self.over |= {runs[which % len(runs)]} if runs else set()
        self.clock.settle()

    def _answer(self, which: int, error: BusError | None, arrives: bool) -> None:
        publish = self.life.bus.under_way[which % len(self.life.bus.under_way)]
        if arrives:
            self._arrives(publish)
        self.life.bus.answer(publish, error, arrives=arrives)

    @precondition(lambda self: self.life.bus.under_way)
    @rule(which=WHICH)
    def confirm(self, which: int) -> None:
        self.clock.do(self._answer, which, None, True)

    @precondition(lambda self: self.life.bus.under_way)
    @rule(which=WHICH, error=some.sampled_from([QueueFull("full"), Unconfirmed("late"), Refused("no")]))
    def fail(self, which: int, error: BusError) -> None:
        self.clock.do(self._answer, which, error, isinstance(error, Unconfirmed) and which % 2 == 0)

    @rule(which=WHICH)
    def reconnect(self, which: int) -> None:
        """The bus is taken away and another one comes: what is unacknowledged is delivered again."""
        self._lose(which)
        self.clock.do(self.life.publisher.detach)
        self.life.bus = ModelBus()
        self.life.subscription = ModelSubscription()
        self.clock.do(self.life.publisher.attach, self.life.bus)
        self.clock.do(self._deliver_all)

    @rule(seconds=some.sampled_from([0.003, 0.06, 2.0, 20.0, 62.0]))
    def wait(self, seconds: float) -> None:
        self._pass(seconds)

    def _pass(self, seconds: float) -> None:
        """Let time go by; every other second the queue server hands out what it may."""
        while True:
            self.clock.wait(min(seconds, 2.0))
            self._settle_acks()
            self.clock.do(self._deliver)
            seconds -= 2.0
            if seconds <= 0:
                return

    @rule(
        cause=some.sampled_from(["send", "tell", "confirm", "nothing"]), lane=WHERE, which=WHICH, what=WHAT, turns=TURNS
    )
    def crash(self, cause: str, lane: str, which: int, what: str, turns: int) -> None:
        """The process dies so many turns after something has happened."""
        if cause == "send":
            self.clock.begin(self._send, lane, which % 2 == 0)
        elif cause == "tell":
            self.clock.begin(self._tell, which, what)
        elif cause == "confirm" and self.life.bus.under_way:
            self.clock.begin(self._answer, which, None, True)
        self.clock.step(max(turns, 1))
        self._lose(which)
        self.life.die()
        self._start()

    def _lose(self, which: int) -> None:
        """The connection goes; some of what was under way has arrived."""
        self._settle_acks()
        for number, publish in enumerate(self.life.bus.under_way):
            if (which >> number) & 1:
                self._arrives(publish)

    # ---- what must be so

    def _arrives(self, publish: UnderWay) -> None:
        message = publish.message
        assert self.arrived.setdefault(message.id, message.body) == message.body, "one id, two contents"
        number = (message.conversation, message.seq)
        named = self.numbers.setdefault(number, message.id)
        assert named == message.id or not message.conversation, "one number, two messages"
        for event in events_in(message):
            assert self.holders.get(event.run_id, ME) == ME, f"{event.run_id} is not ours, and we speak for it"
            if event.kind in ENDS and self.ends.setdefault(event.run_id, message.id) == message.id:
                self.ended[message.conversation].setdefault(event.run_id, message.seq)
            elif event.kind in ENDS:
                raise AssertionError(f"{event.run_id} ends twice")

    def _settle_acks(self) -> None:
        """The queue server forgets what is acknowledged; tags of a lost connection mean nothing."""
        acked, self.life.subscription.acked = self.life.subscription.acked, []
        for message in filter(None, (self.handed_out.pop(tag, None) for tag in acked)):
            over = self.holders.get(message.run) == ANOTHER or message.run in self.over
            assert over or message.run in self.ends or self._journalled(message), f"{message.id} could be lost"
            self.queue.remove(message)
        assert not self.life.subscription.rejected

    def _journalled(self, message: Message) -> bool:
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as journal:
            query = "SELECT coalesce(frame, reply) FROM messages WHERE message_id = ?"
            found = journal.execute(query, (message.id,)).fetchone()
        return found is not None and found[0] is not None

    @invariant()
    def what_is_acknowledged_is_durable(self) -> None:
        self._settle_acks()

    @invariant()
    def answers_come_in_order(self) -> None:
        for lane, ended in self.ended.items():
            asked = [run for run in self._ours(self.sent[lane]) if run not in self.stopped | self.over]
            answered = [run for run in sorted(ended, key=lambda run: ended[run]) if run not in self.stopped | self.over]
            assert answered == [run for run in asked if run in answered]

    @invariant()
    def no_handler_begins_again_after_its_tool_has_acted(self) -> None:
        assert not self.faults
        assert all(len(set(lives)) <= 1 for lives in self.acted.values())

    def finish(self) -> None:
        for _ in range(4 * self.count + 10):
            for number in range(SLOTS):
                self.clock.do(self._tell, number, "end")
            self._pass(20.0)
            while self.life.bus.under_way:
                self.clock.do(self._answer, 0, None, True)
        self._settle_acks()
        self.answers_come_in_order()
        assert not self.queue, "something is never acknowledged"
        assert not self.life.desk.runs
        ours = {run for messages in self.sent.values() for run in self._ours(messages)}
        assert ours - self.over <= self.ends.keys() <= ours

    def _ours(self, messages: list[Message]) -> list[str]:
        return [message.run for message in messages if self.holders.get(message.run) != ANOTHER]

    def teardown(self) -> None:
        super().teardown()
        for life in self.lives:
            life.bury()
        self._folder.cleanup()


TestDesk = DeskMachine.TestCase
TestDesk.settings = far(times=0.4)
