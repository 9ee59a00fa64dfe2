"""Dead letters and what people did to them, in the database."""

from collections import Counter

from sqlalchemy import bindparam, delete, desc, func, or_, select, text, update

from muster_messaging.frames import decode, encode
from muster_messaging.message import Message
from muster_server.deadletters.core import DeadLetter, agent_of, content
from muster_server.store.tables import ZERO, audit, dead_letters
from muster_server.store.transaction import Transaction
from muster_shared_models.dead_letters import DeadLetterFilter, DeadLetterState, DeadLetterView, HistoryEntry
from muster_shared_models.model import from_ms

__all__ = [
    "add",
    "count",
    "counts",
    "forget",
    "handle",
    "history",
    "message_of",
    "one",
    "page",
    "rewrite",
    "waiting",
]

#: Rows that one unit of work forgets.
AT_ONCE = 200

_COLUMNS = (
    "id", "message_id", "type", "queue", "reason", "detail", "exchange", "key", "sender", "address", "conversation",
    "run", "agent_id", "size", "died_at", "state", "edited", "handled_by", "handled_at",
)  # fmt: skip
_VIEW = select(*(dead_letters.c[name] for name in _COLUMNS))
_matching = [
    or_(bindparam(name) == "", dead_letters.c[name] == bindparam(name))
    for name in ("queue", "reason", "agent_id", "conversation")
]
# The same delivery may come twice, when the server dies between storing and acknowledging it.
_ADD = text(
    "INSERT INTO dead_letters (id, message_id, type, queue, reason, detail, exchange, key, sender, address,"
    " conversation, run, agent_id, size, died_at, state, edited, handled_by, handled_at, frame)"
    " VALUES (:id, :message_id, :type, :queue, :reason, :detail, :exchange, :key, :sender, :address,"
    " :conversation, :run, :agent_id, :size, :died_at, 'waiting', 0, '', 0, :frame) ON CONFLICT DO NOTHING"
)
_KNOWN = select(dead_letters.c.frame).where(
    dead_letters.c.message_id == bindparam("wanted"), dead_letters.c.queue == bindparam("queue"),
    dead_letters.c.handled_at == ZERO,
)  # fmt: skip
_ONE = _VIEW.where(dead_letters.c.id == bindparam("wanted"))
_FRAME = select(dead_letters.c.frame).where(dead_letters.c.id == bindparam("wanted"))
_PAGE = (
    _VIEW.where(dead_letters.c.state == bindparam("state"), dead_letters.c.id < bindparam("before"), *_matching)
    .order_by(desc(dead_letters.c.id))
    .limit(bindparam("most"))
)
_OLDEST = (
    _VIEW.where(dead_letters.c.state == "waiting", *_matching).order_by(dead_letters.c.id).limit(bindparam("most"))
)
_COUNT = select(func.count().label("number")).where(dead_letters.c.state == "waiting", *_matching)
_GROUPED = ("queue", "reason", "agent_id")
_GROUPS = (
    select(*(dead_letters.c[name] for name in _GROUPED), func.count().label("number"))
    .where(dead_letters.c.state == bindparam("state"))
    .group_by(*(dead_letters.c[name] for name in _GROUPED))
)
_HANDLE = (
    update(dead_letters)
    .where(dead_letters.c.id == bindparam("wanted"), dead_letters.c.state == "waiting")
    .values(state=bindparam("new_state"), handled_by=bindparam("by"), handled_at=bindparam("now"))
)
_REWRITE = (
    update(dead_letters)
    .where(dead_letters.c.id == bindparam("wanted"), dead_letters.c.state == "waiting")
    .values(
        frame=bindparam("new_frame"),
        address=bindparam("to"),
        size=bindparam("new_size"),
        edited=1,
        exchange=bindparam("new_exchange"),
        key=bindparam("new_key"),
    )
)
_FORGET = delete(dead_letters).where(
    dead_letters.c.id.in_(
        select(dead_letters.c.id)
        .where(dead_letters.c.handled_at > 0, dead_letters.c.handled_at < bindparam("before"))
        .limit(AT_ONCE)
    )
)
_HISTORY = (
    select(audit.c.at, audit.c.by, audit.c.action, audit.c.detail)
    .where(audit.c.subject == bindparam("wanted"))
    .order_by(audit.c.id)
    .limit(200)
)


