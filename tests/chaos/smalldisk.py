"""A small disk of our own (a tmpfs) that can be filled, and a database that another process holds."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["Locker", "NoDisk", "SmallDisk", "small_disk"]

TIMEOUT_S = 15.0
PIECES = (64 * 1024, 4 * 1024, 1)
HOLD = """
import sqlite3, sys
held = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
held.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
held.execute("ROLLBACK")
"""


class NoDisk(Exception):
    """This machine does not let us mount one."""


class SmallDisk:
    """Mounted on `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self) -> None:
        """Leave not a single page."""
        with self._filler.open("ab", buffering=0) as file:
            for size in PIECES:
                try:
                    while file.write(bytes(size)) == size:
                        pass
                except OSError:
                    continue  # full for pieces of this size

    def free(self) -> None:
        """Give the room back."""
        self._filler.unlink(missing_ok=True)


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[SmallDisk]:
    """Mount a tmpfs on `folder` until the block ends; raises NoDisk."""
    folder.mkdir(parents=True)
    size = f"size={megabytes}m,mode=700"
    done = _run("mount", "-t", "tmpfs", "-o", size, "muster-bench", str(folder))
    if done.returncode != 0:
        raise NoDisk(f"a tmpfs cannot be mounted: {done.stderr.strip()}")
    try:
        yield SmallDisk(folder)
    finally:
        done = _run("umount", str(folder))
        if done.returncode != 0:  # somebody still has a file open: it goes when they do
            _run("umount", "--lazy", str(folder))


class Locker:
    """Another process that holds a SQLite database for itself."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._process: subprocess.Popen[str] | None = None

    def hold(self) -> None:
        """Return when it has the database."""
        self._process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(self._path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "held\n", "the database could not be locked"

    def let_go(self) -> None:
        """Return when it has let go."""
        assert self._process is not None
        self._process.communicate(timeout=TIMEOUT_S)


def _run(*command: str) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except FileNotFoundError as error:
        raise NoDisk(f"{command[0]} is missing") from error
