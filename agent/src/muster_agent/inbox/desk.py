"""The desk: messages in hand, from their delivery to the confirmed answer.

    delivery ──judge──► run ──its turn──► handler ──► publisher ──confirmed──► acknowledged, forgotten
                 └────► answered at once (expired, interrupted), repeated, or rejected

The law: a message is acknowledged after its answer is durable on the bus, or after the journal holds it whole
(`upkeep.py`: long runs).
"""

import asyncio
from asyncio import Future
from collections import deque
from collections.abc import Sequence

import structlog
from pydantic import ValidationError

from muster_agent.clock import now_ms
from muster_agent.control.board import RunNote
from muster_agent.inbox.came import Came
from muster_agent.inbox.core import Do, Known, Verdict, judge, may_be_over
from muster_agent.inbox.early import Early
from muster_agent.journal.effects import Effects
from muster_agent.journal.messages import MessageRow, MessageRows
from muster_agent.runs.deliveries import Deliveries
from muster_agent.runs.publisher import Publisher
from muster_agent.runs.run import Run
from muster_agent.runs.runner import Runner
from muster_messaging.bus import Subscription
from muster_messaging.frames import decode, encode
from muster_messaging.message import Delivery
from muster_shared_models.bodies import CHAT
from muster_shared_models.problems import MusterError, Reason

__all__ = ["Desk"]

log = structlog.get_logger()

TITLE_LENGTH = 80
#: Heartbeats name all runs in hand, but only so many by title.
TITLES = 50
#: The most that passes between two looks at what waits, and how much slower it does while the queue is not empty.
LOOK_S = 2.0
SLOWER = 50


