"""Staying attached: the bus fails to open, refuses, goes away, or is moved; answers survive all of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from muster_agent.builtin import build
from muster_agent.control.backoff import Backoff
from muster_agent.inbox import receiver
from muster_agent.settings import load_settings
from muster_messaging.bus import Bus, Subscription
from muster_messaging.errors import Disconnected, QueueFull, Refused
from muster_messaging.message import Delivery
from tests.agent.bench_desk import chat
from tests.agent.conftest import Running
from tests.agent.fake_bus import FakeBus, FakeSubscription
from tests.agent.fake_server import FakeServer
from tests.agent.waiting import until


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiver, "Backoff", lambda: Backoff(0.01, 0.02))


class Buses:
    """Opens a new bus each time, after `failures` failed tries."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.opened: list[FakeBus] = []

    @asynccontextmanager
    async def open(self, _access: Any) -> AsyncIterator[Bus]:
        if self.failures:
            self.failures -= 1
            raise Disconnected("nobody there")
        self.opened.append(FakeBus())
        yield self.opened[-1]
        await self.opened[-1].close()

    @property
    def subscription(self) -> FakeSubscription:
        return self.opened[-1].subscriptions[-1]


async def test_a_bus_that_does_not_open_is_tried_again(running: Running) -> None:
    buses = Buses(failures=3)
    async with running(build("echo", load_settings()), open_bus=buses.open):
        buses.subscription.deliver(chat("x"))
        await until(lambda: buses.opened[-1].published)
    assert buses.subscription.cancelled
    assert buses.opened[-1].closed


async def test_a_queue_that_is_refused_makes_the_agent_join_again(running: Running, server: FakeServer) -> None:
    buses = Buses()
    async with running(build("echo", load_settings()), open_bus=buses.open):
        subscription = buses.subscription

        async def gone() -> list[Delivery]:
            raise Refused("The queue is gone.")

        subscription.next_batch = gone  # type: ignore[method-assign]
        subscription.deliver(chat("wake up"))
        await until(lambda: len(server.joins) >= 2 and len(buses.opened) >= 2)
        await until(lambda: buses.opened[-1].subscriptions)
        buses.subscription.deliver(chat("x"))
        await until(lambda: buses.opened[-1].published)


async def test_an_answer_that_was_not_confirmed_goes_over_the_next_bus(running: Running, server: FakeServer) -> None:
    buses = Buses()
    async with running(build("echo", load_settings()), open_bus=buses.open):
        first = buses.opened[-1]
        first.holding = True
        buses.subscription.deliver(chat("x"))
        await until(lambda: first.held)
        server.amqp_url = "amqp://moved"
        server.tokens.clear()
        await server.hang_up()
        await server.listen()
        await until(lambda: len(buses.opened) >= 2 and buses.opened[-1].published)
        assert buses.opened[-1].published[0].id == first.attempts[0].id
        assert first.closed


async def test_a_subscription_that_cannot_be_made_is_tried_again(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = [1, 1]
    subscribe = FakeBus.subscribe

    async def sometimes(self: FakeBus, queue: str, prefetch: int) -> Subscription:
        if failing:
            failing.pop()
            raise Disconnected("lost meanwhile")
        return await subscribe(self, queue, prefetch)

    monkeypatch.setattr(FakeBus, "subscribe", sometimes)
    buses = Buses()
    async with running(build("echo", load_settings()), open_bus=buses.open):
        assert len(buses.opened) == 3


async def test_publishing_goes_on_when_there_is_room_again(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("muster_agent.runs.publisher.REPAIR_S", 0.02)
    monkeypatch.setattr("muster_agent.runs.publisher.LIMIT", 1)
    buses = Buses()
    async with running(build("echo", load_settings()), open_bus=buses.open):
        bus = buses.opened[-1]
        bus.holding = True
        for number in range(3):
            buses.subscription.deliver(chat(str(number), conversation=f"cnv_{number}"))
        await until(lambda: bus.held)
        bus.outcome = _full_once()
        bus.release()
        await until(lambda: len(bus.published) == 3)


def _full_once() -> Any:
    full = [1]

    def outcome(_message: object) -> QueueFull | None:
        return QueueFull("full") if full and full.pop() else None

    return outcome
