"""Pieces of many runs go in one message, twenty times a second for the whole agent: the number of messages does not
grow with the number of runs that are writing.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator

from muster_agent.runs.core import FLUSH_ROOM, FLUSH_S
from muster_agent.runs.run import Run

__all__ = ["Together", "parcels"]

#: Runs in one message.
MOST = 100


class Together:
    """Collects runs that have something passing to tell, and calls `flush` with all of them at an even pace."""

    def __init__(self, flush: Callable[[list[Run]], None]) -> None:
        self._flush = flush
        self._runs: dict[Run, None] = {}
        self._flushed_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()

    def add(self, run: Run) -> None:
        """Let this run's pieces go with the next message."""
        self._runs[run] = None
        if self._timer is None:
            self._timer = self._loop.call_at(self._flushed_at + FLUSH_S, self._due)

    def _due(self) -> None:
        self._timer = None
        self._flushed_at = self._loop.time()
        runs, self._runs = list(self._runs), {}
        self._flush(runs)


def parcels(runs: Iterable[Run]) -> Iterator[list[Run]]:
    """Yield what fits into one message together. A run that said much may have to repeat all of it: it goes alone."""
    parcel: list[Run] = []
    size = 0
    for run in runs:
        if parcel and (len(parcel) == MOST or size + run.core.length > FLUSH_ROOM):
            yield parcel
            parcel, size = [], 0
        parcel.append(run)
        size += run.core.length
    if parcel:
        yield parcel