class Desk:
    """One for the agent."""

    def __init__(self, rows: MessageRows, effects: Effects, publisher: Publisher, runner: Runner) -> None:
        self._rows = rows
        self._effects = effects
        self._publisher = publisher
        self._runner = runner
        self._loop = asyncio.get_running_loop()
        #: Where deliveries come from, and since when.
        self._subscription: Subscription | None = None
        self._since_ms = 0
        self._early: Early[Came] = Early()
        self._attached = False
        #: The clock of what waits, and when it was last moved on.
        self._patience_s = 0.0
        self._looked_at = 0.0
        #: Message id to what is in hand.
        self.runs: dict[str, Run] = {}
        #: Answers of an earlier process that are published once more: message id to what to acknowledge after.
        self._repeats: dict[str, list[Deliveries]] = {}
        #: Messages whose answers are confirmed, and those of them that had side effects: to be noted in the journal.
        self.confirmed: list[str] = []
        self.confirmed_effects: list[str] = []

    def take(self, subscription: Subscription, deliveries: Sequence[Delivery]) -> None:
        """Take a batch in hand."""
        if subscription is not self._subscription:
            self._subscription, self._since_ms = subscription, now_ms()
        batch, now = [], self._loop.time()
        for delivery in deliveries:
            at = Deliveries()
            at.add(subscription, delivery.tag)
            batch.append(Came(delivery.message, at, now, again=delivery.attempt > 1))
        self._take(batch)

    def take_late(self, *, attached: bool, drained: bool) -> None:
        """Take in hand what has waited long enough for the message before it.

        Time goes by while messages reach us (`attached`), and but slowly unless the queue is empty (`drained`): what is
        waited for may stand in it.
        """
        now = self._loop.time()
        if attached and not self._attached:
            self._early.begin_anew(self._patience_s)
        elif attached:
            passed = min(now - self._looked_at, LOOK_S)  # not what passed while the process stood still
            self._patience_s += passed if drained else passed / SLOWER
        self._attached, self._looked_at = attached, now
        self._take(self._early.due(self._patience_s))

    def resume(self) -> None:
        """Take up what the last process left: answers to confirm, and messages that nobody will deliver again.

        Those wait for what is before them in their conversation and will be delivered again.
        """
        expected: dict[str, str] = {}
        rows = self._rows.unfinished()
        for row in sorted(rows, key=lambda row: row.seq):  # what was overtaken is younger, and answered before
            if row.state != "received":
                self._runner.expect(row.run_id)
            if row.reply is not None:
                self._publisher.repeat(row)
            elif row.frame is None:
                expected[row.conversation] = row.message_id
            elif row.message_id not in self.runs:
                came = Came(decode(row.frame, ""), Deliveries(), self._loop.time(), again=True, frame=row.frame)
                before = expected.get(row.conversation, "") if row.conversation else ""
                # What it names comes first: it may be younger in the journal, where it was overtaken.
                if not self._waits(came) and not (before and self._hold(came, before)):
                    self._take([came])

    def _take(self, batch: Sequence[Came]) -> None:
        waiting, rows = deque(batch), self._find(batch)
        while waiting:
            came = waiting.popleft()
            if self._joins(came):
                continue
            row = rows.get(came.message.id)
            verdict = judge(came.message, self._known(row) if row else None, now_ms())
            if verdict.do is Do.BEGIN and row is None and self._waits(came):
                continue
            self._follow(verdict, came, row)
            if following := self._early.came(came.message.id):
                rows |= self._find(following)
                waiting.extendleft(reversed(following))

    def _find(self, batch: Sequence[Came]) -> dict[str, MessageRow]:
        ids = [came.message.id for came in batch if came.message.id not in self.runs]
        return self._rows.find(ids) if ids else {}

    def _joins(self, came: Came) -> bool:
        """Let a second copy of what is in hand, or waits, be acknowledged with it."""
        run, waits = self.runs.get(came.message.id), self._early.held(came.message.id)
        if run is not None:
            run.deliveries.join(came.deliveries)
        elif waits is not None:
            waits.deliveries.join(came.deliveries)
        return run is not None or waits is not None

    def _waits(self, came: Came) -> bool:
        """Let what overtook the message before it wait for that."""
        before = came.message.after
        if not before or before in self.runs or self._early.knows(before):
            return False
        row = self._rows.find([before]).get(before)
        if row is not None and row.state not in ("received", "running"):
            return False  # it was answered; what the last process had in hand comes again
        return self._hold(came, before)

    def _hold(self, came: Came, before: str) -> bool:
        return self._early.hold(came.message.id, before, came, self._patience_s)

    # ---- what waits for the message before it

    def waiting(self) -> list[Came]:
        """Return what waits for the message before it."""
        return self._early.all_held()

    def keep(self, came: Came) -> None:
        """Write down what waits, then let the queue server forget it: it takes the place of what it waits for."""
        message, frame = came.message, encode(came.message)
        row = MessageRow(message.id, message.run, message.conversation, "received", 1, now_ms(), frame)

        def written(done: "Future[None]") -> None:
            if done.exception() is None and self._early.held(message.id) is came:
                came.frame = frame
                came.deliveries.acknowledge()

        self._rows.put(row).add_done_callback(written)

    # ---- what is in hand

    def in_doubt(self) -> list[str]:
        """Return the runs of the last process whose tools may have left something running."""
        rows = [row for row in self._rows.unfinished() if row.state == "running"]
        return [row.run_id for row in rows if self._effects.doubt(row.message_id)]

    def settled(self, message_id: str) -> None:
        """The answer to this message is durable on the bus, or it is not ours."""
        self.confirmed.append(message_id)
        run = self.runs.pop(message_id, None)
        if run is not None:
            self._runner.forget(run)
            run.acknowledge()
            if run.has_effects or run.core.attempt > 1:
                self.confirmed_effects.append(message_id)
        for deliveries in self._repeats.pop(message_id, ()):
            deliveries.acknowledge()

    def notes(self) -> list[RunNote]:
        """Return the runs in hand; called by the heartbeat's thread."""
        runs = list(self.runs.values())
        return [
            RunNote(
                run.core.run_id,
                run.request.conversation,
                run.body.text[:TITLE_LENGTH].partition("\n")[0] if index < TITLES else "",
                run.at_ms,
            )
            for index, run in enumerate(runs)
        ]

    def unacknowledged(self) -> int:
        """Return how many deliveries wait for their acknowledgement; called by the heartbeat's thread."""
        in_hand = sum(not run.acked for run in list(self.runs.values()))
        return in_hand + sum(came.deliveries.open for came in self._early.all_held())

    def _known(self, row: MessageRow) -> Known:
        return Known(row.state, row.attempt, self._effects.doubt(row.message_id) if row.state == "running" else "")

    def _follow(self, verdict: Verdict, came: Came, row: MessageRow | None) -> None:
        message = came.message
        if verdict.do in (Do.BEGIN, Do.ANSWER):
            self._begin(verdict, came, row)
        elif verdict.do is Do.REJECT:
            # Nothing is told or journalled: the dead letter ends the run, and may be sent again under the same id.
            log.warning("a message cannot be read", message=message.id, run=message.run, why=verdict.message)
            came.deliveries.reject()
        elif verdict.do is Do.REPEAT and row is not None and row.reply is not None:
            self._repeats.setdefault(message.id, []).append(came.deliveries)
            self._publisher.repeat(row)
        else:
            came.deliveries.acknowledge()

    def _begin(self, verdict: Verdict, came: Came, row: MessageRow | None) -> None:
        message = came.message
        try:
            body = CHAT.validate_json(message.body)
        except ValidationError as error:
            why = f"The message cannot be read: {error.error_count()} of its fields are wrong."
            self._follow(Verdict(Do.REJECT, 1, Reason.FRAME_MALFORMED, why), came, None)
            return
        at_ms = row.at_ms if row else now_ms()
        run = Run(message, body, came.deliveries, verdict.attempt, self._loop.time(), at_ms)
        run.frame = came.frame if run.acked else None
        self.runs[message.id] = run
        run.unclaimed = message.claim and (row is None or row.state == "received")
        if verdict.do is Do.BEGIN and message.run and not run.unclaimed:
            run.unclaimed = came.again or may_be_over(message, row is not None, self._since_ms, now_ms())
        if verdict.reason is not None:
            run.stopped = MusterError(verdict.reason, verdict.message, verdict.hint)
        self._runner.admit(run)
