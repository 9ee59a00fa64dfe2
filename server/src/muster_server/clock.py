"""The server's clock: wall time that never jumps, because it is the start's wall time plus the monotonic clock.

So a corrected system clock neither expires leases nor reorders anything; times on screen are off by the
correction until the server is restarted.
"""

import time
from collections.abc import Callable

__all__ = ["Clock", "system_clock"]

#: Returns milliseconds since 1970, UTC.
Clock = Callable[[], int]


def system_clock() -> Clock:
    """Return a clock that is set now."""
    offset_ns = time.time_ns() - time.monotonic_ns()
    return lambda: (time.monotonic_ns() + offset_ns) // 1_000_000
