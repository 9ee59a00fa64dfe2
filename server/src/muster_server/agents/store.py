"""Agents in the database."""

from dataclasses import dataclass

from sqlalchemy import bindparam, insert, select, update

from muster_server.store.tables import ZERO, agents
from muster_server.store.transaction import Transaction
from muster_shared_models.agents import AgentDescription

__all__ = ["AgentRow", "add", "all_agents", "by_key", "by_name", "describe", "note_heard", "retire"]


@dataclass(frozen=True, slots=True)
class AgentRow:
    """A registered agent."""

    id: str
    public_key: bytes
    description: AgentDescription
    registered_at: int
    last_heard_at: int


_COLUMNS = (agents.c.id, agents.c.public_key, agents.c.description, agents.c.registered_at, agents.c.last_heard_at)
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
_RETIRE = update(agents).where(agents.c.id == bindparam("agent_id")).values(retired_at=bindparam("now"))


def _row(values: tuple[str, bytes, str, int, int]) -> AgentRow:
    agent_id, key, description, registered_at, heard_at = values
    return AgentRow(agent_id, bytes(key), AgentDescription.model_validate_json(description), registered_at, heard_at)


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


def retire(tx: Transaction, agent_id: str, now: int) -> None:
    """End an agent for good; its name and key are free again."""
    tx.run(_RETIRE, agent_id=agent_id, now=now)
