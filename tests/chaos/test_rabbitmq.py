"""The short forms of the bars that a RabbitMQ makes a difference to."""

from collections.abc import Iterator

import pytest

from tests.chaos import killing
from tests.chaos.crowd import Plan
from tests.chaos.fleet import ChaosFleet, running_chaos
from tests.chaos.test_embedded import kept
from tests.provision.provisions import go_without
from tests.provision.rabbitmq import TestRabbit


@pytest.fixture(scope="module")
def fleet(rabbitmq: TestRabbit, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChaosFleet]:
    url = rabbitmq.new_vhost()
    with running_chaos(tmp_path_factory.mktemp("chaos"), url) as fleet:
        fleet.add_parrot()
        yield fleet
    rabbitmq.drop_vhost(url)


async def test_killed_and_stopped_brokers_lose_nothing(fleet: ChaosFleet) -> None:
    kept(await killing.router_chaos(fleet, Plan(22, faults=2)), faults=2)


async def test_a_killed_queue_server_loses_nothing(fleet: ChaosFleet, rabbitmq: TestRabbit) -> None:
    if rabbitmq.node is None:
        go_without("RabbitMQ", "the one that was given is not ours to kill")
    assert rabbitmq.node is not None
    kept(await killing.queue_server_chaos(fleet, Plan(31, faults=1), rabbitmq.node), faults=1)


async def test_killed_agents_do_nothing_twice(fleet: ChaosFleet) -> None:
    kept(await killing.agent_chaos(fleet, Plan(62, faults=1)), faults=1)
