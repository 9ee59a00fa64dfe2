"""Every queue is listed with what is known of it; what is not known is null, and asking never waits for long."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from muster_messaging.amqp.bus import AmqpBus
from muster_messaging.bus import BusAdmin, QueueInfo
from muster_messaging.errors import Disconnected
from muster_messaging.topology import DEFAULT_PARTITIONS, SERVER_INPUT
from muster_server.queues import watching
from muster_server.queues.core import Figures, History
from muster_server.queues.watching import AT_ONCE, FRESH_MS, QueueWatch
from muster_shared_models.problems import MusterError, Reason
from muster_shared_models.queues import QueueList
from tests.provision.rabbitmq import TestRabbit
from tests.server.desk import at_work
from tests.server.puppet import puppet
from tests.server.running import RunningServer, eventually, running_server

QUEUES = "/api/v1/queues"


@pytest.fixture(params=["embedded", pytest.param("rabbitmq", marks=pytest.mark.rabbitmq)])
async def server(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RunningServer]:
    bus = "embedded" if request.param == "embedded" else request.getfixturevalue("rabbitmq_url")
    async with running_server(tmp_path / "data", bus=bus) as running:
        yield running


async def by_name(server: RunningServer) -> dict[str, dict[str, Any]]:
    return {view["name"]: view for view in (await server.get(QUEUES))["items"]}


async def queue_until(server: RunningServer, name: str, condition: Any) -> dict[str, Any]:
    async def reached() -> dict[str, Any] | None:
        view = (await by_name(server)).get(name)
        return view if view and condition(view) else None

    return dict(await eventually(reached))


async def test_every_queue_is_there_with_its_role_and_who_takes_from_it(server: RunningServer) -> None:
    await queue_until(server, "parking_queue", lambda view: view["consumers"] == 1)
    found = await server.get(QUEUES)
    assert (found["trouble"], found["dead_letters"]) == ("", 0)
    assert [(view["name"], view["role"], view["consumers"], view["bound"]) for view in found["items"]] == [
        ("broker_input_queue", "broker_input", 0, 50_000),
        ("broker_input_queue.p1", "broker_input", 0, 50_000),
        ("broker_input_queue.p2", "broker_input", 0, 50_000),
        ("broker_input_queue.p3", "broker_input", 0, 50_000),
        ("server_input_queue", "server_input", 1, 100_000),
        ("retry_queue.5s", "retry", 0, 50_000),
        ("retry_queue.30s", "retry", 0, 50_000),
        ("retry_queue.5m", "retry", 0, 50_000),
        ("dead_letter_queue.router", "dead_letter", 1, 100_000),
        ("dead_letter_queue.agent", "dead_letter", 1, 100_000),
        ("dead_letter_queue.server", "dead_letter", 1, 100_000),
        ("parking_queue", "parking", 1, 100_000),
    ]
    assert {view["depth"] for view in found["items"]} == {0}


async def test_the_queue_of_an_agent_that_takes_nothing_grows(server: RunningServer, tmp_path: Path) -> None:
    token = await server.join_token()
    async with server.broker(), puppet(server.started.grpc_address, token, tmp_path, "sleeper") as agent:
        name = agent.registered.queue
        empty = await queue_until(server, name, lambda view: view["depth"] == 0)
        assert (empty["role"], empty["agent_id"], empty["agent_name"]) == ("agent", agent.id, "sleeper")
        for number in range(5):
            await server.post("/api/v1/messages", {"text": str(number), "to": "agent:sleeper"}, 202)
        full = await queue_until(server, name, lambda view: view["depth"] == 5 and view["growth"])
    assert (full["consumers"], full["ready"], full["bound"]) == (0, 5, 1000)
    assert full["growth"] > 0
    # RabbitMQ tells neither rates nor what is unacknowledged but to its management API.
    if (await server.get("/api/v1/system"))["bus"] == "embedded":
        assert (full["rate_in"], full["rate_out"], full["unacked"]) == (full["growth"], 0, 0)
    else:
        assert (full["rate_in"], full["rate_out"], full["unacked"]) == (None, None, None)


async def test_dead_letters_are_counted_where_they_died(server: RunningServer, tmp_path: Path) -> None:
    async with server.broker(), at_work(server, tmp_path) as desk:
        name = desk.agent.registered.queue
        taken = await queue_until(server, name, lambda view: view["consumers"] == 1)
        assert taken["dead_letters"] == 0
        await server.post("/api/v1/messages", {"text": "broken", "to": "agent:puppet"}, 202)
        await desk.reject()
        await queue_until(server, name, lambda view: view["dead_letters"] == 1)
        assert (await server.get(QUEUES))["dead_letters"] == 1


class Hands:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000_000

    def __call__(self) -> int:
        return self.now


class FakeBus:
    """Answers what a test says, and counts how often it is asked."""

    def __init__(self) -> None:
        self.connected = True
        self.asked: list[str] = []
        self.error: Exception | None = None
        self.hangs = asyncio.Event()
        self.hangs.set()

    async def queue_info(self, name: str) -> QueueInfo | None:
        self.asked.append(name)
        await self.hangs.wait()
        if self.error:
            raise self.error
        return QueueInfo(3, -1, 1)


class Watched:
    """A watch over a fake bus."""

    def __init__(self, agents: int = 0) -> None:
        self.bus, self.clock = FakeBus(), Hands()
        fleet = [(f"agt_{number:05}", f"a{number:05}") for number in range(agents)]
        bus: Any = self.bus
        admin: BusAdmin = bus
        self.watch = QueueWatch(admin, self.clock, DEFAULT_PARTITIONS, lambda: fleet, self._waiting)

    async def _waiting(self) -> dict[str, int]:
        return {SERVER_INPUT: 2, "queue of an agent that was retired": 1}

    async def later(self) -> QueueList:
        self.clock.now += FRESH_MS
        return await self.watch.everything()


async def test_many_who_ask_at_once_are_served_by_one_look() -> None:
    watched = Watched()
    answers = await asyncio.gather(*[watched.watch.everything() for _ in range(20)])
    assert len(watched.bus.asked) == 12
    assert all(answer == answers[0] for answer in answers)
    assert (answers[0].dead_letters, answers[0].items[4].dead_letters) == (3, 2)
    await watched.later()
    assert len(watched.bus.asked) == 24


async def test_a_large_fleet_is_asked_for_in_turns() -> None:
    watched = Watched(agents=AT_ONCE + 100)
    first = await watched.later()
    assert sum(view.sampled_at is None for view in first.items) == 100
    second = await watched.later()
    assert all(view.depth == 3 for view in second.items)
    assert len(watched.bus.asked) == 2 * (12 + AT_ONCE)


@pytest.mark.parametrize("how", ["away", "hangs", "fails"])
async def test_a_queue_server_in_trouble_leaves_the_last_figures_and_says_so(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "PATIENCE_S", 0.05)
    watched = Watched()
    before = await watched.watch.everything()
    bus = watched.bus
    bus.connected = how != "away"
    bus.error = Disconnected("The connection ended.") if how == "fails" else None
    if how == "hangs":
        bus.hangs.clear()
    async with asyncio.timeout(10):
        answers = await asyncio.gather(watched.later(), watched.watch.everything())
    for answer in answers:
        assert "last figures known" in answer.trouble
        assert answer.items == before.items
    bus.connected, bus.error = True, None
    bus.hangs.set()
    assert (await watched.later()).trouble == ""


def history(*samples: tuple[int, QueueInfo | None]) -> History:
    made = History()
    for at, info in samples:
        made.add(at, info)
    return made


def test_rates_are_counted_over_the_last_seconds() -> None:
    counted = history((0, QueueInfo(0, 0, 1, 10, 10)), (1000, QueueInfo(2, 1, 1, 20, 17)))
    assert counted.rates() == (10.0, 7.0, 3.0)
    counted.add(16_000, QueueInfo(0, 0, 1, 50, 50))
    assert counted.rates() == (2.0, 2.2, -0.2)
    counted.add(90_000, QueueInfo(0, 0, 1, 60, 60))
    assert counted.rates() == (None, None, None)


@pytest.mark.parametrize(
    ("samples", "rates"),
    [
        ([], (None, None, None)),
        ([(0, QueueInfo(1, 0, 0, 1, 0))], (None, None, None)),
        ([(0, QueueInfo(1, 0, 0, 1, 0)), (10, QueueInfo(2, 0, 0, 2, 0))], (None, None, None)),
        ([(0, QueueInfo(1, -1, 0)), (2000, QueueInfo(5, -1, 0))], (None, None, 2.0)),
        # The queue was deleted and made anew: its counters began again.
        ([(0, QueueInfo(9, 0, 0, 9, 0)), (2000, QueueInfo(1, 0, 0, 1, 0))], (None, None, None)),
        ([(0, None), (2000, QueueInfo(1, 0, 0, 1, 0))], (None, None, None)),
        ([(0, QueueInfo(1, 0, 0, 1, 0)), (2000, None)], (None, None, None)),
    ],
)
def test_a_rate_that_is_not_known_is_not_made_up(
    samples: list[tuple[int, QueueInfo | None]], rates: tuple[float | None, ...]
) -> None:
    assert history(*samples).rates() == rates


# ---- what only RabbitMQ's management API knows


async def test_with_the_management_api_rates_and_what_is_unacknowledged_are_told(
    tmp_path: Path, rabbitmq: TestRabbit, rabbitmq_url: str
) -> None:
    api = rabbitmq.management_url
    async with running_server(tmp_path / "data", bus=rabbitmq_url, bus_api=api) as server, server.broker():
        token = await server.join_token()
        async with puppet(server.started.grpc_address, token, tmp_path, "holder") as agent:
            bus = await AmqpBus.open(agent.registered.transport.amqp.url)
            inbox = await bus.subscribe(agent.registered.queue, 3)

            async def seen() -> dict[str, Any] | None:
                await server.post("/api/v1/messages", {"text": "hold this", "to": "agent:holder"}, 202)
                view = (await by_name(server))[agent.registered.queue]
                return view if view["unacked"] == 3 and view["rate_in"] else None

            held = await eventually(seen)
            assert (held["rate_out"], held["consumers"]) == (0, 1)
            assert held["depth"] == held["ready"] > 0

            async def taken() -> bool:
                await server.post("/api/v1/messages", {"text": "take this", "to": "agent:holder"}, 202)
                inbox.ack([delivery.tag for delivery in await inbox.next_batch()])
                return bool((await by_name(server))[agent.registered.queue]["rate_out"])

            assert await eventually(taken)
            await bus.close()


@pytest.mark.parametrize("how", ["fails", "hangs", "tells"])
async def test_a_management_api_in_trouble_leaves_out_what_only_it_knows(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "FIGURES_PATIENCE_S", 0.05)
    watched = Watched(agents=2)

    async def figures(*, agents: bool) -> dict[str, Figures]:
        assert agents
        if how == "fails":
            raise MusterError(Reason.BUS_UNREACHABLE, "It does not answer.")
        if how == "hangs":
            await asyncio.Event().wait()
        return {SERVER_INPUT: Figures(7, 1.5, 0.5)}

    watched.watch._figures = figures
    answer = await watched.later()
    found = {view.name: (view.depth, view.unacked, view.rate_in, view.rate_out) for view in answer.items}
    assert answer.trouble == ""
    assert found.pop(SERVER_INPUT) == ((3, 7, 1.5, 0.5) if how == "tells" else (3, None, None, None))
    assert set(found.values()) == {(3, None, None, None)}


async def test_of_a_large_fleet_the_management_api_is_not_asked_for_agents_queues() -> None:
    watched, asked = Watched(agents=AT_ONCE + 1), []

    async def figures(*, agents: bool) -> dict[str, Figures]:
        asked.append(agents)
        return {}

    watched.watch._figures = figures
    await watched.later()
    assert asked == [False]
