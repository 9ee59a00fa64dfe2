"""The `muster` command as people run it: in a process of its own, with everything of Muster behind it."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psutil

__all__ = ["COMMAND", "Done", "Up", "clean_environment", "muster", "started", "until", "up"]

COMMAND = [sys.executable, "-m", "muster_cli.main"]
DEADLINE_S = 40.0
#: Ends a process when whoever started it is gone, whatever became of that.
GUARD = 'while read -r line; do :; done; kill -TERM "$1"'
LINK = re.compile(r"^\s*(http://127\.0\.0\.1:\d+/login#code=\S+)\s*$", re.MULTILINE)


class Done(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


def clean_environment(**values: str) -> dict[str, str]:
    """What a fresh shell has, without what a developer's may have."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("MUSTER_", "MISTRAL_", "GRPC_"))}
    return {**kept, "PYTHONWARNINGS": "ignore", **values}


def muster(
    *arguments: str, said: str = "", environment: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Done:
    """Run to the end."""
    done = subprocess.run(
        [*COMMAND, *arguments], input=said, env=clean_environment(**(environment or {})), cwd=cwd,
        capture_output=True, text=True, timeout=DEADLINE_S, check=False,
    )  # fmt: skip
    return Done(done.returncode, done.stdout, done.stderr)


@contextmanager
def started(*arguments: str, folder: Path, **environment: str) -> Iterator["subprocess.Popen[str]"]:
    """Run while the block lasts; output goes to out.txt and err.txt in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "out.txt").open("w") as out, (folder / "err.txt").open("w") as err:
        process = subprocess.Popen(
            [*COMMAND, *arguments], env=clean_environment(**environment), stdin=subprocess.DEVNULL,
            stdout=out, stderr=err, text=True, cwd=folder, start_new_session=True,
        )  # fmt: skip
        guard = subprocess.Popen(
            ["/bin/sh", "-c", GUARD, "sh", str(process.pid)], stdin=subprocess.PIPE, start_new_session=True
        )
        try:
            yield process
        finally:
            guard.kill()
            guard.communicate()
            if process.poll() is None:
                process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(25)
                process.kill()
            process.wait(10)


def until(condition: Callable[[], Any], what: str = "") -> Any:
    """Return what `condition` says as soon as it is true."""
    give_up_at = time.monotonic() + DEADLINE_S
    while not (said := condition()):
        assert time.monotonic() < give_up_at, what or condition
        time.sleep(0.05)
    return said


class Up:
    """A running `muster up`."""

    def __init__(self, folder: Path, data: Path, process: "subprocess.Popen[str]") -> None:
        self.folder = folder
        self.data = data
        self.process = process

    @property
    def out(self) -> str:
        return (self.folder / "out.txt").read_text()

    @property
    def err(self) -> str:
        return (self.folder / "err.txt").read_text()

    @property
    def links(self) -> list[str]:
        return LINK.findall(self.out)

    def __call__(self, *arguments: str, said: str = "", **environment: str) -> Done:
        """Run a command beside it."""
        return muster(*arguments, said=said, environment={"MUSTER_DATA_DIR": str(self.data), **environment})

    def child(self, name: str) -> psutil.Process | None:
        """Return one of its processes by its verb and name: server, broker, echo, operator."""
        for process in self.family():
            with contextlib.suppress(psutil.Error):
                words = process.cmdline()
                if "muster_cli.main" in words and name in words[words.index("muster_cli.main") + 1 :][:2]:
                    return process
        return None

    def family(self) -> list[psutil.Process]:
        """Return everything that it has started."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def signal(self, number: int) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(DEADLINE_S)


def all_gone(processes: list[psutil.Process]) -> bool:
    return not [each for each in processes if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]


@contextmanager
def up(folder: Path, *arguments: str, **environment: str) -> Iterator[Up]:
    """Start everything on a new folder and wait for the link; nothing of it is left afterwards."""
    data = folder / "data"
    ports = {"MUSTER_HTTP_PORT": "0", "MUSTER_GRPC_PORT": "0"}
    with started("up", "--data-dir", str(data), *arguments, folder=folder, **{**ports, **environment}) as process:
        running = Up(folder, data, process)
        family: list[psutil.Process] = []
        try:
            until(lambda: running.links or process.poll() is not None, "the link")
            assert process.poll() is None, running.err
            family = running.family()
            yield running
        finally:
            for each in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    if process.poll() is not None:
                        each.send_signal(signal.SIGKILL)
