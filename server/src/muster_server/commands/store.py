"""Commands, their targets and their output in the database."""

import json
from collections.abc import Sequence
from dataclasses import astuple, fields

from sqlalchemy import and_, bindparam, desc, exists, func, insert, or_, select, update

from muster_server.commands.core import Target
from muster_server.store.tables import ZERO, agents, command_targets, commands, events
from muster_server.store.transaction import Transaction
from muster_shared_models.commands import CommandView, TargetState, TargetView
from muster_shared_models.model import from_ms
from muster_shared_models.problems import Reason

__all__ = [
    "EventRow", "add", "append", "command", "events_after", "last_events", "latest", "lost", "open_targets", "overdue",
    "save", "target", "target_view",
]  # fmt: skip

EventRow = tuple[int, int, str, str]  # seq, at, kind, JSON

_FIELDS = [field.name for field in fields(Target)]
_TARGET_COLUMNS = [command_targets.c[name] for name in _FIELDS]

_ADD = insert(commands)
_ADD_TARGET = insert(command_targets)
_GET = select(commands).where(commands.c.id == bindparam("wanted"))
_TARGETS = (
    select(*_TARGET_COLUMNS)
    .where(command_targets.c.command_id == bindparam("wanted"))
    .order_by(command_targets.c.agent_name)
)
_TARGET = select(*_TARGET_COLUMNS).where(
    command_targets.c.command_id == bindparam("command"), command_targets.c.agent_id == bindparam("agent")
)
_SAVE = (
    update(command_targets)
    .where(
        command_targets.c.command_id == bindparam("b_command_id"),
        command_targets.c.agent_id == bindparam("b_agent_id"),
    )
    .values({name: bindparam(f"b_{name}") for name in _FIELDS[2:]})
)  # fmt: skip
_OPEN = (
    select(*_TARGET_COLUMNS)
    .where(command_targets.c.agent_id == bindparam("agent"), command_targets.c.ended_at == ZERO)
    .order_by(command_targets.c.command_id)
    .limit(bindparam("most"))
)
_OVERDUE = (
    select(*_TARGET_COLUMNS)
    .join(commands, commands.c.id == command_targets.c.command_id)
    .where(
        command_targets.c.ended_at == ZERO,
        command_targets.c.state == TargetState.STORED.value,
        commands.c.expires_at < bindparam("now"),
    )
    .limit(500)
)
_RETIRED = select(agents.c.id).where(agents.c.retired_at > ZERO)
_LOST = (
    select(*_TARGET_COLUMNS)
    .join(commands, commands.c.id == command_targets.c.command_id)
    .where(
        command_targets.c.ended_at == ZERO,
        or_(
            command_targets.c.agent_id.in_(_RETIRED),
            and_(
                command_targets.c.state != TargetState.STORED.value,
                commands.c.expires_at + commands.c.timeout_s * 1000 < bindparam("silent"),
                ~exists().where(
                    agents.c.id == command_targets.c.agent_id, agents.c.last_heard_at >= bindparam("silent")
                ),
            ),
        ),
    )
    .limit(500)
)
_LATEST = (
    select(commands).where(commands.c.id < bindparam("before")).order_by(desc(commands.c.id)).limit(bindparam("most"))
)
_LATEST_OF_AGENT = (
    select(commands)
    .join(command_targets, command_targets.c.command_id == commands.c.id)
    .where(command_targets.c.agent_id == bindparam("agent"), command_targets.c.command_id < bindparam("before"))
    .order_by(desc(command_targets.c.command_id))
    .limit(bindparam("most"))
)
_LAST_SEQ = select(func.max(events.c.seq).label("last")).where(events.c.stream == bindparam("wanted"))
_EVENT = insert(events)
_AFTER = (
    select(events.c.seq, events.c.at, events.c.kind, events.c.data)
    .where(events.c.stream == bindparam("wanted"), events.c.seq > bindparam("after"))
    .order_by(events.c.seq)
    .limit(bindparam("most"))
)
_LAST = (
    select(events.c.seq, events.c.at, events.c.kind, events.c.data)
    .where(events.c.stream == bindparam("wanted"))
    .order_by(desc(events.c.seq))
    .limit(bindparam("most"))
)


def _stream(command_id: str) -> str:
    return f"command:{command_id}"


def add(tx: Transaction, row: dict[str, object], targets: Sequence[Target]) -> None:
    """Store a new command with its targets."""
    tx.run(_ADD, **row)
    tx.run_many(_ADD_TARGET, [dict(zip(_FIELDS, _values(each), strict=True)) for each in targets])


