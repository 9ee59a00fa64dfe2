"""What happens with agents: they register, beat, attach, are seen and are retired."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from muster_server.agents import store
from muster_server.agents.hearing import Hearing
from muster_server.agents.quarantine import kept_out
from muster_server.agents.registry import Agent, Registry
from muster_server.agents.store import AgentRow
from muster_server.clock import Clock
from muster_server.store.store import Store
from muster_server.store.transaction import Transaction
from muster_shared_models.agents import AgentDescription, AgentView
from muster_shared_models.ids import IdKind, new_id
from muster_shared_models.problems import MusterError, Reason
from muster_shared_models.selectors import Selector

__all__ = ["Agents", "Credentials", "Queues", "Registered"]


class Credentials(Protocol):
    """What registration needs of access."""

    def take_agent_token(self, tx: Transaction, secret: str, name: str, public_key: bytes) -> None:
        """Use a join token up; raises JOIN_TOKEN_INVALID."""
        ...

    def new_agent_secret(self) -> str:
        """Return a new access token."""
        ...

    def keep_agent_secret(self, tx: Transaction, agent_id: str, name: str, secret: str) -> int:
        """Store it; return when it expires."""
        ...

    def revoke_agent(self, tx: Transaction, agent_id: str) -> None:
        """Revoke all of an agent's access tokens."""
        ...


class Queues(Protocol):
    """What registration needs of the queue server."""

    async def declare_for(self, agent_id: str) -> None:
        """Create the agent's queue."""
        ...

    async def delete_for(self, agent_id: str) -> None:
        """Delete the agent's queue."""
        ...


class Streams(Protocol):
    """What agents have open."""

    def end(self, owner: str, why: MusterError) -> None:
        """End all streams of an agent, and tell it why."""
        ...


@dataclass(frozen=True, slots=True)
class Registered:
    """What a registered agent is told."""

    agent_id: str
    secret: str
    expires_at: int


class Agents:
    """The fleet."""

    def __init__(
        self,
        db: Store,
        clock: Clock,
        registry: Registry,
        hearing: Hearing,
        credentials: Credentials,
        queues: Queues,
        streams: Streams,
    ) -> None:
        self._store = db
        self._clock = clock
        self._registry = registry
        self._hearing = hearing
        self._credentials = credentials
        self._queues = queues
        self._streams = streams

    async def load(self) -> None:
        """Know every agent of the database, and see to it that their queues exist."""
        for row in await self._store.read(store.all_agents):
            self._registry.put(row, self._clock())
            await self._queues.declare_for(row.id)

    # ---- joining and leaving

    async def register(
        self, join_secret: str, public_key: bytes, description: AgentDescription, unfinished: Sequence[str] = ()
    ) -> Registered:
        """Let an agent in; raises JOIN_TOKEN_INVALID, NAME_TAKEN or AGENT_QUARANTINED.

        `unfinished` are the runs it says it has begun: its first heartbeat is answered with those that have ended.
        """
        now = self._clock()
        secret = self._credentials.new_agent_secret()

        def unit(tx: Transaction) -> tuple[AgentRow, int, list[str]]:
            known = store.by_key(tx, public_key)
            taken = store.by_name(tx, description.name)
            if taken and (known is None or taken.id != known.id):
                raise MusterError(
                    Reason.NAME_TAKEN,
                    f"Another agent is called '{taken.description.name}'.",
                    "Choose another name, or retire the other agent first.",
                )
            if known and known.quarantined:
                raise kept_out(known.description.name, known.quarantined)
            if known:
                store.describe(tx, known.id, description)
                row = replace(known, description=description)
            else:
                self._credentials.take_agent_token(tx, join_secret, description.name, public_key)
                row = AgentRow(new_id(IdKind.AGENT), public_key, description, now, 0)
                store.add(tx, row)
            expires_at = self._credentials.keep_agent_secret(tx, row.id, description.name, secret)
            return row, expires_at, self._hearing.unfinished(tx, unfinished)

        row, expires_at, ended = await self._store.write(unit)
        await self._queues.declare_for(row.id)
        agent = self._registry.put(row, now)
        for run_id in ended:
            agent.note_end(run_id)
        self._hearing.changed(agent)
        return Registered(row.id, secret, expires_at)

    async def renew(self, agent_id: str) -> Registered:
        """Return new credentials; the old ones stay good until they expire."""
        agent = self._hearing.need(agent_id)
        secret = self._credentials.new_agent_secret()
        expires_at = await self._store.write(
            lambda tx: self._credentials.keep_agent_secret(tx, agent_id, agent.description.name, secret)
        )
        return Registered(agent_id, secret, expires_at)

    async def retire(self, agent_id: str) -> None:
        """End an agent for good: its credentials, what it has open, its queue and what is in it, its name."""
        name = self._hearing.need(agent_id).description.name
        now = self._clock()

        def unit(tx: Transaction) -> None:
            store.retire(tx, agent_id, now)
            self._credentials.revoke_agent(tx, agent_id)

        await self._store.write(unit)
        self._registry.remove(agent_id)
        self._streams.end(agent_id, MusterError(Reason.UNAUTHENTICATED, f"{name} was retired.", "Let it join anew."))
        await self._queues.delete_for(agent_id)
        self._hearing.removed(agent_id)

    # ---- being seen

    def views(self) -> list[AgentView]:
        """Return every agent as people see it."""
        return [agent.view() for agent in self._registry.all()]

    def names(self) -> list[tuple[str, str]]:
        """Return id and name of every agent."""
        return [(agent.id, agent.description.name) for agent in self._registry.all()]

    def everyone(self) -> list[Agent]:
        """Return every agent."""
        return self._registry.all()

    def need(self, id_or_name: str) -> Agent:
        """Return an agent by id or name; raises AGENT_NOT_FOUND."""
        return self._hearing.need(id_or_name)

    def find(self, id_or_name: str) -> Agent | None:
        """Return an agent by id or name."""
        return self._registry.find(id_or_name)

    def match(self, selector: Selector) -> list[Agent]:
        """Return the agents that a selector chooses."""
        return self._registry.match(selector)
