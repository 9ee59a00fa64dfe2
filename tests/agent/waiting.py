"""Waiting for a condition, with a bound: nothing in these tests sleeps for a fixed time and hopes."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LOOK_S = 0.01


async def until(condition: Callable[[], T], timeout_s: float = 15.0, what: str = "") -> T:
    """Return the condition's value as soon as it is true; fail after `timeout_s`."""
    loop = asyncio.get_running_loop()
    give_up_at = loop.time() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if loop.time() > give_up_at:
            raise AssertionError(f"did not happen within {timeout_s:g} s: {what or condition}")
        await asyncio.sleep(LOOK_S)
