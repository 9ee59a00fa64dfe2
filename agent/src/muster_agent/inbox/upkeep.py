"""What must be done now and then about messages in hand, so that nothing of it weighs on each message."""

import asyncio
from asyncio import Future

from muster_agent.control.board import Board
from muster_agent.inbox.desk import Desk
from muster_agent.journal.messages import MessageRows
from muster_agent.runs.run import Run
from muster_agent.runs.runner import Runner
from muster_messaging.frames import encode
from muster_shared_models.problems import MusterError, Reason

__all__ = ["Upkeep"]

EVERY_S = 1.0
#: A delivery that was not answered by then is journalled and acknowledged: queue servers take back what is held long.
HOLD_S = 60.0
#: So is, after this time, one that waits behind its own conversation: others may be delivered in its place.
BEHIND_S = 1.0
#: Messages that may be in hand without the queue server knowing, and how many of them may be behind others.
HELD = 256
HELD_BEHIND = 128
#: A handler that was cancelled and goes on is answered for after this time, cancelled again, and loses its slot.
STUBBORN_S = 5.0
#: How often the journal forgets what is too old; at its start it does in any case.
PRUNE_EVERY_S = 3600.0


class Upkeep:
    """Looks after the desk once a second."""

    def __init__(
        self, desk: Desk, runner: Runner, rows: MessageRows, board: Board, prefetch: int, run_timeout_s: float
    ) -> None:
        self._desk = desk
        self._board = board
        self._prefetch = prefetch
        self._runner = runner
        self._rows = rows
        self._run_timeout_s = run_timeout_s
        self._loop = asyncio.get_running_loop()
        self._prune_at = self._loop.time() + PRUNE_EVERY_S

    async def run(self) -> None:
        """Do it, for ever."""
        while True:
            await asyncio.sleep(EVERY_S)
            self.note_confirmed()
            drained = self._desk.unacknowledged() < self._prefetch
            self._desk.take_late(attached=self._board.consumer_attached(), drained=drained)
            now = self._loop.time()
            if now >= self._prune_at:
                self._prune_at = now + PRUNE_EVERY_S
                self._rows.prune().add_done_callback(self._pruned)
            held = sum(run.acked for run in self._desk.runs.values())
            at_work = {run.lane for run in self._desk.runs.values() if run.task is not None}
            for run in list(self._desk.runs.values()):
                self._check_time(run, now)
                behind = run.task is None and run.lane in at_work
                hold_s, most = (BEHIND_S, HELD_BEHIND) if behind else (HOLD_S, HELD)
                if not run.acked and now - run.since > hold_s and held < most:
                    held += 1
                    self._acknowledge_early(run)
            self._keep_what_waits(now, held)

    def note_confirmed(self) -> None:
        """Let the journal forget answers that are confirmed."""
        desk = self._desk
        if desk.confirmed:
            self._rows.done(desk.confirmed, desk.confirmed_effects)
            desk.confirmed, desk.confirmed_effects = [], []

    def _keep_what_waits(self, now: float, held: int) -> None:
        """Let what waits for the message before it take no place on the queue: there it comes."""
        waiting = self._desk.waiting()
        held += sum(not came.deliveries.open for came in waiting)
        for came in waiting:
            if came.deliveries.open and now - came.since > BEHIND_S and held < HELD_BEHIND:
                held += 1
                self._desk.keep(came)

    def _pruned(self, done: "Future[bool]") -> None:
        if not done.cancelled() and done.exception() is None and done.result():
            self._prune_at = self._loop.time()  # there is more: with the next round

    def _check_time(self, run: Run, now: float) -> None:
        if run.core.ended or run.task is None or run.task.done() or run.unclaimed:
            return
        if run.stopped is None and now - run.begun_at > self._run_timeout_s:
            self._runner.stop(
                run.core.run_id,
                MusterError(
                    Reason.TIMED_OUT,
                    f"The run took longer than {self._run_timeout_s:.0f} s.",
                    "MUSTER_AGENT_RUN_TIMEOUT sets how long one may take.",
                ),
            )
            run.stopped_at = now
        elif run.stopped is not None:
            run.stopped_at = run.stopped_at or now
            if now - run.stopped_at > STUBBORN_S:
                run.task.cancel()
                self._runner.end(run, run.stopped)
                self._runner.abandon(run)

    def _acknowledge_early(self, run: Run) -> None:
        """Keep the message in the journal, then let the queue server forget it."""
        if run.core.ended:
            return  # its answer is in the journal already, and waits only for the bus
        run.frame = encode(run.request)
        future = self._rows.put(run.row("running" if run.begun else "received"))
        future.add_done_callback(lambda done: None if done.exception() else run.acknowledge())
