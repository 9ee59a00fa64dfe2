"""A peer's process as we see it: started in its environment, spoken to by lines, ended by its own pid."""

import contextlib
import json
import os
import subprocess
import threading
from pathlib import Path

import psutil

from benchmarks.chatter import Figures
from benchmarks.peers.environments import ROOT

__all__ = ["PeerFailedError", "PeerProcess", "cpu_s"]

READY_TIMEOUT_S = 40
ANSWER_TIMEOUT_S = 90
END_TIMEOUT_S = 8


class PeerFailedError(Exception):
    """A peer's process ended, or did not answer in time."""


def cpu_s(pid: int) -> float:
    """Return the processor seconds of a process and everything below it."""
    used = 0.0
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                used += sum(each.cpu_times()[:2])
    return used


class PeerProcess:
    """`python -m benchmarks.peers.<module> <arguments>` in a peer's environment."""

    def __init__(self, python: Path, log: Path, module: str, *arguments: str, **environment: str) -> None:
        self._log = log
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                [str(python), "-m", f"benchmarks.peers.{module}", *arguments],
                env={**kept, "no_proxy": "*", **environment},
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=out,
                text=True,
            )
        self.pid = self._process.pid

    def wait_until_ready(self) -> None:
        """Return when the process says so; what it prints before does not matter."""
        while self._line(READY_TIMEOUT_S) != "ready\n":
            pass

    def round_trips(self, in_flight: int, count: int) -> Figures:
        """Have it measure."""
        assert self._process.stdin
        try:
            self._process.stdin.write(f"{in_flight} {count}\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._failure() from None
        return Figures(**json.loads(self._line(ANSWER_TIMEOUT_S)))

    def end(self) -> None:
        """End it in order, and kill what is left of it and of its children."""
        try:
            below = psutil.Process(self.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            below = []
        self._process.terminate()
        try:
            self._process.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
        for child in below:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()  # type: ignore[union-attr]

    def _line(self, seconds: float) -> str:
        assert self._process.stdout
        late = threading.Timer(seconds, self._process.kill)
        late.start()
        try:
            line = self._process.stdout.readline()
        finally:
            late.cancel()
        if not line:
            raise self._failure()
        return line

    def _failure(self) -> PeerFailedError:
        said = self._log.read_text(errors="replace").strip()[-600:]
        return PeerFailedError(f"{self._log.stem} ended with {self._process.wait()}: {said}")
