"""Whether a run is still ours: nobody may have stopped it or given it away while we could not know.

What a person stops is asked of its agent, also when it has not begun: the message may be here, or on its way. So the
agent says how it ended, or, where it has nothing in hand, asks for the run: the server then ends it.
"""

import asyncio
from asyncio import Task
from collections.abc import Awaitable, Callable

from muster_agent.control.board import NOT_TOLD, Board
from muster_agent.inbox.core import FRESH_MS
from muster_agent.pulse import Pulse
from muster_agent.runs.run import Run
from muster_shared_models.ids import made_at_ms
from muster_shared_models.problems import MusterError, Reason

__all__ = ["Claim", "Lease"]

#: How long a side effect waits for the server to be heard again.
LEASE_WAIT_S = 120.0
LOOK_S = 0.1
#: Runs that are not in hand and were stopped, asked for at a time.
ASKED = 1000

#: Asks the server whether a run is ours; returns when it has said so, however long that takes.
Claim = Callable[[str], Awaitable[bool]]


class Lease:
    """One for the agent. A run is ours from when it was taken in hand or claimed until one of these happens:

    - the server was silent for longer than it waits for an agent;
    - the process stood still: what it was told meanwhile may be on its way, or lost;
    - the stream that tells of stops was lost, and stands again.
    """

    def __init__(self, board: Board, pulse: Pulse, claim: Claim) -> None:
        self._board = board
        self._pulse = pulse
        self._claim = claim
        self._asking: set[Task[bool]] = set()

    def take(self, run: Run) -> None:
        """It is in hand, from now on."""
        run.sure = self._now()

    def _now(self) -> tuple[int, int]:
        """Return what changes whenever something may have been missed."""
        return self._pulse.standstills(), self._board.told_since_ms

    def look_before_start(self, run: Run) -> None:
        """Its turn has come: mark it as unclaimed if it may be over."""
        now = self._now()
        told_since = max(self._board.told_since_ms, self._pulse.since_ms)
        if run.request.run and (run.sure != now or made_at_ms(run.request.id) < told_since + FRESH_MS):
            run.unclaimed = True

    async def claim(self, run: Run) -> bool:
        """Return whether it is ours, as soon as the server has said so."""
        now = self._now()
        granted = await self._claim(run.core.run_id)
        run.sure = now
        return granted

    def decline(self, run_id: str) -> None:
        """Somebody has stopped a run that we have not begun, and shall not: let it end at the server."""
        if len(self._asking) < ASKED:  # the stream that opens next tells of the others
            task = asyncio.ensure_future(self._claim(run_id))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)

    def close(self) -> None:
        """Ask no more."""
        for task in self._asking:
            task.cancel()

    async def holds(self, run: Run) -> bool:
        """Return whether it is ours, as soon as that is known; raises MusterError when it cannot be known."""
        try:
            async with asyncio.timeout(LEASE_WAIT_S):
                while not self._board.lease_holds:  # noqa: ASYNC110 - what the board holds are plain values
                    await asyncio.sleep(LOOK_S)
                while run.request.run and self._missed_something(run):
                    if not await self.claim(run):
                        return False
        except TimeoutError:
            raise MusterError(
                Reason.UNAVAILABLE,
                "The server was not heard for too long: whether this run is still wanted is not known.",
                "Send the message again.",
            ) from None
        return True

    def _missed_something(self, run: Run) -> bool:
        # While the stream does not stand, the server may be away: then the first rule holds, and nothing waits for it.
        standstills, told_since = self._now()
        return run.sure[0] != standstills or told_since not in (run.sure[1], NOT_TOLD)
