"""A person says something: one transaction with the message's event, its run and its outbox row; then the bus."""

import json
from asyncio import Future, ensure_future
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import bindparam, insert, select

from muster_messaging.message import Message
from muster_messaging.topology import TO_BROKER, partition_key, partition_of
from muster_server.access.core import Principal
from muster_server.clock import Clock
from muster_server.conversations import store
from muster_server.conversations.core import Run, preview_of, title_of
from muster_server.conversations.ports import AgentDirectory, Push, Sending
from muster_server.conversations.waiting import Waiting
from muster_server.edge.lines import event_line
from muster_server.flow.chain import then
from muster_server.flow.outbox import Outgoing
from muster_server.store.store import Store
from muster_server.store.tables import ZERO, idempotency, runs
from muster_server.store.transaction import Transaction
from muster_shared_models.addresses import AddressKind, parse_address
from muster_shared_models.bodies import ChatBody, MessageType, Turn
from muster_shared_models.conversations import RunState, SendMessage, Sent, UserMessage
from muster_shared_models.ids import IdKind, new_id
from muster_shared_models.problems import MusterError, Reason

__all__ = ["Sender"]

#: How long a message may wait for an agent that is away.
QUEUED_MS = 24 * 3_600_000
#: The most characters of history that go along with a message.
HISTORY_CHARS = 100_000

#: The latest message of a conversation that an agent has not answered; not its part of one that went to many.
_UNANSWERED = (
    select(runs.c.message_id)
    .where(
        runs.c.conversation == bindparam("wanted"),
        runs.c.ended_at == ZERO,
        runs.c.agent_id == bindparam("agent"),
        runs.c.id.not_like("%~%"),
    )
    .order_by(runs.c.id.desc())
    .limit(1)
)
_REMEMBER = insert(idempotency)
_REMEMBERED = select(idempotency.c.fingerprint, idempotency.c.answer).where(idempotency.c.key == bindparam("wanted"))


@dataclass(frozen=True, slots=True)
class _Stored:
    sent: Sent
    line: str
    row_id: int
    outgoing: Outgoing | None
    agent_id: str = ""


