"""The desk: messages in hand, from their delivery to the confirmed answer.

    delivery ──judge──► run ──its turn──► handler ──► publisher ──confirmed──► acknowledged, forgotten
                 └────► answered at once (expired, interrupted), repeated, or rejected

The law: a message is acknowledged after its answer is durable on the bus, or after the journal holds it whole
(`upkeep.py`: long runs).
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import structlog
from pydantic import ValidationError

from muster_agent.clock import now_ms
from muster_agent.control.board import RunNote
from muster_agent.inbox.core import Do, Known, Verdict, judge, may_be_over
from muster_agent.inbox.early import Early
from muster_agent.journal.effects import Effects
from muster_agent.journal.messages import MessageRow, MessageRows
from muster_agent.runs.publisher import Publisher
from muster_agent.runs.run import Run
from muster_agent.runs.runner import Runner
from muster_messaging.bus import Subscription
from muster_messaging.frames import decode
from muster_messaging.message import Delivery, Message
from muster_shared_models.bodies import CHAT
from muster_shared_models.problems import MusterError, Reason

__all__ = ["Desk"]

log = structlog.get_logger()

TITLE_LENGTH = 80
#: Heartbeats name all runs in hand, but only so many by title.
TITLES = 50


class _Came(NamedTuple):
    """A message that was delivered, or taken out of the journal."""

    message: Message
    subscription: Subscription | None
    delivery: Delivery | None
    row: MessageRow | None = None


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
        self._early: Early[_Came] = Early()
        self._attached = False
        #: Message id to what is in hand.
        self.runs: dict[str, Run] = {}
        #: Answers of an earlier process that are published once more: message id to what to acknowledge after.
        self._repeats: dict[str, list[tuple[Subscription, int]]] = {}
        #: Messages whose answers are confirmed, and those of them that had side effects: to be noted in the journal.
        self.confirmed: list[str] = []
        self.confirmed_effects: list[str] = []

    def take(self, subscription: Subscription, deliveries: Sequence[Delivery]) -> None:
        """Take a batch in hand."""
        if subscription is not self._subscription:
            self._subscription, self._since_ms = subscription, now_ms()
        self._take([_Came(delivery.message, subscription, delivery) for delivery in deliveries])

    def attach(self) -> None:
        """Deliveries reach us from now on."""
        self._attached = True
        self._early.begin_anew(self._loop.time())

    def detach(self) -> None:
        """No delivery reaches us any more: what waits for one waits until they do again."""
        self._attached = False

    def take_late(self) -> None:
        """Take in hand what has waited long enough for the message before it."""
        if self._attached:
            self._take(self._early.due(self._loop.time()))

    def resume(self) -> None:
        """Take up what the last process left: answers to confirm, and messages that nobody will deliver again.

        Those wait for what is before them in their conversation and will be delivered again.
        """
        expected: dict[str, str] = {}
        for row in self._rows.unfinished():
            if row.reply is not None:
                self._publisher.repeat(row)
            elif row.frame is None:
                expected[row.conversation] = row.message_id
            elif row.message_id not in self.runs:
                came = _Came(decode(row.frame, ""), None, None, row)
                before = expected.get(row.conversation) if row.conversation else None
                if before is None or not self._early.hold(row.message_id, before, came, self._loop.time()):
                    self._take([came])

    def _take(self, all_came: list["_Came"]) -> None:
        ids = [came.message.id for came in all_came if came.row is None and came.message.id not in self.runs]
        rows = self._rows.find(ids) if ids else {}
        waiting = deque(all_came)
        while waiting:
            came = waiting.popleft()
            run = self.runs.get(came.message.id)
            if run is not None:
                if came.subscription is not None and came.delivery is not None:
                    run.delivered(came.subscription, came.delivery.tag)
                continue
            row = came.row or rows.get(came.message.id)
            verdict = judge(came.message, self._known(row) if row else None, now_ms())
            if verdict.do is Do.BEGIN and row is None and self._waits(came):
                continue
            self._follow(verdict, came.message, came.subscription, came.delivery, row)
            waiting.extendleft(reversed(self._early.came(came.message.id)))

    def _waits(self, came: "_Came") -> bool:
        """Let what overtook the message before it wait for that."""
        before = came.message.after
        if not before or before in self.runs or self._early.knows(before):
            return False
        row = self._rows.find([before]).get(before)
        if row is not None and row.state not in ("received", "running"):
            return False  # it was answered; what the last process had in hand comes again
        return self._early.hold(came.message.id, before, came, self._loop.time())

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
        for subscription, tag in self._repeats.pop(message_id, ()):
            subscription.ack((tag,))

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
        return sum(not run.acked for run in list(self.runs.values())) + len(self._early)

    def _known(self, row: MessageRow) -> Known:
        return Known(row.state, row.attempt, self._effects.doubt(row.message_id) if row.state == "running" else "")

    def _follow(
        self, verdict: Verdict, message: Message, subscription: Subscription | None, delivery: Delivery | None,
        row: MessageRow | None,
    ) -> None:  # fmt: skip
        if verdict.do in (Do.BEGIN, Do.ANSWER):
            self._begin(verdict, message, subscription, delivery, row)
        elif subscription is None or delivery is None:
            return
        elif verdict.do is Do.REJECT:
            # Nothing is told or journalled: the dead letter ends the run, and may be sent again under the same id.
            log.warning("a message cannot be read", message=message.id, run=message.run, why=verdict.message)
            subscription.reject(delivery.tag)
        elif verdict.do is Do.REPEAT and row is not None and row.reply is not None:
            self._repeats.setdefault(message.id, []).append((subscription, delivery.tag))
            self._publisher.repeat(row)
        else:
            subscription.ack((delivery.tag,))

    def _begin(
        self, verdict: Verdict, message: Message, subscription: Subscription | None, delivery: Delivery | None,
        row: MessageRow | None,
    ) -> None:  # fmt: skip
        try:
            body = CHAT.validate_json(message.body)
        except ValidationError as error:
            why = f"The message cannot be read: {error.error_count()} of its fields are wrong."
            self._follow(Verdict(Do.REJECT, 1, Reason.FRAME_MALFORMED, why), message, subscription, delivery, None)
            return
        run = Run(message, body, verdict.attempt, self._loop.time(), row.at_ms if row else now_ms())
        if subscription is not None and delivery is not None:
            run.delivered(subscription, delivery.tag)
        else:
            run.acked = True
            run.frame = row.frame if row else None
        self.runs[message.id] = run
        run.unclaimed = message.claim and (row is None or row.state == "received")
        if verdict.do is Do.BEGIN and message.run and not run.unclaimed:
            redelivered = delivery is None or delivery.attempt > 1
            run.unclaimed = redelivered or may_be_over(message, row is not None, self._since_ms, now_ms())
        if verdict.reason is not None:
            run.stopped = MusterError(verdict.reason, verdict.message, verdict.hint)
        self._runner.admit(run)
