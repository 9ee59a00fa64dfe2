"""R10 in short: a full disk, a journal that somebody else holds, and RabbitMQ's memory alarm, for some seconds each."""

from pathlib import Path

import pytest

from tests.chaos import shortage
from tests.chaos.alarms import can_alarm
from tests.chaos.crowd import Plan
from tests.chaos.fleet import running_chaos
from tests.chaos.test_embedded import kept
from tests.provision.provisions import go_without
from tests.provision.rabbitmq import TestRabbit

pytestmark = pytest.mark.long


async def test_what_a_full_disk_and_a_held_queue_journal_do_not_take_is_refused_or_waits(tmp_path: Path) -> None:
    with shortage.running_on_small_disk(tmp_path, "embedded") as (fleet, disk):
        fleet.add_parrot()
        wanting = [*disk, shortage.locks(fleet)[-1]]
        report = await shortage.shortage_chaos(fleet, Plan(101, freeze_s=(2, 2), window=6), wanting)
    kept(report, faults=len(wanting))
    if not disk:
        pytest.skip("a full disk was left out: mounting a tmpfs is not allowed here")


async def test_what_rabbitmq_does_not_take_waits_where_people_see_it(rabbitmq: TestRabbit, tmp_path: Path) -> None:
    if not can_alarm(rabbitmq.node):
        go_without("an alarm of RabbitMQ", "the one that was given is not ours to alarm")
    url = rabbitmq.new_vhost()
    with running_chaos(tmp_path, url, brokers=1) as fleet:
        fleet.add_parrot()
        alarms = shortage.alarms(rabbitmq.node)[:1]  # the other one takes ten seconds to be noticed
        report = await shortage.shortage_chaos(fleet, Plan(102, freeze_s=(2, 2), window=6), alarms)
    rabbitmq.drop_vhost(url)
    kept(report, faults=1)