def save(tx: Transaction, changed: Target) -> None:
    """Store what has become of a target."""
    tx.run(_SAVE, **{f"b_{name}": value for name, value in zip(_FIELDS, _values(changed), strict=True)})


def _values(of: Target) -> list[object]:
    values = list(astuple(of))
    values[_FIELDS.index("state")] = of.state.value
    return values


def _target(row: Sequence[object]) -> Target:
    values = dict(zip(_FIELDS, row, strict=True))
    return Target(**{**values, "state": TargetState(str(values["state"]))})  # type: ignore[arg-type]


def target(tx: Transaction, command_id: str, agent_id: str) -> Target | None:
    """Return one target."""
    row = tx.one(_TARGET, command=command_id, agent=agent_id)
    return _target(row) if row else None


def targets_of(tx: Transaction, command_id: str) -> list[Target]:
    """Return a command's targets by name."""
    return [_target(row) for row in tx.all(_TARGETS, wanted=command_id)]


def open_targets(tx: Transaction, agent_id: str, most: int) -> list[Target]:
    """Return what an agent has not ended, oldest first."""
    return [_target(row) for row in tx.all(_OPEN, agent=agent_id, most=most)]


def overdue(tx: Transaction, now: int) -> list[Target]:
    """Return targets that nobody fetched in time."""
    return [_target(row) for row in tx.all(_OVERDUE, now=now)]


def lost(tx: Transaction, silent: int) -> list[Target]:
    """Return targets whose agent was retired, or was not heard since `silent`, when their time was over already."""
    return [_target(row) for row in tx.all(_LOST, silent=silent)]


def command(tx: Transaction, command_id: str) -> CommandView | None:
    """Return a command with its targets."""
    row = tx.one(_GET, wanted=command_id)
    return _view(tx, row) if row else None


def latest(tx: Transaction, agent_id: str, before: str, most: int) -> list[CommandView]:
    """Return commands (of an agent, if given), newest first, with ids below `before`."""
    place = {"before": before or "~", "most": most}
    rows = tx.all(_LATEST_OF_AGENT, agent=agent_id, **place) if agent_id else tx.all(_LATEST, **place)
    return [_view(tx, row) for row in rows]


def _view(tx: Transaction, row: Sequence[object]) -> CommandView:
    command_id, address, argv, shell, by, created_at, expires_at, timeout_s = row
    return CommandView(
        id=str(command_id),
        to=str(address),
        argv=json.loads(str(argv)),
        shell=str(shell),
        by=str(by),
        created_at=from_ms(int(str(created_at))),
        expires_at=from_ms(int(str(expires_at))),
        timeout_s=int(str(timeout_s)),
        targets=[target_view(each) for each in targets_of(tx, str(command_id))],
    )


def target_view(of: Target) -> TargetView:
    """Return a target as people see it."""
    moments = {
        name: from_ms(value) if (value := getattr(of, name)) else None
        for name in (
            "delivered_at", "started_at", "ended_at", "stop_requested_at", "stop_acknowledged_at", "stop_confirmed_at",
        )
    }  # fmt: skip
    return TargetView(
        agent_id=of.agent_id,
        agent_name=of.agent_name,
        state=of.state,
        duration_ms=of.duration_ms if of.ended_at and of.started_at else None,
        pid=of.pid or None,
        exit_code=of.exit_code,
        reason=Reason(of.reason) if of.reason else None,
        detail=of.detail,
        stop_requested_by=of.stop_requested_by,
        processes_ended=of.processes_ended,
        **moments,
    )


def append(tx: Transaction, command_id: str, new: Sequence[tuple[str, str]], now: int) -> int:
    """Add events (kind, JSON) to a command's stream; return the first one's seq."""
    stream = _stream(command_id)
    row = tx.one(_LAST_SEQ, wanted=stream)
    first = int((row.last if row else 0) or 0) + 1
    tx.run_many(
        _EVENT,
        [
            {"stream": stream, "seq": first + index, "at": now, "kind": kind, "data": data}
            for index, (kind, data) in enumerate(new)
        ],
    )
    return first


def events_after(tx: Transaction, command_id: str, after: int, most: int) -> list[EventRow]:
    """Return a command's events after a seq, oldest first."""
    return [tuple(row) for row in tx.all(_AFTER, wanted=_stream(command_id), after=after, most=most)]


def last_events(tx: Transaction, command_id: str, most: int) -> list[EventRow]:
    """Return a command's last events, oldest first."""
    return [tuple(row) for row in reversed(tx.all(_LAST, wanted=_stream(command_id), most=most))]
