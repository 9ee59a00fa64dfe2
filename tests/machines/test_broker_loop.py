"""A broker's loop, publisher and fleet against a model: who joins and leaves, what is refused, and crashes.

The queue server keeps what is not acknowledged and delivers it again to the next broker; what went round the retry
queue comes again by itself.
"""

import asyncio
from collections import Counter, defaultdict
from typing import Any

from hypothesis import strategies as some
from hypothesis.stateful import invariant, precondition, rule

from muster_broker.core.conduct import Conduct
from muster_broker.core.fleet import Fleet
from muster_broker.loop import PartitionLoop
from muster_broker.outcomes import PATIENCE_S, Publisher
from muster_broker.watch import Watch
from muster_messaging.errors import BusError, QueueFull, Unconfirmed, Unroutable
from muster_messaging.message import SCHEMA, Delivery, Message
from muster_messaging.topology import (
    PARKING,
    RETRY_DELAYS,
    TO_AGENT,
    TO_SERVER,
    broker_input,
    partition_key,
    retry_exchange,
)
from muster_shared_models.bodies import NOTICE, MessageType, branch_run
from tests.broker.fleets import agent
from tests.machines.clockwork import ClockworkMachine
from tests.machines.model_bus import ModelBus, ModelSubscription, UnderWay
from tests.machines.profiles import far

AGENTS = 2
WHERE = some.sampled_from("ab")
WHICH = some.integers(0, 30)
TURNS = some.integers(0, 8)
#: Agents by name, one that never was, some, all, the server, and what nobody understands.
TO = some.sampled_from(
    ["agent:worker-0", "agent:worker-1", "agent:worker-1", "any:*", "all:*", "server", "agent:nobody", "over there"]
)
KEY = partition_key(0)
#: Exchange to the seconds until a message is back.
RETRIES = {retry_exchange(delay): milliseconds / 1000 for delay, milliseconds in RETRY_DELAYS.items()}


#: What a broker says of agents that misbehave; here none does.
REPORTS: list[object] = []


class Life:
    """One broker process. One that died goes on in its dream, on a bus that nobody answers any more."""

    def __init__(self, fleet: Fleet) -> None:
        self.bus = ModelBus()
        self.subscription = ModelSubscription()
        self.bus.subscriptions[broker_input(0)] = self.subscription
        self.publisher = Publisher(self.bus, 1)
        self.loop = PartitionLoop(self.bus, 0, 1, fleet, self.publisher, Watch(Conduct(1e6, 1e6), 1, REPORTS.append))
        self.routing = asyncio.create_task(self.loop.run())

    def unfinished(self) -> list[Message]:
        """Return what is published or waits to be."""
        return [item.message for lane in self.publisher._lanes._lanes.values() for item in lane]


def root(message: Message) -> str:
    """Return the id of the message that it is a copy of, or speaks of."""
    return message.id[:3]


