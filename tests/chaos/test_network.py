"""R9 in short: cuts at random bytes of every link, a moment of each kind of slow line. RabbitMQ: in the long form."""

from pathlib import Path

import pytest

from tests.chaos.crowd import Plan
from tests.chaos.links import running_links
from tests.chaos.network import LASTING, network_chaos
from tests.chaos.test_embedded import kept

pytestmark = pytest.mark.long

BRIEFLY = tuple(way._replace(lasts_s=0.4) for way in LASTING)


async def test_cut_and_slow_links_lose_nothing(tmp_path: Path) -> None:
    with running_links(tmp_path, "embedded", seed=91, brokers=1) as fleet:
        report = await network_chaos(fleet, Plan(91, faults=1, pause_s=(0.05, 0.2)), BRIEFLY)
    kept(report, faults=3 * (1 + len(BRIEFLY)))
