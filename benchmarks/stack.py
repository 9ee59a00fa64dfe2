"""A whole Muster for measuring: server, broker and echo as processes of their own, in a folder of its own."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from muster_cli.connection import ANNOUNCEMENT, Announcement, Connection
from muster_shared_models.system import JoinToken, NewJoinToken

__all__ = ["Stack", "beside_cpu_s", "running_stack"]

START_TIMEOUT_S = 40.0
MUSTER = ("-m", "muster_cli.main")


@dataclass
class Stack:
    """Running processes; `started_s` says how long each took from its start until it was of use."""

    folder: Path
    url: str
    token: str
    grpc_address: str = ""
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    started_s: dict[str, float] = field(default_factory=dict)

    def connect(self) -> Connection:
        """Return a client."""
        return Connection(self.url, self.token)

    def memory_mib(self) -> dict[str, float]:
        """Return the resident memory of each process."""
        return {name: psutil.Process(process.pid).memory_info().rss / 2**20 for name, process in self.processes.items()}

    def cpu_s(self) -> dict[str, float]:
        """Return the processor seconds that each process has used."""
        return {name: sum(psutil.Process(process.pid).cpu_times()[:2]) for name, process in self.processes.items()}


def _start(stack: Stack, name: str, arguments: list[str], environment: dict[str, str]) -> None:
    log = (stack.folder / f"{name}.log").open("wb")
    stack.processes[name] = subprocess.Popen(
        [sys.executable, *arguments],
        env={**os.environ, "MUSTER_LOG_LEVEL": "warning", **environment},
        stdout=log,
        stderr=subprocess.STDOUT,
        cwd=stack.folder,
    )


def _wait(what: str, condition: Callable[[], bool], stack: Stack) -> float:
    began = time.monotonic()
    while time.monotonic() - began < START_TIMEOUT_S:
        if condition():
            return time.monotonic() - began
        for name, process in stack.processes.items():
            if process.poll() is not None:
                log = (stack.folder / f"{name}.log").read_text(errors="replace")
                raise SystemExit(f"{name} ended with {process.returncode}:\n{log[-3000:]}")
        time.sleep(0.02)
    raise SystemExit(f"{what} did not come within {START_TIMEOUT_S:.0f} s; see {stack.folder}")


@contextlib.contextmanager
def running_stack(
    folder: Path, bus: str, *, brokers: int = 1, agent: str = "echo", script: Path | None = None, agents: int = 1
) -> Iterator[Stack]:
    """Start everything on `bus` (embedded or an amqp URL), yield, stop everything.

    `agent` is a built-in one, or with `script` a program of one's own, started `agents` times as agent-1, agent-2, ...
    """
    stack = Stack(folder, "", "")
    try:
        _start(
            stack,
            "server",
            [*MUSTER, "server", "--data-dir", str(folder), "--bus", bus, "--http-port", "0", "--grpc-port", "0"],
            {},
        )
        stack.started_s["server"] = _wait("the server", (folder / ANNOUNCEMENT).exists, stack)
        announced = None
        while announced is None:
            announced = Announcement.read(folder)
        stack.url, stack.grpc_address = announced.url, announced.grpc_address
        stack.token = (folder / "admin.token").read_text().strip()
        with stack.connect() as connection:
            for number in range(1, brokers + 1):
                _start_broker(stack, connection, number)
            stack.started_s["broker"] = _wait("the broker", lambda: _routes(connection, brokers), stack)
            for name in [agent] if script is None else [f"{agent}-{number}" for number in range(1, agents + 1)]:
                start_agent(stack, connection, name, script)
            stack.started_s[agent] = _wait("the agent", lambda: _idle(connection) >= agents, stack)
        yield stack
    finally:
        for process in reversed(stack.processes.values()):
            process.terminate()
        for process in stack.processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(15)
            if process.poll() is None:
                process.kill()
                process.wait()


def _start_broker(stack: Stack, connection: Connection, number: int) -> None:
    token = JoinToken.model_validate(connection.post("/api/v1/join-tokens", NewJoinToken(kind="broker"))).token
    environment = {
        "MUSTER_SERVER": stack.grpc_address,
        "MUSTER_JOIN": token,
        "MUSTER_BROKER_NAME": f"broker-{number}",
        "MUSTER_BROKER_STATE_DIR": str(stack.folder / f"broker-{number}"),
    }
    _start(stack, f"broker-{number}", [*MUSTER, "broker"], environment)


def start_agent(stack: Stack, connection: Connection, name: str, script: Path | None = None) -> None:
    """Start a built-in agent, or a program of one's own."""
    token = JoinToken.model_validate(connection.post("/api/v1/join-tokens", NewJoinToken(name=name))).token
    environment = {
        "MUSTER_SERVER": stack.grpc_address,
        "MUSTER_JOIN": token,
        "MUSTER_STATE_DIR": str(stack.folder / f"agent-{name}"),
        "MUSTER_AGENT_WORKDIR": str(stack.folder),
        "MUSTER_AGENT_NAME": name,
    }
    command = [str(script)] if script else [*MUSTER, "agent", name]
    _start(stack, name, command, environment)


def _routes(connection: Connection, brokers: int) -> bool:
    views = connection.get("/api/v1/system")["brokers"]
    return sum(view["connected"] for view in views) >= brokers


def _idle(connection: Connection) -> int:
    views = connection.get("/api/v1/agents")["items"]
    return sum(view["presence"]["consumer"]["state"] == "holds" for view in views)


def beside_cpu_s() -> dict[str, float]:
    """Return the processor seconds of this client and of RabbitMQ, if it runs."""
    me = psutil.Process()
    erlang = [child for child in me.children(recursive=True) if child.name().startswith("beam")]
    seconds = {"client": sum(me.cpu_times()[:2])}
    return seconds | ({"rabbitmq": sum(sum(one.cpu_times()[:2]) for one in erlang)} if erlang else {})
