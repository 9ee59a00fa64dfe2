"""What processes have to say when a fault is over: none has ended by itself, and no log tells of a mistake of ours."""

from collections.abc import Iterable, Iterator

from tests.chaos.checker import Problem
from tests.chaos.fleet import ChaosFleet, ChaosProcess

__all__ = ["ended", "outcries"]

#: What Python, asyncio, uvicorn, gRPC and we ourselves write of an exception that nobody expected.
OUTCRIES = ("Traceback (most recent call last)", "never retrieved", "Unhandled", "ended unexpectedly", "crashed")
#: Lines of a log before and after the outcry that are part of the problem's text.
AROUND = (1, 30)


def ended(fleet: ChaosFleet) -> Iterator[Problem]:
    """Yield the processes that are not there any more."""
    for name, process in fleet.processes.items():
        assert isinstance(process, ChaosProcess)
        if process.exit_code is not None:
            yield Problem("ended", f"{name} ended with {process.exit_code}: {process.tail(5)}")


def outcries(fleet: ChaosFleet) -> Iterator[Problem]:
    """Yield the first outcry of each process's log."""
    for name, process in fleet.processes.items():
        lines = process.log.read_text(errors="replace").splitlines()
        if text := outcry(lines):
            yield Problem("outcry", f"{name}: {text}")


def outcry(lines: Iterable[str]) -> str:
    """Return the first outcry with what stands around it; empty when there is none."""
    lines = list(lines)
    for number, line in enumerate(lines):
        if any(mark in line for mark in OUTCRIES):
            return "\n".join(lines[max(0, number - AROUND[0]) : number + AROUND[1]])
    return ""
