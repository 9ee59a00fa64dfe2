"""Acknowledgements and confirms of AMQP channels against a server that closes the channel at the first mistake."""

from asyncio import Future
from typing import Any

from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from muster_messaging.amqp import wire
from muster_messaging.amqp.acks import AckLedger
from muster_messaging.amqp.lost import Lost
from muster_messaging.amqp.publisher import CONFIRM_TIMEOUT_S, WINDOW_BYTES, Publisher
from muster_messaging.errors import BusError, Disconnected, QueueFull, Unconfirmed, Unroutable
from muster_messaging.message import MAX_BODY_BYTES, Message
from tests.machines.clockwork import ClockworkMachine
from tests.machines.profiles import far
from tests.messaging.test_amqp_acks import StrictServer

TAGS = some.integers(-2, 40)


class AckMachine(RuleBasedStateMachine):
    """Deliveries, acknowledgements and rejects of one channel after the other."""

    def __init__(self) -> None:
        super().__init__()
        self._open()

    def _open(self) -> None:
        self.ledger, self.server = AckLedger(), StrictServer(0)
        self.delivered = 0
        self.named: set[int] = set()

    @rule(count=some.integers(1, 5))
    def deliver(self, count: int) -> None:
        for _ in range(count):
            self.delivered += 1
            self.server.open.append(self.delivered)
            self.ledger.delivered(self.delivered)

    @rule(tags=some.lists(TAGS, max_size=8))
    def ack(self, tags: list[int]) -> None:
        self.ledger.ack(tags)
        self.named |= {tag for tag in tags if 0 < tag <= self.delivered}

    @rule(tag=TAGS)
    def reject(self, tag: int) -> None:
        fresh = 0 < tag <= self.delivered and tag not in self.named
        assert self.ledger.reject(tag) == fresh
        if fresh:
            self.named.add(tag)
            self.server.open.remove(tag)
            self.server.settled.add(tag)

    @rule()
    def flush(self) -> None:
        for ack in self.ledger.take():
            self.server.take(ack)
        assert self.server.settled == self.named

    @rule()
    def lose_the_channel(self) -> None:
        self._open()

    @invariant()
    def only_what_was_named_is_settled(self) -> None:
        assert self.server.settled <= self.named
        assert self.ledger.pending == len(self.named - self.server.settled)
        gapless = next(tag for tag in range(1, self.delivered + 2) if tag not in self.named) - 1
        assert self.ledger.settled_up_to(gapless)
        assert gapless == self.delivered or not self.ledger.settled_up_to(gapless + 1)


class FakeChannel:
    """What the publisher needs of a channel and its link."""

    frame_max = 131_072

    def __init__(self, number: int) -> None:
        self.number = number
        self.is_open = True
        self.sinks: dict[int, Any] = {}
        self.link = self
        self.confirm_delivery = None
        self.on_return: Any = None

    def add_on_return_callback(self, callback: Any) -> None:
        self.on_return = callback

    def send(self, frames: bytes) -> None:
        """The test answers by what it knows."""

    async def ask(self, *_: Any) -> None:
        """The queue server confirms from now on."""


class Why:
    """A basic.return."""

    def __init__(self, message_id: str) -> None:
        self.message_id, self.exchange, self.routing_key, self.reply_text = message_id, "x", "k", "NO_ROUTE"


