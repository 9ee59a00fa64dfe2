"""Conversations, their events and runs in the database."""

from collections.abc import Sequence

from sqlalchemy import and_, bindparam, desc, insert, or_, select, text, update

from muster_server.conversations.core import Run
from muster_server.store.tables import ZERO, agents, conversations, events, runs
from muster_server.store.transaction import Transaction
from muster_shared_models.conversations import ConversationView, RunState
from muster_shared_models.model import from_ms
from muster_shared_models.problems import Reason

__all__ = [
    "WELL", "EventRow", "active_runs", "add_conversation", "add_run", "address_of", "append", "conversation",
    "events_before", "events_of", "latest", "open_runs", "overdue", "run_by_id", "said", "save_run", "see", "seen",
    "views",
]  # fmt: skip

EventRow = tuple[int, int, str, str]  # seq, at, kind, JSON


_ADD = insert(conversations)
_GET = select(conversations).where(conversations.c.id == bindparam("wanted"))
_BUSY = select(runs.c.id).where(runs.c.conversation == conversations.c.id, runs.c.ended_at == ZERO).exists()
_ADDRESS = select(conversations.c.address, conversations.c.agent_id, _BUSY).where(
    conversations.c.id == bindparam("wanted")
)
#: How a conversation's last run went well, in place of the reason for which it did not.
WELL = "-"
# Part of every message, so it touches no index. An empty preview or outcome leaves what is there.
_APPEND = text(
    "UPDATE conversations SET last_seq = last_seq + :count,"
    " preview = CASE WHEN :preview = '' THEN preview ELSE :preview END,"
    " failed = CASE :outcome WHEN '' THEN failed WHEN '-' THEN '' ELSE :outcome END"
    " WHERE id = :wanted RETURNING last_seq, updated_at, agent_id"
)
_TOUCH = (
    update(conversations)
    .where(conversations.c.id == bindparam("wanted"))
    .values(updated_at=bindparam("now"), agent_id=bindparam("agent"))
)
#: Lists are ordered by the second.
TOUCHED_EVERY_MS = 1000
_EVENT = insert(events)
_RUN = insert(runs)
_RUN_BY_ID = select(runs).where(runs.c.id == bindparam("wanted"))
_SAVE_RUN = (
    update(runs)
    .where(runs.c.id == bindparam("wanted"))
    .values(
        agent_id=bindparam("agent"), state=bindparam("new_state"), attempt=bindparam("new_attempt"),
        started_at=bindparam("started"), ended_at=bindparam("ended"), stop_requested_at=bindparam("stop"),
        deadline_at=bindparam("deadline"),
    )
)  # fmt: skip
_CLAIM = (
    update(runs)
    .where(runs.c.id == bindparam("wanted"), runs.c.agent_id == "", runs.c.ended_at == ZERO)
    .values(agent_id=bindparam("agent"))
)
_SEE = text("INSERT INTO inbox (message_id, at) VALUES (:message_id, :at) ON CONFLICT DO NOTHING")
_SEEN = text("SELECT 1 FROM inbox WHERE message_id = :message_id")
_ACTIVE = select(runs.c.id).where(runs.c.conversation == bindparam("wanted"), runs.c.ended_at == ZERO)
_OPEN = select(runs.c.agent_id, runs.c.id).where(runs.c.ended_at == ZERO, runs.c.agent_id != "")
_RETIRED = select(agents.c.id).where(agents.c.retired_at > ZERO, agents.c.retired_at < bindparam("retired"))
_OVERDUE = (
    select(runs)
    .where(runs.c.ended_at == ZERO, or_(runs.c.deadline_at < bindparam("now"), runs.c.agent_id.in_(_RETIRED)))
    .limit(200)
)
_EVENTS = (
    select(events.c.seq, events.c.at, events.c.kind, events.c.data)
    .where(events.c.stream == bindparam("wanted"))
    .limit(bindparam("most"))
)
_EVENTS_AFTER = _EVENTS.where(events.c.seq > bindparam("after")).order_by(events.c.seq)
_EVENTS_BEFORE = _EVENTS.where(events.c.seq < bindparam("before")).order_by(desc(events.c.seq))
_SAID = _EVENTS.where(or_(events.c.kind == "USER_MESSAGE", events.c.kind == "TEXT_MESSAGE_END")).order_by(
    desc(events.c.seq)
)
_EARLIER = or_(
    conversations.c.updated_at < bindparam("before"),
    and_(conversations.c.updated_at == bindparam("before"), conversations.c.id < bindparam("before_id")),
)
_NEWEST_FIRST = (desc(conversations.c.updated_at), desc(conversations.c.id))
_LATEST = select(conversations).where(_EARLIER).order_by(*_NEWEST_FIRST).limit(bindparam("most"))
_LATEST_OF_AGENT = (
    select(conversations)
    .where(conversations.c.agent_id == bindparam("agent"), _EARLIER)
    .order_by(*_NEWEST_FIRST)
    .limit(bindparam("most"))
)


def add_conversation(tx: Transaction, conversation_id: str, title: str, address: str, by: str, now: int) -> None:
    """Store a new conversation without events."""
    tx.run(
        _ADD, id=conversation_id, title=title, address=address, agent_id="", created_by=by, preview="", failed="",
        created_at=now, updated_at=now, last_seq=0,
    )  # fmt: skip


def address_of(tx: Transaction, conversation_id: str) -> tuple[str, str, bool] | None:
    """Return whom a conversation speaks with, who answered last, and whether a run is open; None: there is none."""
    row = tx.one(_ADDRESS, wanted=conversation_id)
    return (row[0], row[1], bool(row[2])) if row else None


