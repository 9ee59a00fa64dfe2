"""What the agent wants of an operating system; two modules fulfil it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import Popen
from typing import IO, Protocol

__all__ = ["MARK", "Identities", "System"]

#: The environment variable by which a program's descendants are recognised, wherever they hide.
#: Its value names the agent too: a command to many may run several times on one machine.
MARK = "MUSTER_PROGRAM"


#: Folders by device and inode, however they are called.
Identities = frozenset[tuple[int, int]]


class System(Protocol):
    """One operating system."""

    def shell(self, line: str) -> list[str]:
        """Return the program and arguments that run a line in the platform's shell."""
        ...

    def spawn(self, argv: Sequence[str], cwd: Path, environment: Mapping[str, str]) -> "Popen[bytes]":
        """Start a program as the leader of its own session and group; raises OSError or ValueError."""
        ...

    def members(self, leader: int | None, mark: str) -> list[int]:
        """Return who is alive of a program: its session, its group, their descendants, and whoever bears the mark.

        Without a leader (nobody remembers it): whoever bears the mark, and their descendants.
        """
        ...

    def alive(self, pids: Sequence[int]) -> list[int]:
        """Return those of `pids` that live: a quick look, which finds nobody new."""
        ...

    def signal(self, leader: int | None, mark: str, *, kill: bool) -> int:
        """Ask all members to end, or kill them; return how many there were."""
        ...

    def wait_readable(self, descriptor: int, seconds: float) -> bool:
        """Return whether a pipe can be read without waiting (data or its end), after `seconds` at the latest."""
        ...

    def lock(self, path: Path) -> IO[bytes] | None:
        """Return an open file that is locked until it is closed, or None when another process has it."""
        ...

    def open_beneath(self, root: Path, parts: Sequence[str], forbidden: Identities = frozenset()) -> int:
        """Return a descriptor (read only) of what lies at `parts` below `root`, never following a symbolic link.

        Raises OSError: ELOOP or ENOTDIR at a link, EPERM at a forbidden folder; ValueError at what is no name.
        """
        ...

    def list_beneath(
        self, root: Path, parts: Sequence[str], forbidden: Identities = frozenset()
    ) -> list[tuple[str, str]]:
        """Return names (folders with a slash at the end) and sizes in bytes, sorted; raises like `open_beneath`."""
        ...

    def load_percent(self) -> int:
        """Return how busy the machine is, 0 to 100; 0 where that is not known."""
        ...
