"""Windows, and whatever has no process groups: the program itself is ended, and its tree by the system's own tool."""

import errno
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from muster_agent.machine.contract import Identities


def shell(line: str) -> list[str]:
    """Return the arguments for the command interpreter."""
    return ["cmd.exe", "/d", "/s", "/c", line]


def spawn(argv: Sequence[str], cwd: Path, environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """Start a program in a group of its own, where there is such a thing."""
    return subprocess.Popen(  # noqa: S603 - running exactly these bytes is the purpose; no shell is involved
        list(argv),
        cwd=cwd,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
    )


def members(leader: int | None, mark: str) -> list[int]:
    """Return the program, if it lives; marks cannot be seen here."""
    if leader is None:
        return []
    try:
        listed = subprocess.run(  # noqa: S603
            ["tasklist", "/fi", f"PID eq {leader}", "/nh"],  # noqa: S607
            capture_output=True, timeout=10, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [leader] if str(leader).encode() in listed.stdout.split() else []


def alive(pids: Sequence[int]) -> list[int]:
    """Look at each."""
    return [pid for pid in pids if members(pid, "")]


def signal(leader: int | None, mark: str, *, kill: bool) -> int:
    """End the program's tree."""
    if leader is None:
        return 0
    alive = len(members(leader, mark))
    command = ["taskkill", "/pid", str(leader), "/t", *(["/f"] if kill else [])]
    try:
        subprocess.run(command, capture_output=True, timeout=10, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return 0
    return alive


def wait_readable(descriptor: int, seconds: float) -> bool:
    """Return True: here the read itself waits."""
    return True


def lock(path: Path) -> IO[bytes] | None:
    """Lock a file for as long as it is open."""
    import msvcrt  # noqa: PLC0415 - exists on Windows only

    file = path.open("ab")
    try:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
    except OSError:
        file.close()
        return None
    return file


def open_beneath(root: Path, parts: Sequence[str], forbidden: Identities = frozenset()) -> int:
    """Open what lies below `root`; links are refused by looking first, which a fast attacker can outrun."""
    return os.open(_beneath(root, parts, forbidden), os.O_RDONLY | getattr(os, "O_BINARY", 0))


def list_beneath(root: Path, parts: Sequence[str], forbidden: Identities = frozenset()) -> list[tuple[str, str]]:
    """List a folder below `root`."""
    return sorted(
        (f"{entry.name}/", "") if entry.is_dir() else (entry.name, str(entry.lstat().st_size))
        for entry in _beneath(root, parts, forbidden).iterdir()
    )


def _beneath(root: Path, parts: Sequence[str], forbidden: Identities) -> Path:
    path = root.resolve()
    for part in parts:
        if part in ("", ".", "..") or any(sign in part for sign in "/\\:\0"):
            raise ValueError(f"{part!r} is no name of a file")
        path /= part
        if path.is_symlink():
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), part)
        status = path.stat()
        if (status.st_dev, status.st_ino) in forbidden:
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), part)
    return path


def load_percent() -> int:
    """Return 0: not known here."""
    return 0
