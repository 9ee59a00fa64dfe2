"""Runs handlers: each run when its turn comes, ended exactly once, stopped when somebody says so.

The law: a run ends by what its handler returns or raises, by a stop, or by a time limit, whichever comes first; the
publisher learns of it at once. A run that the ending process leaves behind does not end: it comes again. Of a run that
may be another agent's, or may be over, nothing is done and nothing told before it is claimed.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog

from muster_agent.control.board import Board
from muster_agent.handlers import Handler
from muster_agent.inbox.slots import Slots
from muster_agent.journal.effects import Effect, Effects
from muster_agent.runs.lease import Lease
from muster_agent.runs.publisher import Publisher
from muster_agent.runs.reply import IncomingMessage, Reply, Tools
from muster_agent.runs.run import Run
from muster_agent.runs.tombstones import Tombstones
from muster_shared_models.problems import MusterError, Reason

__all__ = ["STOPPED", "Runner"]

log = structlog.get_logger()

#: How long cancelled handlers may take to end when the agent stops.
CANCEL_S = 5.0
#: Handlers that may go on after the end of their runs without keeping a slot.
ABANDONED = 100
STOPPED = MusterError(Reason.STOPPED, "The run was stopped.")


class Runner:
    """One for the agent; fulfils `RunServices`. `dropped(message id)` is called when a message is not ours."""

    dropped: Callable[[str], None]

    def __init__(
        self,
        handler: Handler,
        slots: int,
        publisher: Publisher,
        effects: Effects,
        board: Board,
        tools: Tools,
        lease: Lease,
    ) -> None:
        self._handler = handler
        self._lease = lease
        self._slots: Slots[Run] = Slots(slots)
        self._publisher = publisher
        self._effects = effects
        self._board = board
        self.tools = tools
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._runs: dict[str, Run] = {}
        #: Before their message came.
        self._stopped_before = Tombstones()
        #: What the last process had begun: its message comes again, or its answer is on its way.
        self._expected: set[str] = set()
        #: Their last words may still be on their way to the server.
        self._ended_lately = Tombstones()
        self._closing = False
        #: Runs whose handlers go on after their end: others have their slots.
        self._abandoned: set[Run] = set()

    def admit(self, run: Run) -> None:
        """Handle this run when its turn comes; one that is stopped already ends, as soon as it is ours."""
        run_id = run.core.run_id
        self._lease.take(run)
        self._runs[run_id] = run
        self._expected.discard(run_id)
        if self._stopped_before.take(run_id):
            run.stopped = run.stopped or STOPPED
        if run.stopped and not run.may_be_anothers:
            self.end(run, run.stopped)
        elif (ready := self._slots.offer(run.lane, run)) is not None:
            self._start(ready)

    def expect(self, run_id: str) -> None:
        """The last process had begun this run: how that ended is told when its message comes again."""
        self._expected.add(run_id)

    def end(self, run: Run, error: MusterError | None, tokens: tuple[int, int] = (0, 0)) -> None:
        """End a run, well or with an error."""
        now = self._loop.time()
        if error is None:
            run.core.finish(now, input_tokens=tokens[0], output_tokens=tokens[1])
        else:
            run.core.fail(now, error.reason, error.detail, error.hint)
        self._publisher.finish(run)

    def forget(self, run: Run) -> None:
        """Its answer is confirmed."""
        if self._runs.pop(run.core.run_id, None) is not None:
            self._ended_lately.add(run.core.run_id)

    def stop(self, run_id: str, why: MusterError = STOPPED) -> None:
        """Stop a run: at work, waiting for its turn, or not yet here."""
        run = self._runs.get(run_id)
        if run is None:
            self._stopped_before.add(run_id)
            if run_id not in self._ended_lately and run_id not in self._expected:
                self._lease.decline(run_id)
            return
        if run.core.ended:
            return
        run.stopped = run.stopped or why
        if run.begun and run.task is not None:
            run.task.cancel()
        elif run.task is None and run.may_be_anothers:
            self._lease.decline(run_id)
        elif run.task is None:
            self.end(run, run.stopped)

    def stop_known(self, run_ids: list[str]) -> None:
        """The server has ended these already."""
        for run_id in run_ids:
            if run_id in self._runs:
                self.stop(run_id)

    async def drain(self, grace_s: float) -> None:
        """Let runs end for a while, then cancel what is left: it is taken up again at the next start.

        What does not end even then is left behind.
        """
        self._closing = True
        self._lease.close()
        tasks = {run.task: run.core.run_id for run in self._runs.values() if run.task and not run.task.done()}
        for run in self._runs.values():
            if run.unclaimed and run.task is not None:
                run.task.cancel()  # nothing is done yet, and the server may be away for long
        if tasks:
            _, left = await asyncio.wait(tasks, timeout=grace_s)
            for task in left:
                task.cancel()
            _, stubborn = await asyncio.wait(left, timeout=CANCEL_S) if left else (left, left)
            for task in stubborn:
                log.warning("a handler goes on although it was cancelled: it is left behind", run=tasks[task])

    def abandon(self, run: Run) -> None:
        """Its run has ended, its handler goes on: give its turn to the next. Too many such keep their slots."""
        if len(self._abandoned) >= ABANDONED:
            log.error("a handler goes on and on: its slot is lost until the agent is restarted", run=run.core.run_id)
            return
        log.warning("a handler goes on although its run has ended: it is left to itself", run=run.core.run_id)
        self._abandoned.add(run)
        self._release(run)

    def _start(self, run: Run) -> None:
        run.begun_at = self._loop.time()
        self._lease.look_before_start(run)
        run.task = self._loop.create_task(self._claim_first(run) if run.unclaimed else self._handle(run))
        if not run.unclaimed:
            self._publisher.announce(run)

    async def _claim_first(self, run: Run) -> None:
        if await self._lease.claim(run):
            run.unclaimed = False
            self._publisher.announce(run)
            await self._handle(run)
            return
        log.info("the run has ended, or another agent has it", run=run.core.run_id)
        self.dropped(run.request.id)
        self._go_on(run)

    async def _handle(self, run: Run) -> None:
        run.begun = True
        reply = Reply(run, self, self._loop, self._thread)
        error = run.stopped
        try:
            if error is None:
                self._board.did = run.body.text
                await self._handler(_incoming(run), reply)
        except asyncio.CancelledError:
            if self._closing and run.stopped is None:
                raise
            error = run.stopped or MusterError(Reason.INTERNAL, "The agent's handler was cancelled by its own code.")
        except MusterError as problem:
            error = problem
        except Exception as problem:
            log.exception("the handler failed", run=run.core.run_id)
            error = MusterError(
                Reason.INTERNAL,
                f"The agent's handler failed: {type(problem).__name__}.",
                f"The agent's log says where (run {run.core.run_id}).",
            )
        if not run.core.ended:
            self.end(run, error, reply.tokens)
        self._go_on(run)

    def _go_on(self, run: Run) -> None:
        """Its handler has ended."""
        if run in self._abandoned:
            self._abandoned.remove(run)
        else:
            self._release(run)

    def _release(self, run: Run) -> None:
        following = self._slots.release(run.lane)
        while following is not None and following.core.ended:  # stopped while it waited for its turn
            following = self._slots.release(following.lane)
        if following is not None and not self._closing:
            self._start(following)

    # ---- what replies need ------------------------------------------------------------------------------------------

    def touch(self, run: Run) -> None:
        """The run has something to tell."""
        self._publisher.touch(run)

    async def allow_effect(self, run: Run) -> None:
        """Return when it is known that the run is still ours; one that is not is stopped."""
        if not await self._lease.holds(run):
            self.stop(run.core.run_id)

    def effects_of(self, message_id: str) -> dict[str, Effect]:
        """Return what earlier attempts did."""
        return self._effects.of(message_id)

    def intend(self, run: Run, receipt: str, tool: str, *, resumable: bool) -> Awaitable[None]:
        """Write that a tool is about to act."""
        self._publisher.acts(run)
        return self._effects.intend(run.request.id, receipt, tool, resumable=resumable)

    def take_back(self, run: Run, receipt: str) -> None:
        """Write that the tool did not act after all."""
        self._effects.take_back(run.request.id, receipt)

    def done(self, message_id: str, receipt: str, result: Mapping[str, Any]) -> Awaitable[None]:
        """Write what came of it."""
        return self._effects.done(message_id, receipt, result)


def _incoming(run: Run) -> IncomingMessage:
    body = run.body
    return IncomingMessage(
        run.request.id, body.text, body.sender_name, run.request.conversation, run.core.run_id, run.core.attempt,
        body.history,
    )  # fmt: skip
