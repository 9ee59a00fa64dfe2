"""Agents as real processes."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil

from tests.agent.fake_server import FakeServer
from tests.agent.talk import Talk
from tests.agent.waiting import until

Process = subprocess.Popen[bytes]


def start_agent(script: str, server: FakeServer, folder: Path, **environment: str) -> Process:
    """Start a script that runs an agent; its log goes to agent.log."""
    path = folder / "agent_script.py"
    path.write_text(script)
    (folder / "work").mkdir(exist_ok=True)
    variables = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "MUSTER_SERVER": server.address,
        "MUSTER_JOIN": server.join_token,
        "MUSTER_STATE_DIR": str(folder / "state"),
        "MUSTER_AGENT_WORKDIR": str(folder / "work"),
        "MUSTER_LOG_LEVEL": "debug",
        **environment,
    }
    with (folder / "agent.log").open("ab") as log:
        return subprocess.Popen([sys.executable, "-W", "error", str(path)], env=variables, stderr=log, stdout=log)


async def attached(server: FakeServer, folder: Path, process: Process) -> str:
    """Return the agent's id once it takes messages."""
    log = folder / "agent.log"
    await until(
        lambda: process.poll() is not None or (server.beats and server.beats[-1].consumer_attached),
        30, "the agent is attached",
    )  # fmt: skip
    assert process.poll() is None, log.read_text()
    return next(iter(server.keys.values()))


async def ended(process: Process, timeout_s: float = 20.0) -> int:
    """Return the exit code once the process has ended."""
    await until(lambda: process.poll() is not None, timeout_s, "the end of the process")
    return int(process.returncode)


def kill(process: Process) -> None:
    """Kill it, as a crash would."""
    process.send_signal(signal.SIGKILL)
    process.wait(10)


@asynccontextmanager
async def agent_process(
    script: str, server: FakeServer, folder: Path, **environment: str
) -> AsyncIterator[tuple[Process, Talk]]:
    """Run an agent for as long as the context lasts."""
    process = start_agent(script, server, folder, **environment)
    try:
        agent_id = await attached(server, folder, process)
        async with Talk(server.bus, agent_id, server.partitions) as talk:
            yield process, talk
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                await ended(process)
            finally:
                if process.poll() is None:
                    kill(process)


def bearing(mark: str) -> list[int]:
    """Return the living processes with this text in their command line or environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() == psutil.STATUS_ZOMBIE or process.pid == os.getpid():
                continue
            texts: list[Any] = [*process.cmdline(), *process.environ().values()]
        except psutil.Error:
            continue
        if any(mark in text for text in texts):
            found.append(process.pid)
    return found


async def wait_exit(pid: int) -> None:
    """Return when no such process lives."""
    await until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
