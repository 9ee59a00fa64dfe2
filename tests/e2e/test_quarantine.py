"""A person sees that an agent was cut off, and why, and lets it back in."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from muster_messaging.message import Message
from muster_messaging.topology import TO_BROKER, partition_of
from tests.e2e.fleet import Fleet, running_fleet
from tests.e2e.person import PHONE, Person
from tests.e2e.waiting import until
from tests.server.puppet import puppet


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Where senders are verified: the relay does that."""
    with running_fleet(tmp_path_factory.mktemp("fleet"), "embedded") as running:
        for name in ("ann", "bob"):
            running.add(name, kind="echo")
        yield running


async def forge(address: str, token: str, folder: Path) -> None:
    """Send three messages through a partition that is not theirs."""
    wrong = next(f"p{number}" for number in range(4) if number != partition_of("cnv_x", 4))
    async with puppet(address, token, folder, "rogue") as agent:
        bus = await agent.bus()
        for number in range(3):
            await bus.publish(TO_BROKER, wrong, Message(f"msg_{number}", "run.events", conversation="cnv_x"))
        async with asyncio.timeout(30):
            await bus.wait_refused()
        await bus.close()


@pytest.mark.parametrize("size", [{}, PHONE], ids=["wide", "phone"])
def test_a_quarantined_agent_is_shown_with_the_reason_and_released_by_a_button(
    fleet: Fleet, browser: Browser, tmp_path: Path, size: dict[str, object]
) -> None:
    token = fleet.join_token("agent", "rogue")
    with ThreadPoolExecutor(1) as elsewhere:
        elsewhere.submit(lambda: asyncio.run(forge(fleet.grpc_address, token, tmp_path))).result()
    person = Person(browser, fleet, **size)
    try:
        person.log_in()
        cell = person.cell("rogue")
        expect(cell.get_by_test_id("state-word")).to_have_text("quarantined")
        expect(cell).to_contain_text("It forged 3 times")

        cell.get_by_role("link", name="rogue").click()
        note = person.page.get_by_role("region", name="Quarantine")
        expect(note).to_contain_text("Cut off for forging by broker-1")
        expect(note).to_contain_text("which is not its conversation's")
        note.get_by_role("button", name="Release rogue").click()

        expect(note).to_have_count(0)
        expect(person.page.get_by_test_id("state-word").first).not_to_have_text("quarantined")
        assert fleet.state_of("rogue") != "quarantined"
    finally:
        with fleet.api() as api:
            api._ask("DELETE", f"/api/v1/agents/{fleet.agent_id('rogue')}")
        until(lambda: fleet.agent("rogue") is None, 20, "rogue is retired")
        person.close()
