"""What people do with dead letters: look, edit, send again, drop. Everything is written down."""

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from muster_messaging.message import MAX_BODY_BYTES, Message
from muster_server.access.core import Principal
from muster_server.clock import Clock
from muster_server.deadletters import store
from muster_server.deadletters.core import may_readdress, readdressed, replayed
from muster_server.deadletters.ports import Runs, Sending
from muster_server.flow.outbox import Outgoing
from muster_server.store.audit import note
from muster_server.store.store import Store
from muster_server.store.transaction import Transaction
from muster_shared_models.addresses import parse_address
from muster_shared_models.bodies import MessageType
from muster_shared_models.dead_letters import (
    SHOWN_BODY,
    DeadLetterCount,
    DeadLetterCounts,
    DeadLetterDetail,
    DeadLetterFilter,
    DeadLettersHandled,
    DeadLetterState,
    DeadLetterView,
    EditDeadLetter,
)
from muster_shared_models.problems import MusterError, Reason

__all__ = ["DeadLetters"]

#: How long it is kept what was handled.
KEPT_MS = 30 * 86_400_000
#: Values that a filter offers; the rest is found by typing.
OFFERED = 100
ANEW = "Drop it, and send its text to the other agent anew."


@dataclass(frozen=True, slots=True)
class _Replayed:
    row_id: int
    outgoing: Outgoing
    change: Any