class ConfirmMachine(ClockworkMachine):
    """Every publish ends once, as the queue server, the clock or the connection says, whichever is first."""

    def __init__(self) -> None:
        super().__init__()
        self.publisher = self.clock.do(Publisher, "user")
        self.count = 0
        self.channels = 0
        #: The open channel's tags to names, and names to how they must end (None: well) once that is known.
        self.open: dict[int, tuple[str, float]] = {}
        self.last = 0
        self.returned: set[str] = set()
        self.futures: dict[str, Future[None]] = {}
        self.ends: dict[str, type[BusError] | None] = {}
        self.channel: FakeChannel | None = None
        self.blocked = False

    def _end(self, name: str, end: type[BusError] | None) -> None:
        self.ends.setdefault(name, end)

    @precondition(lambda self: self.channel is None)
    @rule()
    def attach(self) -> None:
        self.channels += 1
        self.channel = FakeChannel(self.channels)
        self.clock.run(self.publisher.attach(self.channel))  # type: ignore[arg-type]
        self.open, self.last, self.returned = {}, 0, set()

    @rule(big=some.booleans())
    def publish(self, big: bool) -> None:
        self.count += 1
        name = f"m{self.count}"
        body = b"x" * MAX_BODY_BYTES if big else b""
        if self.channel is None:
            self._end(name, Disconnected)
        elif self.blocked or self.publisher._in_flight.bytes + len(body) > WINDOW_BYTES:
            self._end(name, QueueFull)
        else:
            self.last += 1
            self.open[self.last] = (name, self.clock.now + CONFIRM_TIMEOUT_S)
        self.futures[name] = self.clock.do(self.publisher.publish, "x", "k", Message(name, "note", body))

    @precondition(lambda self: self.open)
    @rule(which=some.integers(0, 30), multiple=some.booleans(), well=some.booleans())
    def answer(self, which: int, multiple: bool, well: bool) -> None:
        tag = sorted(self.open)[which % len(self.open)]
        for each in [each for each in self.open if each == tag or (multiple and each < tag)]:
            name, _ = self.open.pop(each)
            self._end(name, QueueFull if not well else Unroutable if name in self.returned else None)
        method = wire.BASIC_ACK if well else wire.BASIC_NACK
        payload = wire.U32.pack(method) + wire.U64.pack(tag) + bytes((multiple,))
        assert self.channel is not None
        assert self.clock.do(self.channel.sinks[self.channel.number], wire.METHOD, payload, 0, len(payload))

    @precondition(lambda self: self.open)
    @rule(which=some.integers(0, 30))
    def send_back(self, which: int) -> None:
        """It comes back; its confirm is still to follow."""
        name, _ = self.open[sorted(self.open)[which % len(self.open)]]
        self.returned.add(name)
        assert self.channel is not None
        self.clock.do(self.channel.on_return, self.channel, Why(name), Why(name), b"")

    @rule(seconds=some.sampled_from([0.1, 3.0, CONFIRM_TIMEOUT_S]))
    def wait(self, seconds: float) -> None:
        self.clock.wait(seconds)
        for name, deadline in self.open.values():
            if deadline <= self.clock.now:
                self._end(name, Unconfirmed)
            elif self.futures[name].done() and self.clock.now > deadline - 1:
                self._end(name, Unconfirmed)  # a sweep earlier, so that ten seconds are the latest

    @precondition(lambda self: self.channel is not None)
    @rule()
    def lose_the_connection(self) -> None:
        self.channel = None
        for name, _ in self.open.values():
            self._end(name, Unconfirmed)
        self.open = {}
        self.clock.do(self.publisher.detach, Lost(0, "cut"))

    @rule(blocked=some.booleans())
    def block(self, blocked: bool) -> None:
        self.blocked = blocked
        self.clock.do(self.publisher.set_blocked, "memory" if blocked else "")

    @invariant()
    def every_publish_ends_as_it_must(self) -> None:
        for name, future in self.futures.items():
            assert future.done() == (name in self.ends), name
            if future.done():
                error = future.exception()
                assert (None if error is None else type(error)) == self.ends[name], name

    @invariant()
    def the_window_holds_what_is_not_answered(self) -> None:
        assert len(self.publisher._in_flight) == len(self.open)
        assert self.publisher.ready.is_set() == (self.channel is not None and not self.blocked)

    def finish(self) -> None:
        self.clock.do(self.publisher.close)
        assert all(future.done() for future in self.futures.values())


TestAcks = AckMachine.TestCase
TestAcks.settings = far(times=3)
TestConfirms = ConfirmMachine.TestCase
TestConfirms.settings = far(times=2)
