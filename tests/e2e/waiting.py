"""Waiting for a condition, with a bound: nothing here sleeps for a fixed time and hopes."""

import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ["until"]

T = TypeVar("T")

LOOK_S = 0.05


def until(condition: Callable[[], T], timeout_s: float, what: str) -> T:
    """Return the condition's value as soon as it is true; fail after `timeout_s`."""
    give_up_at = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < give_up_at, f"did not happen within {timeout_s:g} s: {what}"
        time.sleep(LOOK_S)