class BrokerMachine(ClockworkMachine):
    """Nothing is acknowledged before its last consequence is durable; everything has one; conversations keep order."""

    def __init__(self) -> None:
        super().__init__()
        self.count = self.tag = 0
        #: What is in the partition's queue, oldest first, and on its way round the retry queue.
        self.queue: list[Message] = []
        self.retrying: list[tuple[float, Message]] = []
        self.handed_out: dict[int, Message] = {}
        self.sent: dict[str, Message] = {}
        self.arrived: list[UnderWay] = []
        #: Conversations with a message on the retry queue when a broker died: there the order is not promised.
        self.unordered: set[str] = set()
        #: Agents whose queues are gone for good; the broker may not have heard of it.
        self.gone: set[str] = set()
        self.fleet = Fleet()
        self.members = set(range(AGENTS))
        self.fleet.reset(agent(number, attached=number > 0) for number in self.members)
        self._start()

    def _start(self) -> None:
        self.life = self.clock.do(Life, self.fleet)
        self.handed_out = {}
        self.clock.do(self._deliver, *self.queue)

    def _deliver(self, *messages: Message) -> None:
        for message in messages:
            self.tag += 1
            self.handed_out[self.tag] = message
            self.life.subscription.deliver(Delivery(self.tag, message, KEY))

    # ---- what happens

    def _send(self, lane: str, to: str, fields: dict[str, Any]) -> None:
        self.count += 1
        name = f"{self.count:03}"
        kind = MessageType.RUN_EVENTS.value if to == "server" else MessageType.CHAT.value
        message = Message(name, kind, b"", "server", to, lane, f"run_{name}", seq=self.count)._replace(**fields)
        self.sent[name] = message
        self.queue.append(message)
        self._deliver(message)

    @rule(lane=WHERE, to=TO)
    def send(self, lane: str, to: str) -> None:
        self.clock.do(self._send, lane, to, {})

    @rule(lane=WHERE, fields=some.sampled_from([{"schema": SCHEMA + 1}, {"sender": ""}, {"hops": 99}]))
    def send_nonsense(self, lane: str, fields: dict[str, Any]) -> None:
        self.clock.do(self._send, lane, "agent:worker-1", fields)

    @rule(number=some.integers(0, AGENTS), attached=some.booleans())
    def agent_is_there(self, number: int, attached: bool) -> None:
        if f"agt_{number}" not in self.gone:
            self.members.add(number)
            self.fleet.put(agent(number, attached=attached))

    @rule(number=some.integers(0, AGENTS), heard=some.booleans())
    def agent_is_retired(self, number: int, heard: bool) -> None:
        self.members.discard(number)
        self.gone.add(f"agt_{number}")
        if heard:
            self.fleet.remove(f"agt_{number}")

    @rule()
    def snapshot(self) -> None:
        self.fleet.reset(map(agent, self.members))

    def _answer(self, which: int, error: BusError | None, arrives: bool) -> None:
        publish = self.life.bus.under_way[which % len(self.life.bus.under_way)]
        if publish.exchange == TO_AGENT and publish.key in self.gone:
            error, arrives = Unroutable("gone"), False
        if arrives:
            self._arrives(publish)
        self.life.bus.answer(publish, error, arrives=arrives)

    @precondition(lambda self: self.life.bus.under_way)
    @rule(which=WHICH)
    def confirm(self, which: int) -> None:
        self.clock.do(self._answer, which, None, True)

    @rule()
    def confirm_all(self) -> None:
        while self.life.bus.under_way:
            self.clock.do(self._answer, 0, None, True)

    @precondition(lambda self: self.life.bus.under_way)
    @rule(which=WHICH, error=some.sampled_from([QueueFull("full"), Unconfirmed("late")]))
    def fail(self, which: int, error: BusError) -> None:
        self.clock.do(self._answer, which, error, isinstance(error, Unconfirmed) and which % 2 == 0)

    @precondition(lambda self: self.life.bus.under_way)
    @rule(which=WHICH)
    def full_for_long(self, which: int) -> None:
        """A queue takes nothing until the broker has lost its patience: what is for it goes round the retry queue."""
        key = self.life.bus.under_way[which % len(self.life.bus.under_way)].key
        for _ in range(round(PATIENCE_S) + 2):
            for publish in [publish for publish in self.life.bus.under_way if publish.key == key]:
                self.clock.do(self._answer, self.life.bus.under_way.index(publish), QueueFull("full"), False)
            self.wait(1.0)
        for publish in [publish for publish in self.life.bus.under_way if publish.exchange in RETRIES]:
            self.clock.do(self._answer, self.life.bus.under_way.index(publish), None, True)

    @rule(seconds=some.sampled_from([0.1, 1.0, 4.0, 20.0]))
    def wait(self, seconds: float) -> None:
        self.clock.wait(seconds)
        back = sorted((each for each in self.retrying if each[0] <= self.clock.now), key=lambda each: each[0])
        self.retrying = [each for each in self.retrying if each[0] > self.clock.now]
        self.queue += [message for _, message in back]
        self.clock.do(self._deliver, *(message for _, message in back))

    @rule(cause=some.sampled_from(["send", "confirm", "nothing"]), lane=WHERE, to=TO, which=WHICH, turns=TURNS)
    def crash(self, cause: str, lane: str, to: str, which: int, turns: int) -> None:
        """The process dies so many of its loop's turns after something has happened."""
        if cause == "send":
            self.clock.begin(self._send, lane, to, {})
        elif cause == "confirm" and self.life.bus.under_way:
            self.clock.begin(self._answer, which, None, True)
        self.clock.step(max(turns, 1))
        self._settle_acks()
        for number, publish in enumerate(self.life.bus.under_way):
            if (which >> number) & 1 and not (publish.exchange == TO_AGENT and publish.key in self.gone):
                self._arrives(publish)
        self.unordered |= {message.conversation for _, message in self.retrying}
        self.life.routing.cancel()
        self._start()

    # ---- what must be so

    def _arrives(self, publish: UnderWay) -> None:
        self.arrived.append(publish)
        if publish.exchange in RETRIES:
            self.retrying.append((self.clock.now + RETRIES[publish.exchange], publish.message))

    def _settle_acks(self) -> None:
        acked, self.life.subscription.acked = self.life.subscription.acked, []
        in_hand = Counter(root(message) for message in self.handed_out.values())
        for tag in acked:
            message = self.handed_out.pop(tag)
            self.queue.remove(message)
            if in_hand[root(message)] == 1:
                mine = [each.id for each in self.life.unfinished() if root(each) == root(message)]
                assert not mine, f"{message.id} is acknowledged, and {mine} are not durable"
            assert any(root(publish.message) == root(message) for publish in self.arrived), f"{message.id} is lost"

    @invariant()
    def what_is_acknowledged_is_durable(self) -> None:
        self._settle_acks()

    @invariant()
    def each_receiver_gets_a_conversation_in_order(self) -> None:
        seen: dict[tuple[str, str, str], list[int]] = defaultdict(list)
        taken: set[str] = set()
        for publish in self.arrived:
            message = publish.message
            # Of `any:` a broker that takes over may choose another agent; whoever has it first has claimed it.
            if message.claim and message.id in taken:
                continue
            if publish.exchange in (TO_AGENT, TO_SERVER) and message.type != MessageType.NOTICE.value:
                taken.add(message.id)
                assert message.claim == self.sent[root(message)].to.startswith("any:")
                numbers = seen[publish.exchange, publish.key, message.conversation]
                if message.seq not in numbers:
                    numbers.append(message.seq)
        for (_, _, conversation), numbers in seen.items():
            assert numbers == sorted(numbers) or conversation in self.unordered

    def finish(self) -> None:
        for _ in range(12):
            while self.life.bus.under_way:
                self.clock.do(self._answer, 0, None, True)
            self.wait(40.0)
        self._settle_acks()
        assert not self.queue
        assert not self.retrying
        assert not self.life.unfinished()
        for message in self.sent.values():
            self._has_ended(message)

    def _has_ended(self, message: Message) -> None:
        """Every copy has arrived, or its sender knows why not, or it lies where a person looks."""
        mine = [publish for publish in self.arrived if root(publish.message) == message.id]
        targets: set[str] = set()
        ended: set[str] = set()
        for publish in mine:
            if publish.exchange == PARKING:
                ended.add(publish.message.run)
            elif publish.message.type == MessageType.NOTICE.value:
                notice = NOTICE.validate_json(publish.message.body)
                targets |= {branch_run(message.run, target) for target in notice.targets}
                if notice.final:
                    ended.add(notice.run_id)
            elif publish.exchange not in RETRIES:
                ended.add(publish.message.run)
        assert ended or targets, f"{message} has no end"
        # The server ends the runs of agents that are gone itself: a broker that died may have spoken of them.
        left = {branch_run(message.run, agent_id) for agent_id in self.gone}
        assert targets <= ended | left, f"{message} went to {targets}, and ended for {ended}"


TestBroker = BrokerMachine.TestCase
TestBroker.settings = far(times=3)
