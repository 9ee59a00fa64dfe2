"""A whole Muster of real processes on one queue server, started one by one: whoever is killed stays away until started.

Ports and folders are chosen once, so that a server that comes back is found where it was.
"""

import contextlib
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from muster_cli.connection import Connection
from muster_shared_models.problems import MusterError
from muster_shared_models.system import JoinToken, NewJoinToken
from tests.e2e.process import MUSTER, Process, run_muster
from tests.e2e.waiting import until

__all__ = ["Fleet", "running_fleet"]

START_TIMEOUT_S = 40.0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Fleet:
    """Server, broker and agents; the API with the administrator's key."""

    def __init__(self, folder: Path, bus: str, **environment: str) -> None:
        self.folder = folder
        self.processes: dict[str, Process] = {}
        self._http_port, self._grpc_port = _free_port(), _free_port()
        self.url = f"http://127.0.0.1:{self._http_port}"
        arguments = ["server", "--data-dir", str(folder), "--bus", bus]
        arguments += ["--http-port", str(self._http_port), "--grpc-port", str(self._grpc_port)]
        self.server = self._process("server", [*MUSTER, *arguments], environment)

    def _process(self, name: str, arguments: list[str], environment: dict[str, str]) -> Process:
        process = self.processes[name] = Process(name, arguments, environment, self.folder)
        return process

    def start(self) -> None:
        """Start server and broker; returns when messages can travel."""
        self.start_server()
        environment = {
            "MUSTER_SERVER": self.grpc_address,
            "MUSTER_JOIN": self.join_token("broker"),
            "MUSTER_BROKER_STATE_DIR": str(self.folder / "state" / "broker"),
        }
        self.broker = self._process("broker", [*MUSTER, "broker"], environment)
        self.start_broker()

    @property
    def grpc_address(self) -> str:
        return f"127.0.0.1:{self._grpc_port}"

    def start_server(self) -> None:
        self.server.start()
        self._until(self._answers, "the server answers", self.server)

    def start_broker(self) -> None:
        self.broker.start()
        self._until(self._routes, "the broker routes", self.server, self.broker)

    def add(self, name: str, *, kind: str = "", script: Path | None = None, wait: bool = True, **more: str) -> Process:
        """Start an agent: a built-in one (`kind`, by default as its name says) or a script that runs one."""
        environment = {
            "MUSTER_SERVER": self.grpc_address,
            "MUSTER_JOIN": self.join_token("agent", name),
            "MUSTER_STATE_DIR": str(self.folder / "state" / name),
            "MUSTER_AGENT_NAME": name,
            "MUSTER_AGENT_WORKDIR": str(self._workdir(name)),
            **more,
        }
        arguments = [str(script)] if script else [*MUSTER, "agent", kind or name, "--name", name]
        agent = self._process(name, arguments, environment)
        agent.start()
        if wait:
            self.wait_for(name, "idle")
        return agent

    def _workdir(self, name: str) -> Path:
        folder = self.folder / "work" / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def wait_for(self, name: str, state: str) -> None:
        """Return when the server sees the agent in this state."""
        needed = [self.server] if state == "lost" else [self.server, self.processes[name]]
        self._until(lambda: self.state_of(name) == state, f"{name} is {state}", *needed)

    def revive(self) -> None:
        """Start the server and the broker again where they have ended: a failed test must not fail the next ones."""
        if not self.server.is_running:
            self.start_server()
        if not self.broker.is_running:
            self.start_broker()

    def stop(self) -> None:
        """Stop all: agents first, while the broker still carries their answers."""
        for process in reversed(self.processes.values()):
            process.stop()

    # ---- the API -----------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def api(self) -> Iterator[Connection]:
        with Connection(self.url, (self.folder / "admin.token").read_text().strip()) as connection:
            yield connection

    def get(self, path: str, **parameters: Any) -> Any:
        with self.api() as api:
            return api.get(path, **parameters)

    def post(self, path: str, body: Any = None) -> Any:
        with self.api() as api:
            return api.post(path, body)

    def login_link(self) -> str:
        return str(self.post("/api/v1/login-links")["url"])

    def join_token(self, kind: str, name: str | None = None) -> str:
        wanted = NewJoinToken.model_validate({"kind": kind, "name": name})
        return JoinToken.model_validate(self.post("/api/v1/join-tokens", wanted)).token

    def agent(self, name: str) -> dict[str, Any] | None:
        """The agent as the API shows it, None as long as it has not joined."""
        fleet = self.get("/api/v1/agents", limit=200)["items"]
        return next((view for view in fleet if view["description"]["name"] == name), None)

    def agent_id(self, name: str) -> str:
        view = self.agent(name)
        assert view is not None, f"{name} has not joined"
        return str(view["id"])

    def state_of(self, name: str) -> str:
        view = self.agent(name)
        return str(view["presence"]["state"]) if view else ""

    def events(self, conversation: str) -> list[dict[str, Any]]:
        """All events of a conversation: what is stored, in order."""
        page = self.get(f"/api/v1/conversations/{conversation}/events", limit=200)
        assert page["next_cursor"] is None, "longer than a page"
        return list(page["items"])

    def muster(self, *arguments: str) -> str:
        """What a `muster` command prints; it must succeed."""
        done = run_muster(self.folder, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    # ---- waiting -----------------------------------------------------------------------------------------------------

    def _answers(self) -> bool:
        if not (self.folder / "admin.token").exists():
            return False
        try:
            return bool(self.get("/ready"))
        except MusterError:  # nobody listens yet, or it is not ready yet
            return False

    def _routes(self) -> bool:
        return any(view["connected"] for view in self.get("/api/v1/system")["brokers"])

    @staticmethod
    def _until(condition: Callable[[], object], what: str, *needed: Process) -> None:
        """Wait for it, as long as the processes that it needs live."""

        def reached() -> bool:
            dead = next((process for process in needed if not process.is_running), None)
            assert dead is None, f"waiting until {what}, but {dead.name} has ended:\n{dead.tail()}"
            return bool(condition())

        until(reached, START_TIMEOUT_S, what)


@contextlib.contextmanager
def running_fleet(folder: Path, bus: str, **environment: str) -> Iterator[Fleet]:
    """Run server (with this environment) and broker on `bus` (`embedded`, or the URL of a RabbitMQ)."""
    fleet = Fleet(folder, bus, **environment)
    try:
        fleet.start()
        yield fleet
    finally:
        fleet.stop()
