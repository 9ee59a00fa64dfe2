"""Runs a program of the product that kills itself at a named place: python mortal.py <what python would be given>.

CHAOS_PROCESS says whose crash points these are. CHAOS_ORDERS is a file with a line for each death, `<point> <pass>`: at
that pass of that point the first line moves to the file's `.reached`, and the process is gone by SIGKILL. Without the
file nothing happens, so a process can be told at any time, and the one that is started next passes.
"""

import functools
import importlib
import inspect
import os
import runpy
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.chaos.crash_points import Point, Side, points_of

__all__ = ["Orders", "deadly"]


class Orders:
    """The orders of one process; `die` is called when one is carried out."""

    def __init__(self, path: Path, die: Callable[[], None]) -> None:
        self._path = path
        self._die = die
        self._order = ""
        self._passed = 0

    def passes(self, point: str) -> None:
        """The process is at this point."""
        try:
            order, _, others = self._path.read_text().partition("\n")
        except FileNotFoundError:
            return
        if order != self._order:
            self._order, self._passed = order, 0
        name, _, number = order.partition(" ")
        if name != point:
            return
        self._passed += 1
        if self._passed >= int(number):
            self._carry_out(order, others)

    def _carry_out(self, order: str, others: str) -> None:
        with self._path.with_suffix(".reached").open("a") as reached:
            reached.write(f"{order}\n")
        if others:
            rest = self._path.with_suffix(".rest")
            rest.write_text(others)
            rest.replace(self._path)
        else:
            self._path.unlink()
        self._die()


def deadly(point: Point, function: Callable[..., Any], orders: Orders) -> Callable[..., Any]:
    """Return `function` with the point before or after it."""

    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def waiting(*arguments: Any, **named: Any) -> Any:
            meant = point.only(*arguments)
            if meant and point.side is Side.BEFORE:
                orders.passes(point.name)
            result = await function(*arguments, **named)
            if meant and point.side is Side.AFTER:
                orders.passes(point.name)
            return result

        return waiting

    @functools.wraps(function)
    def at_once(*arguments: Any, **named: Any) -> Any:
        meant = point.only(*arguments)
        if meant and point.side is Side.BEFORE:
            orders.passes(point.name)
        result = function(*arguments, **named)
        if meant and point.side is Side.AFTER:
            orders.passes(point.name)
        return result

    return at_once


def owner_of(point: Point) -> tuple[Any, str]:
    """Return the module or class that holds a point's function, and the function's name there."""
    module, _, path = point.where.partition(":")
    *owners, name = path.split(".")
    owner: Any = importlib.import_module(module)
    for each in owners:
        owner = getattr(owner, each)
    return owner, name


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _arm(process: str, orders: Orders) -> None:
    for point in points_of(process):
        owner, name = owner_of(point)
        setattr(owner, name, deadly(point, getattr(owner, name), orders))


def _hurry() -> None:
    """Let an agent acknowledge early what takes a second, not a minute."""
    from muster_agent.inbox import upkeep

    upkeep.HOLD_S, upkeep.EVERY_S = 0.5, 0.2


def run() -> None:
    """Arm, then be the program."""
    process = os.environ["CHAOS_PROCESS"]
    _arm(process, Orders(Path(os.environ["CHAOS_ORDERS"]), _die))
    if process == "agent":
        _hurry()
    del sys.argv[0]
    if sys.argv[0] == "-m":
        del sys.argv[0]
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    run()