class Sender:
    """Takes what people say."""

    def __init__(
        self,
        db: Store,
        clock: Clock,
        directory: AgentDirectory,
        outbox: Sending,
        push: Push,
        partitions: int,
        changed: dict[str, None],
        waiting: Waiting,
    ) -> None:
        self._store = db
        self._clock = clock
        self._directory = directory
        self._outbox = outbox
        self._push = push
        self._partitions = partitions
        self._changed = changed
        self._waiting = waiting

    def send(self, principal: Principal, ref: str, said: SendMessage) -> "Future[Sent]":
        """Begin to store a message; `ref` is the sender's own id for it: the same one twice is stored once.

        Raises INVALID_REQUEST at once; the future fails with AGENT_NOT_FOUND, NO_TARGET, INVALID_ADDRESS, OVERLOADED,
        CONVERSATION_NOT_FOUND, KEY_REUSED or QUEUE_FULL.
        """
        if not said.text.strip():
            raise MusterError(Reason.INVALID_REQUEST, "The message is empty.")
        try:
            self._outbox.need_room()
            if not said.conversation:
                self._directory.targets(parse_address(said.to))
        except MusterError as refused:
            return ensure_future(self._known_or(refused, principal, ref, said))
        stored = self._store.write(lambda tx: self._unit(tx, principal, ref, said))
        return then(stored, self._publish)

    async def _known_or(self, refused: MusterError, principal: Principal, ref: str, said: SendMessage) -> Sent:
        """Return what was answered to this message before, or raise `refused`: what was accepted stays accepted."""
        known = await self._store.look(lambda tx: _remembered(tx, principal, ref, said))
        if known is None:
            raise refused
        return known

    def _publish(self, stored: _Stored) -> Sent:
        if stored.outgoing:
            self._outbox.offer(stored.row_id, stored.outgoing)  # first: the agent is waited for
            self._changed[stored.sent.conversation] = None
            self._push.event(f"conversation:{stored.sent.conversation}", stored.sent.seq, stored.line)
            if stored.agent_id:
                self._waiting.add(stored.agent_id, stored.sent.run_id)
        return stored.sent

    def _unit(self, tx: Transaction, principal: Principal, ref: str, said: SendMessage) -> _Stored:
        known = _remembered(tx, principal, ref, said)
        if known:
            return _Stored(known, "", 0, None)
        now = self._clock()
        conversation = said.conversation or new_id(IdKind.CONVERSATION)
        if not said.conversation:
            address = str(parse_address(said.to))
            store.add_conversation(tx, conversation, title_of(said.text), address, principal.id, now)
        stored = self._store_message(tx, principal, said, conversation, now)
        answer = stored.sent.model_dump_json()
        tx.run(_REMEMBER, key=_key(principal, ref), fingerprint=_fingerprint(said), answer=answer, at=now)
        return stored

    def _store_message(
        self, tx: Transaction, principal: Principal, said: SendMessage, conversation: str, now: int
    ) -> _Stored:
        message_id, run_id = new_id(IdKind.MESSAGE), new_id(IdKind.RUN)
        current = store.address_of(tx, conversation)
        if current is None:
            raise MusterError(Reason.CONVERSATION_NOT_FOUND, f"There is no conversation {conversation[:40]}.")
        to, agent_id, busy = said.to or current[0], current[1], current[2]
        targets = self._directory.targets(parse_address(to))
        history = _history(tx, conversation, max(target.history for target in targets))
        event = UserMessage(
            message_id=message_id, run_id=run_id, sender=principal.id, sender_name=principal.name, to=to, text=said.text
        )
        data, preview = event.model_dump_json(), preview_of(said.text)
        fixed = targets[0].id if parse_address(to).kind is AddressKind.AGENT else ""
        if fixed:
            self._waiting.need_room(fixed, self._directory.name_of(fixed))
        seq = store.append(
            tx, conversation, [(event.kind, data)], now, preview=preview, agent_id=fixed, outcome=store.WELL
        )
        before = tx.one(_UNANSWERED, wanted=conversation, agent=fixed) if fixed and busy else None
        run = Run(run_id, conversation, message_id, fixed, RunState.QUEUED, 0, now, deadline_at=now + QUEUED_MS)
        store.add_run(tx, run)
        body = ChatBody(text=said.text, run_id=run_id, sender_name=principal.name, history=history)
        message = Message(
            id=message_id,
            type=MessageType.CHAT.value,
            body=body.model_dump_json().encode(),
            to=f"agent:{fixed}" if fixed else to,
            conversation=conversation,
            run=run_id,
            seq=seq,
            expires_at_ms=now + QUEUED_MS,
            sticky=agent_id,
            origin=f"user:{principal.id}",
            after=before.message_id if before else "",
        )
        outgoing = Outgoing(
            conversation, TO_BROKER, partition_key(partition_of(conversation, self._partitions)), message
        )
        sent = Sent(conversation=conversation, message_id=message_id, run_id=run_id, seq=seq)
        line = event_line(f"conversation:{conversation}", seq, now, data)
        return _Stored(sent, line, self._outbox.add(tx, outgoing), outgoing, fixed)


def _key(principal: Principal, ref: str) -> str:
    return f"{principal.id}|{ref}"


def _fingerprint(said: SendMessage) -> bytes:
    return sha256(said.model_dump_json().encode()).digest()


def _remembered(tx: Transaction, principal: Principal, ref: str, said: SendMessage) -> Sent | None:
    """Return what was answered to a message; raises KEY_REUSED when that was another one."""
    known = tx.one(_REMEMBERED, wanted=_key(principal, ref))
    if known is None:
        return None
    if bytes(known.fingerprint) != _fingerprint(said):
        raise MusterError(Reason.KEY_REUSED, f"'{ref}' was used for another message already.", "Use a new one.")
    return Sent.model_validate_json(known.answer)


def _history(tx: Transaction, conversation: str, most: int) -> list[Turn]:
    if not most:
        return []
    turns: list[Turn] = []
    room = HISTORY_CHARS
    for _, _, kind, data in reversed(store.said(tx, conversation, most)):
        event = json.loads(data)
        role, name = ("user", event["sender_name"]) if kind == "USER_MESSAGE" else ("agent", "")
        room -= len(event["text"])
        if room < 0:
            break
        turns.append(Turn(role=role, name=name, text=event["text"]))
    return turns[::-1]
