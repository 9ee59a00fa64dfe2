"""Publishes that the server has not answered yet."""

import asyncio
from asyncio import Future
from collections.abc import Iterable

from muster_messaging.errors import BusError, QueueFull, Refused, TooLarge, Transient, Unroutable
from muster_messaging.errors import Unconfirmed as UnconfirmedError
from muster_protos.v1.relay_pb2 import PublishOutcome

__all__ = ["Unconfirmed", "outcome_error"]

#: Seconds after which a publish without an answer fails; looked at once a second.
DEADLINE_S = 10.0

_ERRORS: dict[str, type[BusError]] = {
    error.default.value: error for error in (QueueFull, Refused, TooLarge, Unroutable, UnconfirmedError)
}


def outcome_error(outcome: PublishOutcome) -> BusError:
    """Return the error that the server sent for a publish."""
    return _ERRORS.get(outcome.reason, Transient)(outcome.detail)


class Unconfirmed:
    """Numbers to futures, oldest first; one timer watches over the deadline of all."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._futures: dict[int, tuple[Future[None], float]] = {}
        self._last = 0
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._futures)

    def add(self, future: "Future[None]") -> int:
        """Return the number of a new publish."""
        self._last += 1
        self._futures[self._last] = (future, self._loop.time() + DEADLINE_S)
        if self._timer is None:
            self._timer = self._loop.call_later(1.0, self._sweep)
        return self._last

    def confirm(self, numbers: Iterable[int]) -> None:
        """These are durable."""
        for number in numbers:
            future, _ = self._futures.pop(number, (None, 0.0))
            if future and not future.done():
                future.set_result(None)

    def refuse(self, number: int, error: BusError) -> None:
        """This one failed."""
        future, _ = self._futures.pop(number, (None, 0.0))
        if future and not future.done():
            future.set_exception(error)

    def lose(self) -> None:
        """The connection is gone: nobody will answer."""
        for number in list(self._futures):
            self.refuse(number, UnconfirmedError("The connection was lost before the confirm."))

    def close(self) -> None:
        """Fail everything and stop the timer."""
        self.lose()
        if self._timer:
            self._timer.cancel()

    def _sweep(self) -> None:
        now = self._loop.time()
        overdue = [number for number, (_, deadline) in self._futures.items() if deadline < now]
        for number in overdue:
            self.refuse(number, UnconfirmedError(f"No confirm came within {DEADLINE_S:.0f} s."))
        self._timer = self._loop.call_later(1.0, self._sweep) if self._futures else None
