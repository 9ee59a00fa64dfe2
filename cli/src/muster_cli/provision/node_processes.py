"""The processes of a private node: started in a group of their own, ended by their own ids and no others."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

__all__ = ["Guarded", "end_in_order", "end_leftovers", "forget", "spawn", "wait_until"]

_POLL_S = 0.05
#: Reads until its standard input ends, which is when whoever started it is gone, and then kills the group it was given.
_GUARD = 'while read -r line; do :; done; kill -9 -"$1"'


class Guarded:
    """A process in a group of its own. It does not outlive us, even when we are killed without a chance to say so."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process
        self._guard = subprocess.Popen(  # noqa: S603 - our own script
            ["/bin/sh", "-c", _GUARD, "sh", str(process.pid)],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip

    def kill(self) -> None:
        """Kill -9 everything that belongs to it, and take its exit status."""
        # The guard first: later the number of the group may be somebody else's.
        self._guard.kill()
        self._guard.wait()
        assert self._guard.stdin is not None
        self._guard.stdin.close()
        _kill(self.process.pid)
        self.process.wait()


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Return whether `condition` came true within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


def spawn(folder: Path, name: str, command: Sequence[str], environment: Mapping[str, str]) -> Guarded:
    """Start `command` with its output in `folder/<name>.out`.

    In a session of its own, so that Ctrl-C in a terminal does not reach it before those who still need it have stopped.
    """
    with (folder / f"{name}.out").open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own command, no shell
            list(command), env=dict(environment), cwd=folder, stdin=subprocess.DEVNULL,
            stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    (folder / f"{name}.group").write_text(str(process.pid))
    return Guarded(process)


def end_in_order(folder: Path, server: Guarded, seconds: float) -> None:
    """Ask the node to stop, and kill it when it has not after `seconds`."""
    with suppress(FileNotFoundError, ProcessLookupError, ValueError, subprocess.TimeoutExpired):
        # The Erlang machine itself: the script around it would first start a second one to tell it.
        os.kill(int((folder / "node.pid").read_text()), signal.SIGTERM)
        server.process.wait(seconds)
    server.kill()


def end_leftovers(folder: Path) -> None:
    """Kill what a run that was itself killed has left running on this folder."""
    for path in folder.glob("*.group"):
        group = int(path.read_text() or 0)
        # The number may belong to somebody else by now: only a process that works in this folder is ours.
        if group and _works_in(group, folder):
            _kill(group)
            wait_until(lambda group=group: not _works_in(group, folder), 10.0)  # type: ignore[misc]
    forget(folder)


def forget(folder: Path) -> None:
    """Remove the notes of which processes run."""
    for path in (*folder.glob("*.group"), folder / "node.pid"):
        path.unlink(missing_ok=True)


def _kill(group: int) -> None:
    with suppress(ProcessLookupError):  # it has ended already
        os.killpg(group, signal.SIGKILL)


def _works_in(group: int, folder: Path) -> bool:
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(entry.name)) == group and (entry / "cwd").readlink() == folder:
                return True
        except OSError:  # it ended while we looked, or belongs to somebody else
            continue
    return False
