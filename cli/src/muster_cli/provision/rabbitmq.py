"""A private RabbitMQ node: its own folder, name, cookie, ports and password, reachable from this machine only.

The folder is all there is to it: started on the same folder again, the node has the same queues and the same URL.

    folder/node.json      name and ports          folder/password    0600, as is rabbitmq.conf
    folder/home/          Erlang's cookie         folder/mnesia/     queues and messages
    folder/log/           the server's log        folder/node.pid    while it runs
"""

import fcntl
import json
import secrets
import subprocess
import time
from io import TextIOWrapper
from pathlib import Path
from typing import NamedTuple

from muster_cli.provision import node_processes
from muster_cli.provision.node_files import Installation, environment, settle_password, write_configuration
from muster_cli.provision.ports import LOOPBACK, answers, free_ports, is_free
from muster_shared_models.problems import MusterError, Reason

__all__ = ["RabbitNode"]

USER = "muster"
#: Seconds. About 5 are needed; a busy machine and a long journal take more.
START_TIMEOUT_S = 90.0
#: Seconds that the ports of the last time may take to become free before others are chosen.
PORTS_TIMEOUT_S = 5.0
#: Queues and listeners are closed within the first of them; the management plugin then idles for five more, and what
#: is confirmed is on disk anyway.
STOP_TIMEOUT_S = 3.0
_POLL_S = 0.05
_TAIL_LINES = 25


class _Identity(NamedTuple):
    name: str
    amqp: int
    management: int
    distribution: int
    epmd: int


class RabbitNode:
    """A node on `folder`. Methods block: call them from a thread when there is an event loop."""

    #: Plugins that run in it beside the management.
    plugins: tuple[str, ...] = ()

    def __init__(self, folder: Path, installation: Installation) -> None:
        self.folder = folder.resolve()
        self._installation = installation
        self._server: node_processes.Guarded | None = None
        self._epmd: node_processes.Guarded | None = None
        self._lock: TextIOWrapper | None = None
        self._identity = _Identity("", 0, 0, 0, 0)
        self._password = ""

    @property
    def amqp_url(self) -> str:
        """Where buses connect. Holds the password: do not print it."""
        return f"amqp://{USER}:{self._password}@{LOOPBACK}:{self._identity.amqp}/%2F"

    @property
    def management_url(self) -> str:
        """The management HTTP API. Holds the password: do not print it."""
        return f"http://{USER}:{self._password}@{LOOPBACK}:{self._identity.management}"

    @property
    def shown_url(self) -> str:
        """Where it listens, fit for people's eyes."""
        return f"amqp://{LOOPBACK}:{self._identity.amqp}"

    @property
    def running(self) -> bool:
        """Whether the server's process lives."""
        return self._server is not None and self._server.process.poll() is None

    def start(self) -> None:
        """Return when the node accepts connections.

        Raises MusterError: DATA_DIR_IN_USE when another process runs a node on this folder, TOOL_FAILED with the end
        of the log when the server does not come up.
        """
        assert not self.running, "started twice"
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._take_lock()
        try:
            node_processes.end_leftovers(self.folder)
            self._identity = self._settle_identity()
            self._password = settle_password(self.folder)
            write_configuration(
                self.folder, USER, self._password, self._identity.amqp, self._identity.management, self.plugins
            )
            self._spawn()
            self._wait_until_ready()
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """End it in order; what is confirmed is on disk either way."""
        if self._server is not None:
            node_processes.end_in_order(self.folder, self._server, STOP_TIMEOUT_S)
        self._clean_up()

    def kill(self) -> None:
        """End it as a power cut would: kill -9, no warning."""
        if self._server is not None:
            self._server.kill()
        self._clean_up()

    def restart(self) -> None:
        """Kill -9, then start on what is on disk; the URLs stay the same."""
        self.kill()
        self.start()

    def control(self, *arguments: str) -> str:
        """Run rabbitmqctl on this node and return what it prints; raises MusterError(TOOL_FAILED)."""
        program = str(Path(self._installation.server).with_name("rabbitmqctl"))
        done = subprocess.run(  # noqa: S603 - our own arguments, no shell
            [program, "--quiet", *arguments], env=self._environment(), cwd=self.folder, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=START_TIMEOUT_S, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise MusterError(Reason.TOOL_FAILED, f"rabbitmqctl {arguments[0]}: {(done.stderr or done.stdout).strip()}")
        return done.stdout

    def _environment(self) -> dict[str, str]:
        ports = self._identity
        return environment(self.folder, self._installation, ports.name, ports.distribution, ports.epmd)

    def _clean_up(self) -> None:
        if self._epmd is not None:
            self._epmd.kill()
        self._server = self._epmd = None
        node_processes.forget(self.folder)
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _take_lock(self) -> None:
        self._lock = (self.folder / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._lock.close()
            self._lock = None
            raise MusterError(
                Reason.DATA_DIR_IN_USE,
                f"Another process runs a RabbitMQ node in {self.folder}.",
                "Stop it first, or choose another data directory (MUSTER_DATA_DIR).",
            ) from error

    def _settle_identity(self) -> _Identity:
        """Return name and ports: those of the last time where possible, since clients know the URL."""
        path = self.folder / "node.json"
        known = _Identity(**json.loads(path.read_text())) if path.exists() else None
        # A node that was just killed closes its sockets a moment later; until then its ports look taken.
        if known and node_processes.wait_until(lambda: all(is_free(port) for port in known[1:]), PORTS_TIMEOUT_S):
            return known
        # The name is part of the paths on disk: it stays even when ports must move.
        name = known.name if known else f"muster-{secrets.token_hex(4)}@localhost"
        identity = _Identity(name, *free_ports(4))
        path.write_text(json.dumps(identity._asdict()))
        return identity

    def _spawn(self) -> None:
        own, ports = self._environment(), self._identity
        # As a child of ours: started by Erlang it would outlive the node, and nobody would know whose it is.
        self._epmd = node_processes.spawn(self.folder, "epmd", [self._installation.epmd], own)
        node_processes.wait_until(lambda: answers(ports.epmd), 10.0)
        self._server = node_processes.spawn(self.folder, "server", [self._installation.server], own)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if not self.running:
                raise self._failure("ended while it was starting")
            # The listener opens last of all, after queues have been recovered; plugins come before it.
            if answers(self._identity.amqp) and answers(self._identity.management):
                return
            time.sleep(_POLL_S)
        raise self._failure(f"did not accept connections within {START_TIMEOUT_S:.0f} s")

    def _failure(self, what: str) -> MusterError:
        logs = [self.folder / "server.out", *sorted((self.folder / "log").glob("*.log"))]
        lines = [line for path in logs if path.exists() for line in path.read_text(errors="replace").splitlines()]
        tail = "\n".join(lines[-_TAIL_LINES:]).replace(self._password or "\0", "***")
        return MusterError(
            Reason.TOOL_FAILED,
            f"The private RabbitMQ node {what}. The end of its log:\n{tail}",
            f"The whole log is in {self.folder / 'log'}.",
        )
