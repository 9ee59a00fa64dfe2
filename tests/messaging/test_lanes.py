"""Lanes keep each conversation in order, whatever the bus does to its messages."""

import asyncio
import random
from asyncio import Future

import pytest

from muster_messaging import lanes as module
from muster_messaging.bus import Subscription
from muster_messaging.errors import BusError, Disconnected, QueueFull, Refused, TooLarge, Unconfirmed, Unroutable
from muster_messaging.lanes import Lanes
from muster_messaging.message import Message
from tests.messaging.transcript import eventually, message


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE_S", 0.0005)
    monkeypatch.setattr(module, "LONGEST_PAUSE_S", 0.005)


class ScriptedBus:
    """A bus whose answers are decided by `decide`, after a moment. `arrived` is what really got there, in order."""

    connected = True

    def __init__(self, seed: int = 0, failing: float = 0.0) -> None:
        self.chance = random.Random(seed)
        self.failing = failing
        self.arrived: list[str] = []
        self.published: list[str] = []
        self.under_way: dict[str, int] = {}
        self.worst = 0

    def decide(self, sent: Message) -> BusError | None:
        """None confirms. An Unconfirmed message may have arrived all the same."""
        if self.chance.random() >= self.failing:
            self.arrived.append(sent.id)
            return None
        error = self.chance.choice([Disconnected, QueueFull, Unconfirmed])("injected")
        if isinstance(error, Unconfirmed) and self.chance.random() < 0.5:
            self.arrived.append(sent.id)
        return error

    def publish(self, exchange: str, key: str, message: Message) -> "Future[None]":
        loop = asyncio.get_running_loop()
        future: Future[None] = loop.create_future()
        self.published.append(message.id)
        lane = message.conversation
        self.under_way[lane] = self.under_way.get(lane, 0) + 1
        self.worst = max(self.worst, self.under_way[lane])
        error = self.decide(message)

        def answer() -> None:
            self.under_way[lane] -= 1
            if future.done():
                return
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)

        if isinstance(error, Disconnected):
            answer()  # at once, as the contract has it
        else:
            loop.call_later(self.chance.uniform(0, 0.003), answer)
        return future

    async def subscribe(self, queue: str, prefetch: int) -> Subscription:
        raise NotImplementedError

    async def wait_connected(self) -> None:
        return

    async def close(self) -> None:
        return


def first_arrivals(names: list[str]) -> list[str]:
    return list(dict.fromkeys(names))


@pytest.mark.parametrize("seed", range(12))
async def test_every_lane_arrives_complete_and_in_order_under_injected_failures(seed: int) -> None:
    bus = ScriptedBus(seed, failing=0.4)
    lanes = Lanes(bus, patience_s=30)

    futures = [
        lanes.send(f"c{number % 7}", "x", "k", message(number, conversation=f"c{number % 7}")) for number in range(200)
    ]
    async with asyncio.timeout(30):
        await asyncio.gather(*futures)

    assert lanes.waiting == 0
    assert bus.worst == 1, "two messages of one lane were under way at once"
    arrived = first_arrivals(bus.arrived)
    for lane in range(7):
        numbers = [int(name[1:]) for name in arrived if int(name[1:]) % 7 == lane]
        assert numbers == list(range(lane, 200, 7))


async def test_lanes_do_not_wait_for_each_other() -> None:
    # Given a lane whose first message is never answered
    bus = ScriptedBus()
    stuck: Future[None] = asyncio.get_running_loop().create_future()
    ordinary = bus.publish
    bus.publish = lambda e, k, m: stuck if m.id == "stuck" else ordinary(e, k, m)  # type: ignore[method-assign, assignment]
    lanes = Lanes(bus, patience_s=30)

    blocked = [lanes.send("a", "x", "k", message(name)) for name in ("stuck", "behind")]
    await asyncio.gather(*[lanes.send("b", "x", "k", message(number)) for number in range(20)])

    assert not any(future.done() for future in blocked)
    assert lanes.waiting == 2
    stuck.set_result(None)
    await asyncio.gather(*blocked)


@pytest.mark.parametrize("error", [Unroutable, Refused, TooLarge])
async def test_a_permanent_error_is_told_at_once_and_the_lane_goes_on(error: type[BusError]) -> None:
    bus = ScriptedBus()
    bus.decide = lambda sent: error("never") if sent.id == "m1" else None  # type: ignore[method-assign]
    lanes = Lanes(bus, patience_s=30)

    futures = [lanes.send("a", "x", "k", message(number)) for number in range(3)]
    ends = await asyncio.gather(*futures, return_exceptions=True)

    assert [type(end) for end in ends] == [type(None), error, type(None)]
    assert bus.published == ["m0", "m1", "m2"]


async def test_a_message_at_which_the_bus_itself_fails_is_refused_and_the_lane_goes_on() -> None:
    bus = ScriptedBus()
    ordinary = bus.publish

    def publish(exchange: str, key: str, sent: Message) -> "Future[None]":
        if sent.seq > 2**63:
            raise OverflowError("int too large to convert")
        return ordinary(exchange, key, sent)

    bus.publish = publish  # type: ignore[method-assign]
    lanes = Lanes(bus, patience_s=30)

    futures = [lanes.send("a", "x", "k", message(n, seq=10**300 if n in (0, 2) else n)) for n in range(4)]
    ends = await asyncio.gather(*futures, return_exceptions=True)

    assert [type(end) for end in ends] == [Refused, type(None), Refused, type(None)]
    assert "int too large" in str(ends[0])
    assert lanes.waiting == 0


