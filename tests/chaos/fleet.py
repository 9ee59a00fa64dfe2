"""The processes of a chaos run: a fleet with several brokers; its members can be killed, ended, frozen and thawed."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.fleet import Fleet
from tests.e2e.process import MUSTER, Process

__all__ = ["SLOTS", "ChaosFleet", "ChaosProcess", "running_chaos"]

ROOT = Path(__file__).parents[2]
PARROT = Path(__file__).with_name("parrot.py")
#: Ends a process when whoever started it is gone, whatever became of that.
GUARD = 'while read -r line; do :; done; kill -9 "$1"'
TERM_TIMEOUT_S = 20.0
#: Runs that the bench's agent has in hand at a time: so many may be interrupted when it dies while its tools act.
SLOTS = 8
#: Scripts of the bench import the bench, and the same sources as we do.
IMPORTS = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))


class ChaosProcess(Process):
    """A process that does not outlive the bench."""

    _guard: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        self._unguard()
        super().start()
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", GUARD, "sh", str(self.pid)], stdin=subprocess.PIPE, start_new_session=True
        )

    def kill(self) -> None:
        super().kill()
        self._unguard()

    def terminate(self) -> int:
        """Ask it to end, and return its exit code; one that does not end is killed and its code says so."""
        assert self._process is not None
        self._process.terminate()
        try:
            return self._process.wait(TERM_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()
            return -signal.SIGKILL
        finally:
            self._unguard()

    @property
    def exit_code(self) -> int | None:
        """How it ended; None while it runs."""
        assert self._process is not None
        return self._process.poll()

    def thaw(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)

    def stop(self) -> None:
        super().stop()
        self._unguard()

    def _unguard(self) -> None:
        if self._guard is not None:
            self._guard.kill()
            self._guard.communicate()
            self._guard = None


class ChaosFleet(Fleet):
    """As `Fleet`, with `brokers` brokers; a broker or an agent may be a script of the bench."""

    def __init__(self, folder: Path, bus: str, ledger: Path, *, brokers: int = 2, broker_script: Path | None = None):
        self.bus = bus
        #: The management API of a private RabbitMQ, with its password: it alone tells what nobody acknowledged.
        self.management_url = ""
        self.ledger = ledger
        self.brokers: list[ChaosProcess] = []
        self._wanted = brokers
        self._broker_script = broker_script
        super().__init__(folder, bus)

    @property
    def kind(self) -> str:
        """Which queue server it is, without its password."""
        return "embedded" if self.bus == "embedded" else "rabbitmq"

    def _process(self, name: str, arguments: list[str], environment: dict[str, str]) -> ChaosProcess:
        process = ChaosProcess(name, arguments, {"MUSTER_LOG_LEVEL": "warning", **environment}, self.folder)
        self.processes[name] = process
        return process

    def start(self) -> None:
        self.start_server()
        for number in range(1, self._wanted + 1):
            name = f"broker-{number}"
            environment = {
                "MUSTER_SERVER": self.grpc_address,
                "MUSTER_JOIN": self.join_token("broker"),
                "MUSTER_BROKER_NAME": name,
                "MUSTER_BROKER_STATE_DIR": str(self.folder / "state" / name),
                "PYTHONPATH": IMPORTS,
                "CHAOS_SEED": str(number),
            }
            script = [str(self._broker_script)] if self._broker_script else [*MUSTER, "broker"]
            broker = self._process(name, script, environment)
            self.brokers.append(broker)
            broker.start()
        self._until(self._all_route, "the brokers route", self.server, *self.brokers)

    def add_parrot(self, name: str = "parrot") -> ChaosProcess:
        """Start the bench's agent; returns when it takes messages."""
        environment = {"CHAOS_LEDGER": str(self.ledger), "CHAOS_SLOTS": str(SLOTS), "PYTHONPATH": IMPORTS}
        process = self.add(name, script=PARROT, **environment)
        assert isinstance(process, ChaosProcess)
        return process

    def _all_route(self) -> bool:
        return sum(bool(view["connected"]) for view in self.get("/api/v1/system")["brokers"]) >= self._wanted


@contextmanager
def running_chaos(folder: Path, bus: str, *, brokers: int = 2, script: Path | None = None) -> Iterator[ChaosFleet]:
    """Run server and brokers on `bus` until the block ends; the ledger is `ledger.jsonl` in `folder`."""
    fleet = ChaosFleet(folder, bus, folder / "ledger.jsonl", brokers=brokers, broker_script=script)
    try:
        fleet.start()
        yield fleet
    finally:
        for process in fleet.processes.values():
            if process.is_running:
                os.kill(process.pid, signal.SIGCONT)
        fleet.stop()