def append(
    tx: Transaction,
    conversation_id: str,
    new: Sequence[tuple[str, str]],
    now: int,
    *,
    preview: str = "",
    agent_id: str = "",
    outcome: str = "",
) -> int:
    """Add events (kind, JSON) to a conversation that exists; return the first one's seq.

    `preview`, `agent_id` and `outcome` are what lists show from then on: what was said last, who answers, and for which
    reason that failed (or WELL).
    """
    row = tx.one(_APPEND, wanted=conversation_id, count=len(new), preview=preview, outcome=outcome)
    assert row is not None
    if now - row.updated_at >= TOUCHED_EVERY_MS or (agent_id and agent_id != row.agent_id):
        tx.run(_TOUCH, wanted=conversation_id, now=now, agent=agent_id or row.agent_id)
    first = int(row.last_seq) - len(new) + 1
    stream = f"conversation:{conversation_id}"
    tx.run_many(
        _EVENT,
        [
            {"stream": stream, "seq": first + index, "at": now, "kind": kind, "data": data}
            for index, (kind, data) in enumerate(new)
        ],
    )
    return first


def conversation(tx: Transaction, conversation_id: str) -> ConversationView | None:
    """Return one conversation."""
    row = tx.one(_GET, wanted=conversation_id)
    return _view(tx, row) if row else None


def views(tx: Transaction, ids: Sequence[str]) -> list[ConversationView]:
    """Return these conversations."""
    return [found for found in (conversation(tx, each) for each in ids) if found]


def latest(tx: Transaction, agent_id: str, before: int, before_id: str, most: int) -> list[ConversationView]:
    """Return conversations (with an agent, if given), newest first, from before a place."""
    place = {"before": before, "before_id": before_id, "most": most}
    rows = tx.all(_LATEST_OF_AGENT, agent=agent_id, **place) if agent_id else tx.all(_LATEST, **place)
    return [_view(tx, row) for row in rows]


def _view(tx: Transaction, row: tuple[str, ...]) -> ConversationView:
    conversation_id, title, address, agent_id, _, preview, failed, created_at, updated_at, last_seq = row
    return ConversationView(
        id=conversation_id,
        title=title,
        to=address,
        agent_id=agent_id,
        created_at=from_ms(int(created_at)),
        updated_at=from_ms(int(updated_at)),
        last_seq=int(last_seq),
        preview=preview,
        failed=Reason(failed) if failed else None,
        active_runs=active_runs(tx, conversation_id),
    )


def events_of(tx: Transaction, conversation_id: str, after: int, most: int) -> list[EventRow]:
    """Return a conversation's events after a seq, oldest first."""
    return [
        tuple(row) for row in tx.all(_EVENTS_AFTER, wanted=f"conversation:{conversation_id}", after=after, most=most)
    ]


def events_before(tx: Transaction, conversation_id: str, before: int, most: int) -> list[EventRow]:
    """Return a conversation's last events before a seq, oldest first."""
    rows = tx.all(_EVENTS_BEFORE, wanted=f"conversation:{conversation_id}", before=before, most=most)
    return [tuple(row) for row in reversed(rows)]


def said(tx: Transaction, conversation_id: str, most: int) -> list[EventRow]:
    """Return the last messages of people and agents, oldest first."""
    rows = tx.all(_SAID, wanted=f"conversation:{conversation_id}", most=most)
    return [tuple(row) for row in reversed(rows)]


def add_run(tx: Transaction, run: Run) -> None:
    """Store a new run."""
    tx.run(
        _RUN, id=run.id, conversation=run.conversation, message_id=run.message_id, agent_id=run.agent_id,
        state=run.state.value, attempt=run.attempt, created_at=run.created_at, started_at=0, ended_at=0,
        stop_requested_at=0, deadline_at=run.deadline_at,
    )  # fmt: skip


def save_run(tx: Transaction, run: Run) -> None:
    """Store what has become of a run."""
    tx.run(
        _SAVE_RUN, wanted=run.id, agent=run.agent_id, new_state=run.state.value, new_attempt=run.attempt,
        started=run.started_at, ended=run.ended_at, stop=run.stop_requested_at, deadline=run.deadline_at,
    )  # fmt: skip


def claim_run(tx: Transaction, run_id: str, agent_id: str) -> None:
    """Give a run that has not ended to an agent, if it is nobody's yet."""
    tx.run(_CLAIM, wanted=run_id, agent=agent_id)


def run_by_id(tx: Transaction, run_id: str) -> Run | None:
    """Return a run."""
    row = tx.one(_RUN_BY_ID, wanted=run_id)
    return _run(row) if row else None


def overdue(tx: Transaction, now: int, retired: int) -> list[Run]:
    """Return runs that have not ended, past their deadline or of agents that were retired before `retired`."""
    return [_run(row) for row in tx.all(_OVERDUE, now=now, retired=retired)]


def open_runs(tx: Transaction) -> list[tuple[str, str]]:
    """Return agent and id of every run that has not ended and has an agent."""
    return [tuple(row) for row in tx.all(_OPEN)]


def active_runs(tx: Transaction, conversation_id: str) -> list[str]:
    """Return the ids of runs that have not ended."""
    return [row[0] for row in tx.all(_ACTIVE, wanted=conversation_id)]


def see(tx: Transaction, message_id: str, now: int) -> bool:
    """Remember a message; False when it was here before."""
    return tx.run(_SEE, message_id=message_id, at=now) == 1


def seen(tx: Transaction, message_id: str) -> bool:
    """Tell whether a message was here."""
    return tx.one(_SEEN, message_id=message_id) is not None


def _run(row: tuple[str, str, str, str, str, int, int, int, int, int, int]) -> Run:
    run_id, conversation_id, message_id, agent_id, state, *numbers = row
    return Run(run_id, conversation_id, message_id, agent_id, RunState(state), *numbers)
