"""R1 in short: the points exist, orders are carried out once, and at some points nothing is lost or doubled."""

import inspect
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.chaos.crash_points import POINTS, Point, Side, points_of
from tests.chaos.crashing import MortalFleet, crash, running_mortals
from tests.chaos.crowd import Plan
from tests.chaos.mortal import Orders, deadly, owner_of
from tests.provision.rabbitmq import TestRabbit

EMBEDDED = (
    "server.message_committed",
    "server.events_committed",
    "broker.message_confirmed",
    "broker.events_confirmed",
    "agent.effect_happened",
    "agent.answer_confirmed",
)
RABBITMQ = ("server.message_confirmed", "broker.message_published")


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MortalFleet]:
    with running_mortals(tmp_path_factory.mktemp("mortal"), "embedded") as fleet:
        yield fleet


@pytest.fixture(scope="module")
def over_rabbitmq(rabbitmq: TestRabbit, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MortalFleet]:
    url = rabbitmq.new_vhost()
    with running_mortals(tmp_path_factory.mktemp("mortal"), url) as fleet:
        yield fleet
    rabbitmq.drop_vhost(url)


async def dies_and_keeps_all(fleet: MortalFleet, point: Point, seed: int) -> None:
    report = await crash(fleet, Plan(seed, messages=2), replace(point, most=12))
    print(report.line())
    assert not report.problems, report.line()
    assert report.numbers["faults"] == {point.name: 1}
    assert report.numbers["accepted"] == report.numbers["sent"] > 0


@pytest.mark.parametrize("name", EMBEDDED)
async def test_a_process_that_dies_there_loses_and_doubles_nothing(embedded: MortalFleet, name: str) -> None:
    await dies_and_keeps_all(embedded, POINTS[name], 11)


@pytest.mark.parametrize("name", RABBITMQ)
async def test_a_process_that_dies_there_beside_a_rabbitmq_loses_and_doubles_nothing(
    over_rabbitmq: MortalFleet, name: str
) -> None:
    await dies_and_keeps_all(over_rabbitmq, POINTS[name], 12)


def test_there_are_as_many_points_as_the_bar_asks_for() -> None:
    assert len(points_of("server")) >= 8
    assert len(points_of("broker")) >= 9
    assert len(points_of("agent")) >= 10


@pytest.mark.parametrize("point", POINTS.values(), ids=lambda point: point.name)
def test_a_point_is_a_function_of_the_product(point: Point) -> None:
    owner, name = owner_of(point)
    parameters = inspect.signature(getattr(owner, name)).parameters.values()
    positional = [each for each in parameters if each.kind is each.POSITIONAL_OR_KEYWORD]
    inspect.signature(point.only).bind(*positional)  # it takes what the function takes
    assert point.meaning.endswith(".")
    assert not point.after or POINTS[point.after].process == point.process


def test_an_order_is_carried_out_once_at_its_pass_then_the_next_one(tmp_path: Path) -> None:
    died: list[str] = []
    path = tmp_path / "server.orders"
    orders = Orders(path, lambda: died.append(path.with_suffix(".reached").read_text()))
    orders.passes("a")
    path.write_text("a 2\nb 1\n")
    for point in ("a", "b", "a"):
        orders.passes(point)
    assert died == ["a 2\n"]
    for point in ("a", "b", "b", "a"):
        orders.passes(point)
    assert died == ["a 2\n", "a 2\nb 1\n"]
    assert not path.exists()


@pytest.mark.parametrize("side", Side)
async def test_a_point_lies_before_or_after_its_function_and_only_where_it_is_meant(tmp_path: Path, side: Side) -> None:
    seen: list[str] = []
    orders = Orders(tmp_path / "it.orders", lambda: seen.append("died"))
    (tmp_path / "it.orders").write_text("point 1\n")
    point = Point("point", "", "", side, only=lambda number: number == 2)

    async def work(number: int) -> int:
        seen.append(f"worked {number}")
        return number

    wrapped = deadly(point, work, orders)
    assert [await wrapped(1), await wrapped(2)] == [1, 2]
    expected = ["worked 1", "died", "worked 2"] if side is Side.BEFORE else ["worked 1", "worked 2", "died"]
    assert seen == expected
