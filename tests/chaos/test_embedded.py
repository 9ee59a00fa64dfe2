"""The short forms of the bars on the embedded queue server: one fleet of real processes, one thing after another."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos import commanding, cutting, killing, ownership, poison, storm
from tests.chaos.crowd import Plan, Report
from tests.chaos.fleet import ChaosFleet, running_chaos

STORMY = Path(__file__).with_name("stormy_broker.py")


def kept(report: Report, *, faults: int = 0) -> None:
    """Every promise was kept, and what was to go wrong did go wrong."""
    print(report.line())
    assert not report.problems, report.line()
    assert sum(report.numbers.get("faults", {}).values()) == faults
    if "sent" in report.numbers:
        assert report.numbers["accepted"] == report.numbers["sent"] > 0


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChaosFleet]:
    with running_chaos(tmp_path_factory.mktemp("chaos"), "embedded") as fleet:
        fleet.add_parrot()
        yield fleet


async def test_a_socket_that_is_cut_at_every_event_misses_nothing(fleet: ChaosFleet) -> None:
    report = await cutting.resume_chaos(fleet, Plan(71, messages=10, faults=5, pause_s=(0.05, 0.2)))
    kept(report, faults=5)
    assert report.numbers["reconnects"] > 2 * 20


async def test_poison_is_put_aside_and_nothing_good_is_hurt(fleet: ChaosFleet) -> None:
    report = await poison.poison_chaos(fleet, Plan(121, faults=2, pause_s=(0.0, 0.05)))
    kept(report)
    assert report.numbers["poison"] == 2 * len(poison.KINDS)


async def test_a_name_that_a_hundred_want_goes_to_one(fleet: ChaosFleet) -> None:
    report = await ownership.name_races(fleet, Plan(151, faults=1))
    kept(report)
    assert report.numbers == {"registrations": 100, "winners": 1}


async def test_killed_stopped_and_frozen_brokers_lose_nothing(fleet: ChaosFleet) -> None:
    report = await killing.router_chaos(fleet, Plan(21, faults=3, freeze_s=(5, 5.2)))
    kept(report, faults=3)
    assert report.numbers["grown"] > 0, "no answer was ever seen before it was complete"


async def test_killed_agents_do_nothing_twice(fleet: ChaosFleet) -> None:
    report = await killing.agent_chaos(fleet, Plan(61, faults=2))
    kept(report, faults=2)
    assert report.numbers["executed"] > 0


async def test_a_killed_server_loses_nothing(fleet: ChaosFleet) -> None:
    report = await killing.server_chaos(fleet, Plan(51, faults=1))
    kept(report, faults=1)
    assert report.numbers["reconnects"] >= 3


async def test_a_storm_of_doubles_swaps_and_delays_is_not_seen(tmp_path: Path) -> None:
    with running_chaos(tmp_path, "embedded", brokers=1, script=STORMY) as fleet:
        fleet.add_parrot()
        kept(await storm.storm_chaos(fleet, Plan(81, messages=12, chats=4, window=3)))


def test_a_data_directory_that_three_servers_want_goes_to_one(tmp_path: Path) -> None:
    report = ownership.server_races(tmp_path, Plan(152, faults=1))
    kept(report)
    assert report.numbers == {"server_starts": 3, "winners": 1}


@pytest.mark.long
async def test_commands_and_stops_end_once_whoever_dies(fleet: ChaosFleet) -> None:
    report = await commanding.command_chaos(fleet, Plan(66, messages=4, faults=5, freeze_s=(2, 3), deadline_s=180))
    kept(report, faults=5)
    assert report.numbers["stops"] > 0
