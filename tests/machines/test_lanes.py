"""Lanes against a model: whatever is answered, lost, refused or cut, each lane arrives in order and nothing is lost."""

from asyncio import Future
from collections import defaultdict
from typing import Any

from hypothesis import strategies as some
from hypothesis.stateful import invariant, precondition, rule

from muster_messaging.errors import Disconnected, QueueFull, Refused, Unconfirmed
from muster_messaging.lanes import Lanes
from muster_messaging.message import Message
from tests.machines.clockwork import ClockworkMachine
from tests.machines.model_bus import ModelBus, UnderWay
from tests.machines.profiles import far

PATIENCE_S, LIMIT = 5.0, 6
#: Sums of seconds are not exact.
MOMENT_S = 1e-6
LANES = some.sampled_from("abc")
WHICH = some.integers(0, LIMIT)


class LanesMachine(ClockworkMachine):
    """The owner of some lanes is the outbox: after a restart it sends again what has not ended, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        #: Lane to the messages that wait in it, oldest first, with the time at which they are given up: patience begins
        #: with the first try.
        self.waiting: dict[str, list[tuple[str, float]]] = defaultdict(list)
        self.futures: dict[str, Future[None]] = {}
        self.arrived: dict[str, list[str]] = defaultdict(list)
        self.given_up: set[str] = set()
        self._open()

    def _open(self) -> None:
        self.bus = ModelBus()
        self.connected_since = self.clock.now
        self.lanes = self.clock.do(lambda: Lanes(self.bus, patience_s=PATIENCE_S, limit=LIMIT))

    def _send(self, lane: str, name: str) -> None:
        self.futures[name] = self.clock.do(self.lanes.send, lane, "x", lane, Message(name, "note"))
        self.waiting[lane].append((name, self.clock.now + PATIENCE_S))

    # ---- what happens

    @rule(lane=LANES)
    def send(self, lane: str) -> None:
        if sum(map(len, self.waiting.values())) >= LIMIT:
            try:
                self.clock.do(self.lanes.send, lane, "x", lane, Message("too much", "note"))
            except QueueFull:
                return
            raise AssertionError("the limit was not kept")
        self.count += 1
        self._send(lane, f"{lane}{self.count}")

    @precondition(lambda self: self.bus.under_way)
    @rule(which=WHICH)
    def confirm(self, which: int) -> None:
        publish = self._pick(which)
        self._arrives(publish)
        self._ends(publish)
        self.bus.answer(publish, None, arrives=True)
        self.clock.settle()

    @precondition(lambda self: self.bus.under_way)
    @rule(which=WHICH)
    def refuse_for_good(self, which: int) -> None:
        publish = self._pick(which)
        self.given_up.add(self._ends(publish))
        self.bus.answer(publish, Refused("never"), arrives=False)
        self.clock.settle()

    @precondition(lambda self: self.bus.under_way)
    @rule(which=WHICH, error=some.sampled_from([QueueFull, Unconfirmed]), arrives=some.booleans())
    def fail_for_now(self, which: int, error: Any, arrives: bool) -> None:
        publish = self._pick(which)
        arrives = arrives and error is Unconfirmed
        if arrives:
            self._arrives(publish)
        over = self.waiting[publish.key][0][1]
        before = self.lanes.waiting
        self.bus.answer(publish, error("not now"), arrives=arrives)
        self.clock.settle()
        if self.lanes.waiting < before:
            assert self.clock.now > over - MOMENT_S, "given up too early"
            self.given_up.add(self._ends(publish))
        else:  # the time without a connection does not count
            assert self.clock.now < over + MOMENT_S or self.connected_since > over - PATIENCE_S, "not given up"

    @precondition(lambda self: self.bus.connected)
    @rule(data=some.data())
    def cut(self, data: Any) -> None:
        there = [publish for publish in self.bus.under_way if data.draw(some.booleans())]
        for publish in there:
            self._arrives(publish)
        self.bus.cut(arrive=there)
        self.clock.settle()

    @precondition(lambda self: not self.bus.connected)
    @rule()
    def mend(self) -> None:
        self.bus.connected = True
        self.connected_since = self.clock.now

    @rule(seconds=some.sampled_from([0.01, 0.3, 2.0, PATIENCE_S]))
    def wait(self, seconds: float) -> None:
        self.clock.wait(seconds)
        if not self.bus.connected:
            return
        # Whoever found no connection and comes back to one has been published.
        self.clock.wait(1.0)

    @rule(which=WHICH)
    def owner_leaves(self, which: int) -> None:
        open_ones = [future for future in self.futures.values() if not future.done()]
        if open_ones:
            open_ones[which % len(open_ones)].cancel()
            self.clock.settle()

    @rule(data=some.data())
    def restart(self, data: Any) -> None:
        for publish in self.bus.under_way:
            if data.draw(some.booleans()):
                self._arrives(publish)
        before, self.waiting = self.waiting, defaultdict(list)
        self.clock.do(self.lanes.close)
        for future in self.futures.values():
            assert future.done()
        assert self.lanes.waiting == 0
        self._open()
        for lane, held in before.items():
            for name, _ in held:
                self._send(lane, name)

    # ---- what must be so

    @invariant()
    def one_of_a_lane_is_under_way(self) -> None:
        lanes = [publish.key for publish in self.bus.under_way]
        assert len(lanes) == len(set(lanes))
        for publish in self.bus.under_way:
            assert publish.message.id == self.waiting[publish.key][0][0]

    @invariant()
    def it_knows_what_waits(self) -> None:
        assert self.lanes.waiting == sum(map(len, self.waiting.values()))

    @invariant()
    def a_future_tells_the_truth(self) -> None:
        for name, future in self.futures.items():
            if not future.done() or future.cancelled():
                continue
            error = future.exception()
            if error is None:
                assert name in self.arrived[name[0]]
            else:
                assert name in self.given_up or isinstance(error, Disconnected)

    def finish(self) -> None:
        self.bus.connected = True
        for _ in range(20):
            self.clock.wait(2.0)
            for publish in list(self.bus.under_way):
                self._arrives(publish)
                self._ends(publish)
                self.bus.answer(publish, None, arrives=True)
            self.clock.settle()
        assert self.lanes.waiting == 0
        for name, future in self.futures.items():
            assert future.done()
            assert name in self.given_up or name in self.arrived[name[0]], f"{name} was lost"

    def _pick(self, which: int) -> UnderWay:
        return self.bus.under_way[which % len(self.bus.under_way)]

    def _ends(self, publish: UnderWay) -> str:
        lane = self.waiting[publish.key]
        name, _ = lane.pop(0)
        assert name == publish.message.id
        if lane:
            lane[0] = (lane[0][0], self.clock.now + PATIENCE_S)
        return name

    def _arrives(self, publish: UnderWay) -> None:
        """It is there: everything before it in its lane has been there already, or was given up."""
        lane, name = publish.key, publish.message.id
        number = int(name[1:])
        assert not [other for other, _ in self.waiting[lane] if int(other[1:]) < number], f"{name} has overtaken"
        if name not in self.arrived[lane]:
            assert all(int(other[1:]) < number for other in self.arrived[lane]), f"{name} comes late"
            self.arrived[lane].append(name)


TestLanes = LanesMachine.TestCase
TestLanes.settings = far()
