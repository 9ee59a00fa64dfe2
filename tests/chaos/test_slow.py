"""R11 and R13 in short, one fleet for both."""

from collections.abc import Iterator

import pytest

from tests.chaos.crowd import Plan
from tests.chaos.detection import detection_trials
from tests.chaos.fleet import ChaosFleet, running_chaos
from tests.chaos.slow import slow_chaos
from tests.chaos.test_embedded import kept

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChaosFleet]:
    with running_chaos(tmp_path_factory.mktemp("slow"), "embedded", brokers=1) as fleet:
        fleet.add_parrot()
        yield fleet


async def test_a_browser_that_stalls_and_a_frozen_agent_stop_nobody_else(fleet: ChaosFleet) -> None:
    report = await slow_chaos(fleet, Plan(131, freeze_s=(4, 4)))
    kept(report, faults=1)
    assert report.numbers["for_the_frozen_agent"] > 0


async def test_who_is_gone_and_what_has_died_is_seen(fleet: ChaosFleet) -> None:
    report = await detection_trials(fleet, Plan(111, faults=1), freezing=False)
    print(report.line())
    assert not report.problems, report.line()
    assert len(report.numbers["seen_s"]) == 3