async def test_what_fails_too_long_is_given_up_with_the_last_error_and_the_lane_goes_on() -> None:
    bus = ScriptedBus()
    bus.decide = lambda sent: QueueFull("full") if sent.id == "m0" else None  # type: ignore[method-assign]
    lanes = Lanes(bus, patience_s=0.05)

    futures = [lanes.send("a", "x", "k", message(number)) for number in range(2)]
    ends = await asyncio.gather(*futures, return_exceptions=True)

    assert [type(end) for end in ends] == [QueueFull, type(None)]
    assert bus.published.count("m0") > 2
    assert bus.published.index("m1") == bus.published.count("m0"), "m1 went before m0 was given up"


async def test_a_standstill_of_our_own_is_not_held_against_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a publish that ends long after its deadline, as when the whole process was frozen
    monkeypatch.setattr(module, "LONGEST_TRY_S", 0.01)
    bus = ScriptedBus()
    ordinary, frozen = bus.publish, asyncio.get_running_loop().create_future()
    bus.publish = lambda e, k, m: ordinary(e, k, m) if bus.published else frozen  # type: ignore[method-assign]
    lanes = Lanes(bus, patience_s=0.03)

    sent = lanes.send("a", "x", "k", message(1))
    await asyncio.sleep(0.1)
    bus.published.append("frozen")
    frozen.set_exception(Unconfirmed("The answer came too late."))

    # Then it is tried again before anything else is done about it
    await sent
    assert bus.arrived == ["m1"]


async def test_the_time_without_a_connection_does_not_count() -> None:
    bus = ScriptedBus()
    bus.connected = False
    bus.decide = lambda _sent: Disconnected("away") if not bus.connected else None  # type: ignore[method-assign]
    lanes = Lanes(bus, patience_s=0.02)

    sent = lanes.send("a", "x", "k", message(1))
    await eventually(lambda: len(bus.published) > 15)
    bus.connected = True

    await sent


async def test_what_waited_behind_a_message_that_was_given_up_still_gets_its_try() -> None:
    # Given three messages whose patience is over by the time the first is given up
    bus = ScriptedBus()
    bus.decide = lambda sent: QueueFull("full") if sent.id == "m0" else None  # type: ignore[method-assign]
    lanes = Lanes(bus, patience_s=0.03)

    futures = [lanes.send("a", "x", "k", message(number)) for number in range(3)]
    ends = await asyncio.gather(*futures, return_exceptions=True)

    assert [type(end) for end in ends] == [QueueFull, type(None), type(None)]


async def test_above_its_limit_a_send_is_refused_at_once() -> None:
    bus = ScriptedBus()
    lanes = Lanes(bus, patience_s=30, limit=3)
    futures = [lanes.send(f"c{number}", "x", "k", message(number)) for number in range(3)]

    with pytest.raises(QueueFull):
        lanes.send("c9", "x", "k", message(9))

    await asyncio.gather(*futures)
    await lanes.send("c9", "x", "k", message(9))


async def test_an_owner_that_stops_waiting_changes_nothing_for_the_others() -> None:
    bus = ScriptedBus(seed=3, failing=0.3)
    lanes = Lanes(bus, patience_s=30)

    futures = [lanes.send("a", "x", "k", message(number)) for number in range(20)]
    for future in futures[::3]:
        future.cancel()

    await asyncio.gather(*[future for future in futures if not future.cancelled()])
    await eventually(lambda: lanes.waiting == 0)
    assert first_arrivals(bus.arrived) == [f"m{number}" for number in range(20)]


async def test_a_publish_that_somebody_cancelled_counts_as_unconfirmed_and_is_tried_again() -> None:
    bus = ScriptedBus()
    ordinary = bus.publish
    cancelled: list[bool] = []

    def publish(exchange: str, key: str, sent: Message) -> "Future[None]":
        future = ordinary(exchange, key, sent)
        if not cancelled:
            cancelled.append(future.cancel())
        return future

    bus.publish = publish  # type: ignore[method-assign, assignment]

    await Lanes(bus, patience_s=30).send("a", "x", "k", message(1))

    assert bus.published == ["m1", "m1"]


async def test_closing_gives_up_what_waits_and_publishes_nothing_more() -> None:
    bus = ScriptedBus()
    bus.decide = lambda _sent: QueueFull("full")  # type: ignore[method-assign, assignment]
    lanes = Lanes(bus, patience_s=30)
    futures = [lanes.send(f"c{number % 2}", "x", "k", message(number)) for number in range(6)]
    await eventually(lambda: len(bus.published) > 4)

    lanes.close()
    count = len(bus.published)
    ends = await asyncio.gather(*futures, return_exceptions=True)
    await asyncio.sleep(0.02)

    assert {type(end) for end in ends} == {Disconnected}
    assert len(bus.published) == count
    assert lanes.waiting == 0
    with pytest.raises(Disconnected):
        await lanes.send("a", "x", "k", message(9))


async def test_lanes_that_hold_together_give_up_what_waits_behind_and_nothing_else() -> None:
    bus = ScriptedBus()
    full = {"a1", "a2"}
    bus.decide = lambda sent: QueueFull("full") if sent.id in full else None  # type: ignore[method-assign]
    lanes = Lanes(bus, patience_s=0.01, together=True)

    sent = {name: lanes.send(name[0], "x", "k", message(name)) for name in ("a1", "a2", "b1", "a3", "b2")}
    ended = await asyncio.gather(*sent.values(), return_exceptions=True)

    outcome = dict(zip(sent, ended, strict=True))
    assert [type(outcome[name]) for name in ("a1", "a2", "a3")] == [QueueFull] * 3
    assert (outcome["b1"], outcome["b2"]) == (None, None)
    # And the lane is open again for what comes now
    full.clear()
    await lanes.send("a", "x", "k", message("a4"))
    assert lanes.waiting == 0
