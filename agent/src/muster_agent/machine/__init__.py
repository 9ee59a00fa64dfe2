"""What differs between operating systems: processes and their groups, file locks, opening files below a folder.

`posix.py` is complete; `portable.py` does what can be done elsewhere (Windows). Nothing else imports either.
"""

import sys
from collections.abc import Iterable
from typing import cast

from muster_agent.machine.contract import System

__all__ = ["System", "end_leftovers", "this_system"]


def this_system() -> System:
    """Return what this operating system can do."""
    # Imported here, because each of the two can only be imported where it belongs.
    if sys.platform == "win32":
        from muster_agent.machine import portable as chosen  # noqa: PLC0415
    else:
        from muster_agent.machine import posix as chosen  # noqa: PLC0415
    return cast("System", chosen)


def end_leftovers(marks: Iterable[str]) -> int:
    """End what an earlier process of this agent left running under these marks: nobody can control it any more."""
    return sum(this_system().signal(None, mark, kill=True) for mark in marks)
