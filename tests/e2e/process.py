"""One process of the product, started by its command line: it can be killed and started again, and its log is kept."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = ["Process", "run_muster"]

STOP_TIMEOUT_S = 15.0
MUSTER = ("-m", "muster_cli.main")


def _environment(more: dict[str, str]) -> dict[str, str]:
    """What the developer set for their own Muster must not reach the one under test."""
    return {key: value for key, value in os.environ.items() if not key.startswith("MUSTER_")} | more


class Process:
    """`python <arguments>`; everything that it writes goes to `<name>.log` in `folder`."""

    def __init__(self, name: str, arguments: Sequence[str], environment: dict[str, str], folder: Path) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._command = [sys.executable, *arguments]
        self._environment = environment
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} was not started"
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        assert not self.is_running, f"{self.name} runs already"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, env=_environment(self._environment), stdout=log, stderr=log, cwd=self._folder
            )

    def kill(self) -> None:
        """End it as a crash or a power cut would: it has no time to say goodbye."""
        assert self._process is not None
        assert self.is_running, f"{self.name} had ended already:\n{self.tail()}"
        self._process.kill()
        self._process.wait(STOP_TIMEOUT_S)

    def freeze(self) -> None:
        """Halt it: its connections stay open and nobody answers on them."""
        os.kill(self.pid, signal.SIGSTOP)

    def stop(self) -> None:
        """Ask it to end, and kill it when it does not; nothing to do when it has ended."""
        if self._process is None or not self.is_running:
            return
        self._process.terminate()
        # A frozen process hears nothing before it goes on.
        self._process.send_signal(signal.SIGCONT)
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def tail(self, lines: int = 40) -> str:
        """The last lines of its log."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def run_muster(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a `muster` command to its end, against the server whose data directory is `folder`."""
    return subprocess.run(
        [sys.executable, *MUSTER, *arguments],
        env=_environment({"MUSTER_DATA_DIR": str(folder), "NO_COLOR": "1"}),
        cwd=folder, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
