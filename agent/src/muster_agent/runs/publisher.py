"""Brings what runs have to tell onto the bus: many runs a tick, one disk write for all of them.

    run.touch() ──► tick: encode ──► journal (first flush and last) ──► lanes ──► bus confirms ──► settled

The laws: the first flush of an attempt and the last message of a run are in the journal before they are on the bus. A
run has at most one flush under way besides its last message, so a slow bus makes them rarer; what only passes goes in
one message for all. What lasts is sent until it is confirmed, through any bus; what ends a run survives the process.
"""

import asyncio
from asyncio import Future
from collections.abc import Callable
from functools import partial

import structlog

from muster_agent.journal.messages import MessageRow, MessageRows
from muster_agent.runs.core import FIRST_FLUSH_S, PASSING, RunState
from muster_agent.runs.messages import Outgoing, answer_again, flush_message, pieces_message, row_of, too_large
from muster_agent.runs.run import Run
from muster_agent.runs.sequence import Sequences
from muster_agent.runs.together import Together, parcels
from muster_messaging.bus import Bus
from muster_messaging.errors import QueueFull, TooLarge
from muster_messaging.lanes import Lanes
from muster_messaging.topology import TO_BROKER, partition_key, partition_of

__all__ = ["Publisher"]

log = structlog.get_logger()

#: How long the lanes try to publish one message before they hand it back.
PATIENCE_S = 24 * 3600.0
#: Messages that may wait to be published; more runs than that are never in hand.
LIMIT = 10_000
#: Before a message that was refused for good is tried again: what refused it may be repaired by then.
REPAIR_S = 15.0