def add(tx: Transaction, letter_id: str, letter: DeadLetter, now: int) -> bool:
    """Keep a dead letter; False when it waits already.

    Another message under the id of one that waits is kept beside it; what its content is, is then part of its id.
    """
    name = letter.message.id[:255]
    if _added(tx, letter_id, letter, name, now):
        return True
    known = tx.one(_KNOWN, wanted=name, queue=letter.queue)
    this = content(letter.message)
    if known is not None and content(decode(bytes(known.frame), "")) == this:
        return False
    return _added(tx, letter_id, letter, f"{name[:230]}#{this}", now)


def _added(tx: Transaction, letter_id: str, letter: DeadLetter, name: str, now: int) -> bool:
    message = letter.message
    changed = tx.run(
        _ADD, id=letter_id, message_id=name, type=message.type[:64], queue=letter.queue,
        reason=letter.reason, detail=letter.detail, exchange=letter.exchange, key=letter.key,
        sender=message.origin[:255], address=message.to[:520], conversation=message.conversation[:64],
        run=message.run[:128], agent_id=agent_of(letter), size=len(message.body), died_at=now, frame=encode(message),
    )  # fmt: skip
    return changed == 1


def one(tx: Transaction, letter_id: str) -> DeadLetterView | None:
    """Return one dead letter."""
    row = tx.one(_ONE, wanted=letter_id)
    return _view(row) if row else None


def message_of(tx: Transaction, letter_id: str) -> Message:
    """Return the message of a dead letter that exists."""
    row = tx.one(_FRAME, wanted=letter_id)
    assert row is not None
    return decode(bytes(row.frame), "")


def page(
    tx: Transaction, state: DeadLetterState, matching: DeadLetterFilter, before: str, most: int
) -> list[DeadLetterView]:
    """Return dead letters, newest first, with ids below `before`."""
    rows = tx.all(_PAGE, state=state.value, before=before or "~", most=most, **matching.model_dump())
    return [_view(row) for row in rows]


def waiting(tx: Transaction, matching: DeadLetterFilter, most: int) -> list[DeadLetterView]:
    """Return waiting dead letters, oldest first."""
    return [_view(row) for row in tx.all(_OLDEST, most=most, **matching.model_dump())]


def count(tx: Transaction, matching: DeadLetterFilter) -> int:
    """Return how many wait."""
    row = tx.one(_COUNT, **matching.model_dump())
    return int(row.number) if row else 0


def counts(tx: Transaction, state: DeadLetterState) -> tuple[Counter[str], Counter[str], Counter[str]]:
    """Return how many there are in a state by queue, by reason and by agent's id."""
    found: tuple[Counter[str], ...] = tuple(Counter() for _ in _GROUPED)
    for row in tx.all(_GROUPS, state=state.value):
        for counter, name in zip(found, _GROUPED, strict=True):
            counter[getattr(row, name)] += row.number
    queues, reasons, agents = found
    return queues, reasons, agents


def handle(tx: Transaction, letter_id: str, state: DeadLetterState, by: str, now: int) -> bool:
    """Take a dead letter out of those that wait; False when somebody did before."""
    return tx.run(_HANDLE, wanted=letter_id, new_state=state.value, by=by, now=now) == 1


def rewrite(tx: Transaction, letter_id: str, message: Message, exchange: str, key: str) -> bool:
    """Store new content and way of a waiting dead letter; False when it does not wait any more."""
    changed = tx.run(
        _REWRITE, wanted=letter_id, new_frame=encode(message), to=message.to, new_size=len(message.body),
        new_exchange=exchange, new_key=key,
    )  # fmt: skip
    return changed == 1


def forget(tx: Transaction, before: int) -> int:
    """Delete what was handled before a time; return how many."""
    return tx.run(_FORGET, before=before)


def history(tx: Transaction, letter_id: str) -> list[HistoryEntry]:
    """Return what people did, in order."""
    return [
        HistoryEntry(at=from_ms(row.at), by=row.by, action=row.action, detail=row.detail)
        for row in tx.all(_HISTORY, wanted=letter_id)
    ]


def _view(row: tuple[object, ...]) -> DeadLetterView:
    values = dict(zip(_COLUMNS, row, strict=True))
    handled = int(str(values["handled_at"]))
    values |= {
        "to": values.pop("address"),
        "run_id": values.pop("run"),
        "edited": bool(values["edited"]),
        "died_at": from_ms(int(str(values["died_at"]))),
        "handled_at": from_ms(handled) if handled else None,
    }
    return DeadLetterView.model_validate(values)
