"""The queues from the command line: the same figures as in the console."""

import asyncio
from pathlib import Path

from muster_cli.connection import TOKEN_FILE, Announcement, Connection
from muster_shared_models.queues import QueueRole, QueueView
from tests.cli.conftest import Here
from tests.cli.stack import Up
from tests.server.puppet import puppet


def test_queues_are_listed_for_people_and_for_programs(muster: Here) -> None:
    views = [QueueView.model_validate(each) for each in muster.objects("queues")]
    assert {view.role for view in views} == set(QueueRole)
    agents = {view.agent_name: view for view in views if view.role is QueueRole.AGENT}
    assert (agents["echo"].consumers, agents["echo"].bound, agents["echo"].name.startswith("agent_queue_agt_")) == (
        1, 1000, True,
    )  # fmt: skip
    assert None not in {view.rate_in for view in views}

    shown = muster("queues")
    assert (shown.code, shown.err) == (0, "")
    head, *rows = shown.out.splitlines()
    assert head.split() == ["QUEUE", "AGENT", "DEPTH", "BOUND", "UNACKED", "IN/S", "OUT/S", "CONSUMERS", "DEAD"]
    assert [row.split()[0] for row in rows] == [view.name for view in views]
    assert "nobody" not in shown.out


async def join(address: str, token: str, folder: Path) -> None:
    async with puppet(address, token, folder, "absent"):
        pass


def test_a_queue_that_nobody_takes_from_is_pointed_out(running: Up, muster: Here, tmp_path: Path) -> None:
    [made] = muster.objects("token", "create")
    announced = Announcement.read(running.data)
    assert announced is not None
    asyncio.run(join(announced.grpc_address, str(made["token"]), tmp_path))

    rows = muster("queues").out.splitlines()
    assert [row.split()[1] for row in rows if "nobody" in row] == ["absent"]
    [absent] = [each["id"] for each in muster.objects("agents") if each["description"]["name"] == "absent"]
    with Connection(announced.url, (running.data / TOKEN_FILE).read_text().strip()) as server:
        server._ask("DELETE", f"/api/v1/agents/{absent}")
