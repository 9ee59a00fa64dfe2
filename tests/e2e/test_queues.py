"""The queues, and what nobody could take: seen, mended, sent again or dropped from the page."""

import asyncio
import re
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pytest
from playwright.sync_api import Locator, expect

from muster_shared_models.bodies import CHAT
from muster_shared_models.conversations import SendMessage
from tests.e2e.conftest import Newcomer
from tests.e2e.fleet import Fleet
from tests.e2e.person import PHONE, Person
from tests.server.puppet import puppet

T = TypeVar("T")

MESSAGES = 7
DEADLINE_S = 30


@pytest.fixture(scope="module", autouse=True)
def agents(fleet: Fleet) -> None:
    fleet.add("mortal", kind="echo")


class Picky:
    """An agent of the test's own: it rejects everything until it is told to take it."""

    def __init__(self, fleet: Fleet, folder: Path) -> None:
        self._fleet = fleet
        self._folder = folder
        self._token = fleet.join_token("agent", "picky")

    def reject(self, *texts: str) -> None:
        _elsewhere(self._reject(texts))

    def take(self) -> str:
        """The text of the next message."""
        return _elsewhere(self._take())

    async def _reject(self, texts: tuple[str, ...]) -> None:
        async with puppet(self._fleet.grpc_address, self._token, self._folder, "picky") as agent:
            bus = await agent.bus()
            inbox = await bus.subscribe(agent.registered.queue, 1)
            for text in texts:
                await asyncio.to_thread(
                    self._fleet.post, "/api/v1/messages", SendMessage(text=text, to=f"agent:{agent.id}")
                )
                async with asyncio.timeout(DEADLINE_S):
                    [delivery] = await inbox.next_batch()
                inbox.reject(delivery.tag)
            await bus.close()

    async def _take(self) -> str:
        async with puppet(self._fleet.grpc_address, self._token, self._folder, "picky") as agent:
            bus = await agent.bus()
            inbox = await bus.subscribe(agent.registered.queue, 1)
            async with asyncio.timeout(DEADLINE_S):
                [delivery] = await inbox.next_batch()
            inbox.ack([delivery.tag])
            await bus.close()
            return CHAT.validate_json(delivery.message.body).text


def _elsewhere(work: Coroutine[Any, Any, T]) -> T:
    """Run it in a thread of its own: Playwright's event loop has this one."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, work).result()


@pytest.fixture
def picky(fleet: Fleet, tmp_path: Path) -> Any:
    yield Picky(fleet, tmp_path)
    with fleet.api() as api:
        api._ask("DELETE", f"/api/v1/agents/{fleet.agent_id('picky')}")
    fleet.post("/api/v1/dead-letters/drop")


def row(person: Person, name: str) -> Locator:
    return person.page.get_by_test_id("queue-row").filter(has_text=name)


def letters(person: Person) -> Locator:
    return person.page.get_by_test_id("letter-row")


def test_a_dead_letter_is_mended_and_sent_again(fleet: Fleet, person: Person, picky: Picky) -> None:
    person.page.keyboard.press("g")
    person.page.keyboard.press("q")
    expect(person.page.get_by_test_id("room")).to_contain_text("No dead letters wait")
    expect(person.page.get_by_test_id("waiting-badge")).to_have_count(0)

    picky.reject("a tpyo")
    expect(letters(person)).to_have_count(1)
    expect(letters(person)).to_contain_text("rejected")
    expect(row(person, "picky").get_by_role("button")).to_have_text("1")
    expect(person.page.get_by_test_id("waiting-badge")).to_contain_text("1")

    person.page.keyboard.press("j")
    person.page.keyboard.press("Enter")
    sheet = person.page.get_by_role("dialog")
    expect(sheet.get_by_role("heading", name="Its receiver could not read it")).to_be_visible()
    expect(sheet.get_by_test_id("letter-body")).to_contain_text('"text": "a tpyo"')
    sheet.get_by_role("button", name="Edit").click()
    expect(sheet.get_by_role("textbox", name="Send it to")).to_be_disabled()
    body = sheet.get_by_role("textbox", name="Body")
    body.fill(body.input_value().replace("tpyo", "typo"))
    sheet.get_by_role("button", name="Save").click()
    expect(sheet.get_by_test_id("letter-body")).to_contain_text('"text": "a typo"')
    sheet.get_by_role("button", name="Replay this message").click()
    expect(sheet).to_contain_text("sent it again")
    sheet.get_by_role("button", name="Close").click()

    expect(letters(person)).to_have_count(0)
    assert picky.take() == "a typo"
    person.button("replayed").click()
    expect(letters(person)).to_contain_text("replayed by admin")


def test_many_are_dropped_after_a_question(fleet: Fleet, newcomer: Newcomer, picky: Picky) -> None:
    phone = newcomer(**PHONE).log_in()
    picky.reject("one", "two", "three")
    phone.page.get_by_role("navigation", name="Pages").get_by_role("link", name="Queues").tap()
    expect(letters(phone)).to_have_count(3)
    assert not phone.has_sideways_scroll()

    letters(phone).first.get_by_role("checkbox").check()
    phone.button("Drop 1…").tap()
    phone.button("Drop 1 message").tap()
    expect(letters(phone)).to_have_count(2)
    phone.button("Drop all 2…").tap()
    phone.button("Drop 2 messages").tap()
    expect(phone.page.get_by_test_id("room")).to_contain_text("No dead letters wait")
    phone.button("dropped").tap()
    expect(letters(phone).filter(has_text="agent_queue_picky")).to_have_count(3)
    letters(phone).first.get_by_role("button").tap()
    expect(phone.page.get_by_role("dialog")).to_contain_text("dropped it")
    assert not phone.has_sideways_scroll()


def test_the_queue_of_a_killed_agent_grows_and_nobody_takes_from_it(fleet: Fleet, person: Person) -> None:
    person.page.goto("/queues")
    mortal = row(person, "mortal")
    expect(mortal.get_by_test_id("queue-consumers")).to_have_text("1")
    expect(mortal.get_by_test_id("queue-depth").locator("b")).to_have_text("0")

    fleet.processes["mortal"].kill()
    for number in range(MESSAGES):
        fleet.post("/api/v1/messages", SendMessage(text=str(number), to="agent:mortal"))
    expect(mortal.get_by_test_id("queue-depth").locator("b")).to_have_text(str(MESSAGES))
    expect(mortal.get_by_test_id("queue-consumers")).to_have_text("0")
    expect(mortal.get_by_test_id("queue-note")).to_have_text(re.compile("^no consumer"))
    expect(mortal).to_have_attribute("data-tone", "bad")

    fleet.processes["mortal"].start()
    expect(mortal.get_by_test_id("queue-depth").locator("b")).to_have_text("0")
    expect(mortal.get_by_test_id("queue-consumers")).to_have_text("1")
    expect(mortal).to_have_attribute("data-tone", "plain")
