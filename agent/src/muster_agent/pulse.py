"""Notices that the process stood still: it was frozen, its machine slept, or its event loop was blocked."""

import asyncio
from collections.abc import Callable

from muster_agent.clock import awake_s, now_ms

__all__ = ["Pulse"]

EVERY_S = 0.5
#: What takes longer is a standstill: something that was told to us meanwhile may not be known here yet.
LONG_S = 1.5


class Pulse:
    """Beats in the event loop. Whoever wants to know whether something was missed compares two counts."""

    def __init__(self, clock: Callable[[], float] = awake_s) -> None:
        self._clock = clock
        self._at = clock()
        self._standstills = 0
        #: Since when it has not stood still: milliseconds since 1970, 0 before the first time.
        self.since_ms = 0

    async def run(self) -> None:
        """Beat, for ever."""
        while True:
            self.standstills()
            await asyncio.sleep(EVERY_S)

    def standstills(self) -> int:
        """Return how many there were until now; one that has just ended counts, although no beat has seen it yet."""
        now = self._clock()
        if now - self._at > LONG_S:
            self._standstills += 1
            self.since_ms = now_ms()
        self._at = now
        return self._standstills
