"""A server to join, and agents to run in this process."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from muster_agent import Agent, AgentSettings, load_settings, run_agent
from muster_agent.inbox import transport
from tests.agent.fake_server import FakeServer
from tests.agent.talk import Talk
from tests.agent.waiting import until

Running = Callable[..., AbstractAsyncContextManager[Talk]]


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What the developer's shell happens to export is not part of a test."""
    for name in ("MUSTER_SERVER", "MUSTER_JOIN", "MUSTER_AGENT_NAME", "MUSTER_STATE_DIR", "MISTRAL_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[FakeServer]:
    """A server without agents."""
    fake = FakeServer(tmp_path)
    await fake.start()
    yield fake
    await fake.stop()


@pytest.fixture
def settings_for(server: FakeServer, tmp_path: Path) -> Callable[..., AgentSettings]:
    """Make settings for an agent of `server`."""

    def make(**values: Any) -> AgentSettings:
        (tmp_path / "work").mkdir(exist_ok=True)
        return load_settings(
            **{
                "server": server.address, "join": server.join_token, "state_dir": tmp_path / "state",
                "workdir": tmp_path / "work", "log_level": "debug", "grace_s": 2.0, **values,
            }
        )  # fmt: skip

    return make


@pytest.fixture
def running(server: FakeServer, settings_for: Callable[..., AgentSettings]) -> Running:
    """Run an agent: `async with running(agent) as talk:`. It is stopped cleanly at the end."""

    @asynccontextmanager
    async def run(agent: Agent, **values: Any) -> AsyncIterator[Talk]:
        stop = asyncio.Event()
        open_bus = values.pop("open_bus", transport.open_bus)
        task = asyncio.create_task(run_agent(settings_for(**values), agent, stop=stop, open_bus=open_bus))
        try:
            await until(lambda: task.done() or (server.beats and server.beats[-1].consumer_attached), what="attached")
            if task.done():
                task.result()
            async with Talk(server.bus, next(iter(server.keys.values())), server.partitions) as talk:
                yield talk
        finally:
            stop.set()
            await asyncio.wait_for(task, 20)

    return run
