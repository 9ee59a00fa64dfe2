"""Real processes, a real browser: what the end-to-end tests share, and what a failed one leaves behind to look at."""

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.e2e.fleet import Fleet, running_fleet
from tests.e2e.person import Person

CHROMIUM_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
]  # fmt: skip
BUSES = ["embedded", pytest.param("rabbitmq", marks=pytest.mark.rabbitmq)]

Newcomer = Callable[..., Person]


@pytest.fixture(scope="module", params=BUSES)
def bus(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each test runs on the embedded queue server, then on an empty vhost of a RabbitMQ."""
    if request.param == "embedded":
        yield "embedded"
        return
    rabbit = request.getfixturevalue("rabbitmq")
    url = rabbit.new_vhost()
    yield url
    rabbit.drop_vhost(url)


@pytest.fixture(scope="module")
def fleet(bus: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Server and broker, shared by a module's tests; each test adds the agents that it needs."""
    with running_fleet(tmp_path_factory.mktemp("fleet"), bus) as fleet:
        yield fleet


# A module's, not the session's: as long as Playwright's own event loop exists, no other test can run one.
@pytest.fixture(scope="module")
def browser(chromium: Path) -> Iterator[Browser]:
    """A Chromium without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def newcomer(browser: Browser, fleet: Fleet) -> Iterator[Newcomer]:
    """Makes people with a browser of their own each, who are not logged in."""
    with ExitStack() as people:

        def make(**options: Any) -> Person:
            person = Person(browser, fleet, **options)
            people.callback(person.close)
            return person

        yield make


@pytest.fixture
def person(newcomer: Newcomer) -> Person:
    """Somebody who is logged in, on the fleet page."""
    return newcomer().log_in()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failure the last lines of every process, and where the page's picture is."""
    report = yield
    if report.failed and report.when == "call":
        found = getattr(item, "funcargs", {})
        if fleet := found.get("fleet"):
            report.sections += [(f"log of {name}", one.tail()) for name, one in fleet.processes.items()]
        if person := found.get("person"):
            picture = fleet.folder / f"{item.name}.png"
            person.page.screenshot(path=picture)
            report.sections.append(("page", f"{person.page.url}\n{picture}\n{person.page.inner_text('body')}"))
    return report
