"""Linux, macOS and other POSIX systems. On Linux a program's processes are found through /proc.

A process is a member of a program when it belongs to the program's session or group, descends from a member, or bears
the program's mark in its environment: so `setsid`, `nohup` and daemons that fork twice are found too. The agent does
not become a subreaper: it would inherit, and have to bury, what other code of the same agent started on purpose.
"""

import contextlib
import errno
import fcntl
import os
import select
import signal as signals
import stat
import subprocess
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, NamedTuple

from muster_agent.machine.contract import MARK, Identities

PROC = Path("/proc")
#: Entries of a folder that are looked at.
MAX_ENTRIES = 10_000


class _Process(NamedTuple):
    pid: int
    parent: int
    group: int
    session: int


def shell(line: str) -> list[str]:
    """Return the arguments for /bin/sh."""
    return ["/bin/sh", "-c", line]


def spawn(argv: Sequence[str], cwd: Path, environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """Start a program in its own session."""
    return subprocess.Popen(  # noqa: S603 - running exactly these bytes is the purpose; no shell is involved
        list(argv),
        cwd=cwd,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        start_new_session=True,
    )


def members(leader: int | None, mark: str) -> list[int]:
    """Return the living members of a program."""
    if not PROC.joinpath("self").exists():
        return [leader] if leader is not None and _group_lives(leader) else []
    everyone = [process for process in map(_read_process, _pids()) if process is not None]
    own = os.getpid()
    found = {
        process.pid
        for process in everyone
        if leader in (process.pid, process.group, process.session) or _bears(process.pid, mark)
    } - {own}
    while True:
        descendants = {process.pid for process in everyone if process.parent in found} - found - {own}
        if not descendants:
            return sorted(found)
        found |= descendants


def alive(pids: Sequence[int]) -> list[int]:
    """Look at these only."""
    if not PROC.joinpath("self").exists():
        return [pid for pid in pids if _group_of(pid) >= 0]
    return [pid for pid in pids if _read_process(pid) is not None]


def signal(leader: int | None, mark: str, *, kill: bool) -> int:
    """Signal the group at once, and every member outside it by itself."""
    number = signals.SIGKILL if kill else signals.SIGTERM
    everyone = members(leader, mark)
    if leader is not None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, number)
    for pid in everyone:
        if leader is None or _group_of(pid) != leader:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)
    return len(everyone)


def wait_readable(descriptor: int, seconds: float) -> bool:
    """Wait with poll: unlike select it takes any descriptor number."""
    waiter = select.poll()
    waiter.register(descriptor, select.POLLIN)
    return bool(waiter.poll(seconds * 1000))


def lock(path: Path) -> IO[bytes] | None:
    """Lock a file for as long as it is open."""
    file = path.open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file


def open_beneath(root: Path, parts: Sequence[str], forbidden: Identities = frozenset()) -> int:
    """Open component by component, each relative to the one before, so that nothing can be swapped underneath."""
    # O_NONBLOCK: opening a FIFO must not wait for a writer.
    last = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    step = os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC
    here = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    for index, part in enumerate(parts):
        try:
            if part in ("", ".", "..") or "/" in part or "\0" in part:
                raise ValueError(f"{part!r} is no name of a file")
            deeper = os.open(part, last if index == len(parts) - 1 else step, dir_fd=here)
        finally:
            os.close(here)
        here = deeper
        status = os.fstat(here)
        if (status.st_dev, status.st_ino) in forbidden:
            os.close(here)
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), part)
    return here


def list_beneath(root: Path, parts: Sequence[str], forbidden: Identities = frozenset()) -> list[tuple[str, str]]:
    """List an opened folder."""
    descriptor = open_beneath(root, parts, forbidden)
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        with os.scandir(descriptor) as entries:
            return sorted(_entry(entry) for entry in islice(entries, MAX_ENTRIES))
    finally:
        os.close(descriptor)


def load_percent() -> int:
    """Return the load average of one minute per processor, as percent."""
    return min(100, round(100 * os.getloadavg()[0] / (os.cpu_count() or 1)))


def _entry(entry: "os.DirEntry[str]") -> tuple[str, str]:
    if entry.is_symlink():
        return entry.name, "link"
    if entry.is_dir(follow_symlinks=False):
        return f"{entry.name}/", ""
    return entry.name, str(entry.stat(follow_symlinks=False).st_size)


def _pids() -> list[int]:
    return [int(name) for name in os.listdir(PROC) if name.isdigit()]  # noqa: PTH208 - names only, thousands of them


def _read_process(pid: int) -> _Process | None:
    try:
        text = PROC.joinpath(str(pid), "stat").read_bytes()
    except OSError:
        return None
    # pid (name, which may hold anything) state parent group session ...
    state, parent, group, session = text[text.rindex(b")") + 2 :].split(b" ", 4)[:4]
    if state in (b"Z", b"X"):
        return None
    return _Process(pid, int(parent), int(group), int(session))


def _bears(pid: int, mark: str) -> bool:
    try:
        environment = PROC.joinpath(str(pid), "environ").read_bytes()
    except OSError:
        return False
    return f"{MARK}={mark}".encode() in environment.split(b"\0")


def _group_of(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return -1


def _group_lives(leader: int) -> bool:
    try:
        os.killpg(leader, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