class Publisher:
    """One for the agent. `settled(message id)` is called when the answer to a message is durable on the bus."""

    settled: Callable[[str], None]

    def __init__(self, rows: MessageRows, partitions: int, agent_id: str) -> None:
        self._rows, self._sequences = rows, Sequences(rows)
        #: Whose messages these are, for queue servers that do not verify it because all share one login.
        self._agent_id = agent_id
        self._partitions = partitions
        self._loop = asyncio.get_running_loop()
        self._lanes: Lanes | None = None
        self._together = Together(self._flush_pieces)
        self._touched: list[Run] = []
        self._young: list[Run] = []
        self._ticking = False
        #: Message id to what the bus has not confirmed, in the order in which it was made.
        self._unsettled: dict[str, Outgoing] = {}
        self._idle = asyncio.Event()
        self._idle.set()
        self._commit: Future[None] | None = None
        self._batch: list[Outgoing] = []

    def attach(self, bus: Bus) -> None:
        """Publish through this bus from now on, first what is not settled."""
        self.detach()
        self._lanes = Lanes(bus, patience_s=PATIENCE_S, limit=LIMIT)
        for outgoing in list(self._unsettled.values()):
            if outgoing.durable:
                self._send(outgoing)

    def detach(self) -> None:
        """The bus is going away: keep what is not settled."""
        lanes, self._lanes = self._lanes, None
        if lanes is not None:
            lanes.close()

    def announce(self, run: Run) -> None:
        """This run has begun: tell it soon, unless it ends before."""
        self._young.append(run)
        if len(self._young) == 1:
            self._loop.call_later(FIRST_FLUSH_S, self._grown)

    def finish(self, run: Run) -> None:
        """This run has ended: tell it now."""
        if not run.touched:
            self._touch_now(run)

    def touch(self, run: Run) -> None:
        """This run may have something to tell, at once or when its time comes."""
        due = run.core.due()
        if due is None or run.touched or (run.flushing and not run.core.ended):
            return
        if due and run.core.only_passing:
            self._together.add(run)
            return
        if due > self._loop.time():
            if run.timer is None:
                run.timer = self._loop.call_at(due, self._time_came, run)
            return
        self._touch_now(run)

    def acts(self, run: Run) -> None:
        """Something is about to be done for this run: let the journal know that it is running, before that.

        A message that the journal does not know is begun anew after a crash, whatever was done for it.
        """
        if run.core.state is RunState.NEW and not run.core.ended:
            self._rows.put(run.row("running"))

    def repeat(self, row: MessageRow) -> None:
        """Publish once more what the journal holds as an answer: the same message, as receivers see it."""
        message = answer_again(row, self._agent_id)
        if message.id not in self._unsettled:
            self._hold(Outgoing(message, (), lasting=True, last=True, durable=True))
            self._send(self._unsettled[message.id])

    async def all_settled(self, within_s: float) -> None:
        """Wait until everything is confirmed, but not longer than that."""
        try:
            async with asyncio.timeout(within_s):
                await self._idle.wait()
        except TimeoutError:
            log.warning("answers wait to be published at the next start", answers=len(self._unsettled))

    def close(self) -> None:
        """Stop publishing and give back unused sequence numbers."""
        self.detach()
        if not self._unsettled:  # what may never come must not be waited for
            self._sequences.give_back()

    def _touch_now(self, run: Run) -> None:
        run.touched = True
        self._touched.append(run)
        if not self._ticking:
            self._ticking = True
            self._loop.call_soon(self._tick)

    def _grown(self) -> None:
        young, self._young = self._young, []
        for run in young:
            if run.core.state is RunState.NEW and not run.touched:
                self._touch_now(run)

    def _time_came(self, run: Run) -> None:
        run.timer = None
        self.touch(run)

    def _tick(self) -> None:
        self._ticking = False
        runs, self._touched = self._touched, []
        now = self._loop.time()
        for run in runs:
            run.touched = False
            self._flush(run, now)
            if run.core.ended and run.core.state is not RunState.ENDED:  # too much for one message
                self._touch_now(run)

    def _flush(self, run: Run, now: float) -> None:
        first = run.core.state is RunState.NEW
        events = run.core.take(now)
        message = flush_message(run, events, self._sequences.next(run.request.conversation), self._agent_id)
        last = run.core.state is RunState.ENDED
        # One more while another is under way, which may be on its way to the disk: it must not overtake.
        through_journal = first or last or run.flushing
        run.flushing = True
        lasting = any(event["kind"] not in PASSING for event in events)
        outgoing = Outgoing(message, (run,), lasting, last)
        self._hold(outgoing)
        if last and run.timer is not None:
            run.timer.cancel()
            run.timer = None
        if through_journal:
            self._write(outgoing, run.row("replied", message.seq, message.body) if last else run.row("running"))
        else:
            outgoing.durable = True
            self._send(outgoing)

    def _flush_pieces(self, runs: list[Run]) -> None:
        now = self._loop.time()
        for parcel in parcels(run for run in runs if run.core.only_passing and not run.flushing and not run.touched):
            if len(parcel) == 1:
                self._flush(parcel[0], now)
                continue
            for run in parcel:
                run.flushing = True
            pieces = [(run.core.run_id, run.core.take(now, unordered=True)) for run in parcel]
            outgoing = Outgoing(pieces_message(pieces, self._agent_id), parcel, lasting=False, last=False, durable=True)
            self._hold(outgoing)
            self._send(outgoing)

    def _write(self, outgoing: Outgoing, row: MessageRow) -> None:
        commit = self._rows.put(row)
        if commit is not self._commit:
            self._commit = commit
            self._batch = []
            commit.add_done_callback(partial(self._committed, self._batch))
        self._batch.append(outgoing)

    def _committed(self, batch: list[Outgoing], commit: "Future[None]") -> None:
        if commit.cancelled() or commit.exception() is not None:
            return  # the journal has failed: so has the agent
        for outgoing in batch:
            outgoing.durable = True
            self._send(outgoing)

    def _hold(self, outgoing: Outgoing) -> None:
        self._unsettled[outgoing.message.id] = outgoing
        self._idle.clear()

    def _send(self, outgoing: Outgoing) -> None:
        lanes, message = self._lanes, outgoing.message
        if lanes is None:
            return
        key = partition_key(partition_of(message.conversation or self._agent_id, self._partitions))
        try:
            future = lanes.send(message.conversation or message.id, TO_BROKER, key, message)
        except QueueFull:
            self._loop.call_later(REPAIR_S, self._send_again, outgoing, lanes)
            return
        future.add_done_callback(partial(self._sent, outgoing, lanes))

    def _send_again(self, outgoing: Outgoing, lanes: Lanes) -> None:
        if self._lanes is lanes and outgoing.message.id in self._unsettled:
            self._send(outgoing)

    def _sent(self, outgoing: Outgoing, lanes: Lanes, future: "Future[None]") -> None:
        error = None if future.cancelled() else future.exception()
        if error is not None and lanes is not self._lanes:
            return  # the bus was taken away: it is sent again through the next one
        if error is not None and outgoing.lasting:
            log.error("what a run says cannot be published", why=str(error), run=outgoing.message.run)
            if not isinstance(error, TooLarge) or outgoing.cut:
                self._loop.call_later(REPAIR_S, self._send_again, outgoing, lanes)
                return
            if outgoing.last:  # it is within our bound: the queue server takes less
                outgoing.message, outgoing.cut, outgoing.durable = too_large(outgoing.message), True, False
                self._write(outgoing, row_of(outgoing.message))
                return
        self._unsettled.pop(outgoing.message.id, None)
        if not self._unsettled:
            self._idle.set()
        if outgoing.last:
            self.settled(outgoing.message.correlation_id)
            return
        for run in outgoing.runs:
            run.flushing = False
            self.touch(run)
