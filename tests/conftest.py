"""What every test may use: an event loop, and the servers that tests need, provided once a session."""

import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.provision.chromium import chromium_provision
from tests.provision.postgres import TestPostgres, postgres_provision
from tests.provision.provisions import Provision, missing
from tests.provision.rabbitmq import TestRabbit, rabbitmq_provision

#: Marker -> (fixture, what stands behind it).
PROVISIONS: dict[str, tuple[str, Provision[Any]]] = {
    "rabbitmq": ("rabbitmq", rabbitmq_provision),
    "postgres": ("postgres", postgres_provision),
    "browser": ("chromium", chromium_provision),
}


# In the background of a shell Ctrl-C is ignored, by the programs that tests start as well; some tests press it.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, object]]:
    """Tests run on asyncio, in its debug mode."""
    return "asyncio", {"debug": True}


@pytest.fixture(scope="session")
def rabbitmq() -> TestRabbit:
    """The session's RabbitMQ; take a vhost of your own by `rabbitmq_url` unless you need more."""
    return rabbitmq_provision.get()


@pytest.fixture
def rabbitmq_url(rabbitmq: TestRabbit) -> Iterator[str]:
    """The AMQP address of an empty vhost."""
    url = rabbitmq.new_vhost()
    yield url
    rabbitmq.drop_vhost(url)


@pytest.fixture(scope="session")
def postgres() -> TestPostgres:
    """The session's PostgreSQL; take a database of your own by `postgres_url` unless you need more."""
    return postgres_provision.get()


@pytest.fixture
def postgres_url(postgres: TestPostgres) -> Iterator[str]:
    """The address of an empty database: postgresql://..."""
    url = postgres.new_database()
    yield url
    postgres.drop_database(url)


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The browser's program."""
    return chromium_provision.get()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by what they use, so that `-m "not rabbitmq"` means what it says."""
    for item in items:
        for marker, (fixture, _) in PROVISIONS.items():
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(marker)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Start what the chosen tests need, while the first of them already run."""
    if session.config.option.collectonly:
        return
    for marker, (_, provision) in PROVISIONS.items():
        if any(item.get_closest_marker(marker) for item in session.items):
            provision.begin()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker tells the one that reports what it went without."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["missing"] = missing


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Hear it. A worker that crashed says nothing."""
    missing.update(getattr(node, "workeroutput", {}).get("missing", {}))


def pytest_unconfigure() -> None:
    """End what was started, whatever became of the tests."""
    for _, provision in PROVISIONS.values():
        provision.end()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: Any) -> Generator[None]:
    """Say loudly, and last, what was missing: a report that left things out must not look like one that did not."""
    yield
    if missing:
        terminalreporter.section("NOT TESTED", sep="!", red=True, bold=True)
    ended = [report for kind in ("skipped", "error", "failed") for report in terminalreporter.stats.get(kind, ())]
    for name, reason in missing.items():
        tests = sum(f"{name} is not available" in str(report.longrepr) for report in ended)
        terminalreporter.write_line(f"{name}: {tests} tests did not run. {reason}", red=True)
