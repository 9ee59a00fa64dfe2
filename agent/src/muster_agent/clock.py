"""Clocks. Durations are measured on one that goes on while the machine sleeps, where there is such a clock."""

import time

__all__ = ["awake_s", "now_ms"]

_BOOT = getattr(time, "CLOCK_BOOTTIME", None)


def now_ms() -> int:
    """Return milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def awake_s() -> float:
    """Return seconds since some moment, sleep of the machine included, never going back."""
    return time.monotonic() if _BOOT is None else time.clock_gettime(_BOOT)