class DeadLetters:
    """The room."""

    def __init__(self, db: Store, clock: Clock, outbox: Sending, runs: Runs[Any], partitions: int) -> None:
        self._store = db
        self._clock = clock
        self._outbox = outbox
        self._runs = runs
        self._partitions = partitions

    async def page(
        self, state: DeadLetterState, matching: DeadLetterFilter, before: str, most: int
    ) -> list[DeadLetterView]:
        """Return dead letters, newest first."""
        return await self._store.read(lambda tx: store.page(tx, state, matching, before, most))

    async def waiting(self) -> int:
        """Return how many wait for somebody."""
        return await self._store.read(lambda tx: store.count(tx, DeadLetterFilter()))

    async def waiting_by_queue(self) -> dict[str, int]:
        """Return how many wait, by the queue where they died."""
        queues, _, _ = await self._store.read(lambda tx: store.counts(tx, DeadLetterState.WAITING))
        return dict(queues)

    async def counts(self, state: DeadLetterState) -> DeadLetterCounts:
        """Return how many there are in a state, by what they can be filtered by."""
        queues, reasons, agents = await self._store.read(lambda tx: store.counts(tx, state))
        return DeadLetterCounts(
            total=sum(reasons.values()), queues=_most(queues), reasons=_most(reasons), agents=_most(agents)
        )

    async def get(self, letter_id: str) -> DeadLetterDetail:
        """Return a dead letter with its body and history; raises NOT_FOUND."""
        return await self._store.read(lambda tx: _detail(tx, letter_id))

    async def edit(self, principal: Principal, letter_id: str, edit: EditDeadLetter) -> DeadLetterDetail:
        """Replace body or address of a waiting dead letter; raises NOT_FOUND, ALREADY_FINISHED, INVALID_*."""
        if edit.to is not None:
            parse_address(edit.to)
        if edit.body is not None and len(edit.body.encode()) > MAX_BODY_BYTES:
            raise MusterError(Reason.MESSAGE_TOO_LARGE, f"The body is over {MAX_BODY_BYTES} bytes.")

        def unit(tx: Transaction) -> DeadLetterDetail:
            before = _detail(tx, letter_id)
            if edit.body is not None and not before.body_complete:
                raise MusterError(Reason.INVALID_REQUEST, "This body is no text, or too long to be edited.")
            message = store.message_of(tx, letter_id)
            exchange, key = before.letter.exchange, before.letter.key
            if edit.to is not None:
                if not before.may_readdress:
                    raise MusterError(Reason.INVALID_REQUEST, "This run is one agent's: no other can answer it.", ANEW)
                message, exchange, key = readdressed(message, edit.to, self._partitions)
            if edit.body is not None:
                message = message._replace(body=edit.body.encode())
            if not store.rewrite(tx, letter_id, message, exchange, key):
                raise _handled(before.letter)
            what = [name for name in ("body", "to") if getattr(edit, name) is not None]
            note(tx, letter_id, self._clock(), principal.name, "edit", ", ".join(what))
            return _detail(tx, letter_id)

        return await self._store.write(unit)

    async def replay(self, principal: Principal, letter_id: str) -> DeadLetterView:
        """Send a dead letter again, with the same message id; raises NOT_FOUND, ALREADY_FINISHED or OVERLOADED.

        An answer is refused (ALREADY_FINISHED, FRAME_MALFORMED) when its run takes it no more, or nobody can read it.
        """
        self._outbox.need_room()
        sent, view = await self._store.write(lambda tx: self._replay_unit(tx, principal, letter_id))
        self._publish(sent)
        return view

    async def drop(self, principal: Principal, letter_id: str) -> DeadLetterView:
        """Give a dead letter up; raises NOT_FOUND or ALREADY_FINISHED."""
        return await self._store.write(lambda tx: self._drop_unit(tx, principal, letter_id))

    async def replay_many(self, principal: Principal, matching: DeadLetterFilter, limit: int) -> DeadLettersHandled:
        """Send the oldest that match again; raises OVERLOADED."""
        self._outbox.need_room()

        def unit(tx: Transaction) -> tuple[list[_Replayed], int]:
            sent = []
            for each in store.waiting(tx, matching, limit):
                # An answer whose run takes none any more goes on waiting; whoever sends it alone is told why.
                with suppress(MusterError):
                    sent.append(self._replay_unit(tx, principal, each.id)[0])
            return sent, store.count(tx, matching)

        sent, left = await self._store.write(unit)
        for each in sent:
            self._publish(each)
        return DeadLettersHandled(handled=len(sent), waiting=left)

    async def drop_many(self, principal: Principal, matching: DeadLetterFilter, limit: int) -> DeadLettersHandled:
        """Give the oldest that match up."""

        def unit(tx: Transaction) -> DeadLettersHandled:
            found = store.waiting(tx, matching, limit)
            for each in found:
                self._drop_unit(tx, principal, each.id)
            return DeadLettersHandled(handled=len(found), waiting=store.count(tx, matching))

        return await self._store.write(unit)

    async def sweep(self) -> None:
        """Forget what was handled long ago."""
        await self._store.write(lambda tx: store.forget(tx, self._clock() - KEPT_MS))

    def _replay_unit(self, tx: Transaction, principal: Principal, letter_id: str) -> tuple[_Replayed, DeadLetterView]:
        _need(tx, letter_id)
        change = self._reopened(tx, store.message_of(tx, letter_id), principal.name)
        view, message = self._take(tx, principal, letter_id, DeadLetterState.REPLAYED)
        again = replayed(message, self._clock())
        outgoing = Outgoing(again.conversation or again.id, view.exchange, view.key, again)
        return _Replayed(self._outbox.add(tx, outgoing), outgoing, change), view

    def _reopened(self, tx: Transaction, message: Message, by: str) -> Any | None:
        """Let the message's run wait again; raises, with nothing changed, where sending it again would do nothing."""
        if message.type == MessageType.CHAT.value:
            return self._runs.reopened(tx, message.run, message.to, by)
        if message.type == MessageType.RUN_EVENTS.value:
            return self._runs.answered(tx, message, by)
        return None

    def _drop_unit(self, tx: Transaction, principal: Principal, letter_id: str) -> DeadLetterView:
        view, _ = self._take(tx, principal, letter_id, DeadLetterState.DROPPED)
        return view

    def _take(
        self, tx: Transaction, principal: Principal, letter_id: str, state: DeadLetterState
    ) -> tuple[DeadLetterView, Message]:
        before, now = _need(tx, letter_id), self._clock()
        if not store.handle(tx, letter_id, state, principal.name, now):
            raise _handled(before)
        note(tx, letter_id, now, principal.name, "replay" if state is DeadLetterState.REPLAYED else "drop")
        return _need(tx, letter_id), store.message_of(tx, letter_id)

    def _publish(self, sent: _Replayed) -> None:
        if sent.change is not None:
            self._runs.after(sent.change)
        self._outbox.offer(sent.row_id, sent.outgoing)


def _need(tx: Transaction, letter_id: str) -> DeadLetterView:
    view = store.one(tx, letter_id)
    if view is None:
        raise MusterError(
            Reason.NOT_FOUND, f"There is no dead letter {letter_id[:40]}.", "`muster dlq list` lists all."
        )
    return view


def _handled(letter: DeadLetterView) -> MusterError:
    done = f"It was {letter.state.value} by {letter.handled_by} already."
    return MusterError(Reason.ALREADY_FINISHED, done, "`muster dlq show` tells its history.")


def _detail(tx: Transaction, letter_id: str) -> DeadLetterDetail:
    view, message = _need(tx, letter_id), store.message_of(tx, letter_id)
    body = message.body
    shown = body[: SHOWN_BODY * 4].decode("utf-8", "replace")[:SHOWN_BODY]
    complete = shown.encode() == body
    return DeadLetterDetail(
        letter=view,
        body=shown,
        body_complete=complete,
        may_readdress=may_readdress(message),
        history=store.history(tx, letter_id),
    )


def _most(counter: Counter[str]) -> list[DeadLetterCount]:
    return [DeadLetterCount(value=value, number=number) for value, number in counter.most_common(OFFERED) if value]
