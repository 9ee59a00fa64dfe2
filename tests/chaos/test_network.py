"""R9 in short: some cuts at random bytes of every link, and a moment of each kind of slow line."""

from pathlib import Path

from tests.chaos.crowd import Plan
from tests.chaos.links import running_links
from tests.chaos.network import LASTING, network_chaos
from tests.chaos.test_embedded import kept
from tests.provision.rabbitmq import TestRabbit

BRIEFLY = tuple(way._replace(lasts_s=0.7) for way in LASTING)


async def test_cut_and_slow_links_lose_nothing(tmp_path: Path) -> None:
    with running_links(tmp_path, "embedded", seed=91, brokers=1) as fleet:
        report = await network_chaos(fleet, Plan(91, faults=2, pause_s=(0.05, 0.3)), BRIEFLY)
    kept(report, faults=3 * (2 + len(BRIEFLY)))


async def test_cut_links_to_rabbitmq_lose_nothing(rabbitmq: TestRabbit, tmp_path: Path) -> None:
    url = rabbitmq.new_vhost()
    with running_links(tmp_path, url, seed=92, brokers=1) as fleet:
        report = await network_chaos(fleet, Plan(92, faults=2, pause_s=(0.05, 0.3)), ())
    rabbitmq.drop_vhost(url)
    kept(report, faults=6 * 2)
