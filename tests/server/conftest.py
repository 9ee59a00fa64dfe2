"""A real server in this process: real ports, real TLS, a real database on disk."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from muster_server.store.opening import open_store
from muster_server.store.store import Store
from tests.server.running import RunningServer, running_server


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[RunningServer]:
    """A server on SQLite and the embedded queue server, without brokers and agents."""
    async with running_server(tmp_path / "data") as running:
        yield running


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str:
    """Both kinds of database: empty means SQLite in the data directory."""
    return "" if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))


@pytest.fixture
async def store(database_url: str, tmp_path: Path) -> AsyncIterator[Store]:
    """An empty database with this version's tables."""
    opened = await open_store(database_url, tmp_path)
    yield opened
    await opened.close()
