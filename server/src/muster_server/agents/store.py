"""Agents in the database."""

from dataclasses import dataclass

from sqlalchemy import bindparam, insert, select, update

from muster_server.agents.core import Quarantined
from muster_server.store.tables import ZERO, agents
from muster_server.store.transaction import Transaction
from muster_shared_models.agents import AgentDescription, Offence

__all__ = [
    "AgentRow", "add", "all_agents", "by_key", "by_name", "describe", "note_heard", "quarantine", "release", "retire",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class AgentRow:
    """A registered agent."""

    id: str
    public_key: bytes
    description: AgentDescription
    registered_at: int
    last_heard_at: int
    quarantined: Quarantined | None = None


_COLUMNS = (
    agents.c.id, agents.c.public_key, agents.c.description, agents.c.registered_at, agents.c.last_heard_at,
    agents.c.quarantined_at, agents.c.offence, agents.c.offence_detail, agents.c.reported_by,
)  # fmt: skip
_ALL = select(*_COLUMNS).where(agents.c.retired_at == ZERO)
_BY_KEY = _ALL.where(agents.c.public_key == bindparam("wanted"))
_BY_NAME = _ALL.where(agents.c.name_key == bindparam("wanted"))
_ADD = insert(agents)
_DESCRIBE = (
    update(agents)
    .where(agents.c.id == bindparam("agent_id"))
    .values(name=bindparam("new_name"), name_key=bindparam("new_key"), description=bindparam("new_description"))
)
_HEARD = update(agents).where(agents.c.id == bindparam("agent_id")).values(last_heard_at=bindparam("heard"))
_QUARANTINE = (
    update(agents)
    .where(agents.c.id == bindparam("agent_id"), agents.c.quarantined_at == 0, agents.c.retired_at == 0)
    .values(
        quarantined_at=bindparam("now"),
        offence=bindparam("why"),
        offence_detail=bindparam("words"),
        reported_by=bindparam("who"),
    )
)
_RELEASE = (
    update(agents)
    .where(agents.c.id == bindparam("agent_id"), agents.c.quarantined_at != 0)
    .values(quarantined_at=0, offence="", offence_detail="", reported_by="")
)
_RETIRE = update(agents).where(agents.c.id == bindparam("agent_id")).values(retired_at=bindparam("now"))


def _row(values: tuple[str, bytes, str, int, int, int, str, str, str]) -> AgentRow:
    agent_id, key, description, registered_at, heard_at, quarantined_at, offence, detail, by = values
    quarantined = Quarantined(quarantined_at, Offence(offence), detail, by) if quarantined_at else None
    said = AgentDescription.model_validate_json(description)
    return AgentRow(agent_id, bytes(key), said, registered_at, heard_at, quarantined)


def all_agents(tx: Transaction) -> list[AgentRow]:
    """Return every agent that is not retired."""
    return [_row(values) for values in tx.all(_ALL)]


def by_key(tx: Transaction, public_key: bytes) -> AgentRow | None:
    """Return the agent with this key."""
    values = tx.one(_BY_KEY, wanted=public_key)
    return _row(values) if values else None


def by_name(tx: Transaction, name: str) -> AgentRow | None:
    """Return the agent with this name, in any case of letters."""
    values = tx.one(_BY_NAME, wanted=name.lower())
    return _row(values) if values else None


def add(tx: Transaction, row: AgentRow) -> None:
    """Store a new agent."""
    tx.run(
        _ADD,
        id=row.id,
        name=row.description.name,
        name_key=row.description.name.lower(),
        public_key=row.public_key,
        description=row.description.model_dump_json(),
        registered_at=row.registered_at,
        last_heard_at=row.last_heard_at,
        retired_at=0,
    )


def describe(tx: Transaction, agent_id: str, description: AgentDescription) -> None:
    """Store what an agent says of itself now."""
    tx.run(
        _DESCRIBE,
        agent_id=agent_id,
        new_name=description.name,
        new_key=description.name.lower(),
        new_description=description.model_dump_json(),
    )


def note_heard(tx: Transaction, heard: dict[str, int]) -> None:
    """Store when agents were heard last (id to milliseconds)."""
    tx.run_many(_HEARD, [{"agent_id": agent_id, "heard": at} for agent_id, at in heard.items()])


def quarantine(tx: Transaction, agent_id: str, quarantined: Quarantined) -> bool:
    """Cut an agent off; False when it is already, or gone."""
    why, words, who = quarantined.offence.value, quarantined.detail, quarantined.by
    return tx.run(_QUARANTINE, agent_id=agent_id, now=quarantined.at, why=why, words=words, who=who) == 1


def release(tx: Transaction, agent_id: str) -> bool:
    """Let an agent back in; False when it is not cut off."""
    return tx.run(_RELEASE, agent_id=agent_id) == 1


def retire(tx: Transaction, agent_id: str, now: int) -> None:
    """End an agent for good; its name and key are free again."""
    tx.run(_RETIRE, agent_id=agent_id, now=now)
