"""What is heard of agents: streams that open and close, heartbeats, runs; and who is told of what changes."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from muster_server.agents import core, store
from muster_server.agents.core import Beat
from muster_server.agents.registry import ENDED_KEPT, Agent, Registry
from muster_server.clock import Clock
from muster_server.store.store import Store
from muster_server.store.transaction import Transaction
from muster_shared_models.agents import RunBrief
from muster_shared_models.problems import MusterError, Reason
from muster_shared_models.streams import AgentChanged, AgentRemoved, Beats

__all__ = ["AgentChange", "Announce", "EndedRuns", "Hearing"]

#: How often `last heard` is written down, in milliseconds: it is for after a restart only.
HEARD_EVERY_MS = 15_000
#: Runs that are looked up in the database in one round: as many, and those of one agent more.
LOOKED_UP = 200

#: Called with an agent that is new or changed, or with the id of one that was retired.
AgentChange = Callable[[Agent | str], None]
Announce = Callable[[AgentChanged | AgentRemoved | Beats], None]
#: Returns those of these runs that have ended.
EndedRuns = Callable[[Transaction, Sequence[str]], list[str]]


class Hearing:
    """Keeps the registry's facts true, and tells followers (at once) and browsers (at the next tick)."""

    def __init__(self, db: Store, clock: Clock, registry: Registry, announce: Announce, ended: EndedRuns) -> None:
        self._store = db
        self._clock = clock
        self._registry = registry
        self._announce = announce
        self._ended = ended
        self._unsure: dict[str, None] = {}
        self._followers: list[AgentChange] = []
        self._dirty: dict[str, None] = {}
        self._beats: dict[str, int] = {}
        self._heard: dict[str, int] = {}
        self._heard_written = clock()

    def need(self, agent_id: str) -> Agent:
        """Return an agent by id or name; raises AGENT_NOT_FOUND."""
        agent = self._registry.find(agent_id)
        if agent is None:
            raise MusterError(
                Reason.AGENT_NOT_FOUND, f"No agent is called '{agent_id[:80]}'.", "`muster agents` lists them all."
            )
        return agent

    def changed(self, agent: Agent) -> None:
        """Tell of an agent that is new or different."""
        self._dirty[agent.id] = None
        for follow in self._followers:
            follow(agent)

    def removed(self, agent_id: str) -> None:
        """Tell of an agent that is gone for good."""
        self._dirty.pop(agent_id, None)
        self._announce(AgentRemoved(agent_id=agent_id))
        for follow in self._followers:
            follow(agent_id)

    def follow(self, follower: AgentChange) -> Callable[[], None]:
        """Call `follower` at every change; return what ends that."""
        self._followers.append(follower)
        return lambda: self._followers.remove(follower)

    def status_opened(self, agent_id: str, transport: str) -> None:
        """An agent's status stream is open."""
        agent = self.need(agent_id)
        now = self._clock()
        agent.transport = transport
        agent.status_streams += 1
        self._take(agent, replace(agent.facts, stream_since=agent.facts.stream_since or now, stream_lost_at=0))

    def status_closed(self, agent_id: str) -> None:
        """A status stream ended; the agent may have another by now."""
        agent = self._registry.get(agent_id)
        if agent:
            agent.status_streams -= 1
            if not agent.status_streams:
                self._take(agent, replace(agent.facts, stream_since=0, stream_lost_at=self._clock()))

    def beat(self, agent_id: str, said: Beat) -> list[str]:
        """Take a heartbeat; return the runs it holds that are known to have ended. `look_up` finds the others."""
        agent = self.need(agent_id)
        now = self._clock()
        stale = [run.run_id for run in said.runs if run.run_id in agent.ended]
        agent.take_runs(said.runs)
        if agent.unsure:
            self._unsure[agent_id] = None
        self._beats[agent_id] = said.load
        self._heard[agent_id] = now
        facts = core.beat(agent.facts, said, now)
        self._take(agent, core.with_runs(facts, tuple(agent.runs.values()), now))
        return stale

    def cut_off(self, agent_id: str, quarantined: core.Quarantined | None) -> None:
        """An agent was cut off, or let back in (None)."""
        agent = self._registry.get(agent_id)
        if agent:
            self._take(agent, core.cut_off(agent.facts, quarantined, self._clock()))

    def commands_opened(self, agent_id: str) -> None:
        """An agent's command stream is open."""
        agent = self.need(agent_id)
        agent.command_streams += 1
        since = agent.facts.commands_since or self._clock()
        self._take(agent, replace(agent.facts, commands_since=since, commands_lost_at=0))

    def commands_closed(self, agent_id: str) -> None:
        """A command stream ended."""
        agent = self._registry.get(agent_id)
        if agent:
            agent.command_streams -= 1
            if not agent.command_streams:
                self._take(agent, replace(agent.facts, commands_since=0, commands_lost_at=self._clock()))

    def run_started(self, agent_id: str, run: RunBrief) -> None:
        """A run's first event came: the agent is busy now, not at its next heartbeat."""
        agent = self._registry.get(agent_id)
        if agent and run.run_id not in agent.ended:
            agent.runs[run.run_id] = run
            agent.known.add(run.run_id)
            self._work_changed(agent)

    def run_ended(self, agent_id: str, run_id: str) -> None:
        """A run's last event came."""
        agent = self._registry.get(agent_id)
        if agent:
            agent.note_end(run_id)
            self._work_changed(agent)

    def run_reopened(self, run_id: str) -> None:
        """A run that had ended waits anew, for any agent."""
        for agent in self._registry.all():
            agent.ended.pop(run_id, None)

    def unfinished(self, tx: Transaction, run_ids: Sequence[str]) -> list[str]:
        """Return those of the runs that an agent says it has begun which have ended; a few hundred are looked at."""
        return self._ended(tx, run_ids[:ENDED_KEPT])

    async def look_up(self) -> list[tuple[str, str]]:
        """Look up runs that agents hold and of which this process knows nothing; return agent and id of ended ones.

        Each is looked up once. Raises DATABASE_BUSY: the next heartbeat asks for them again.
        """
        unsure: list[tuple[Agent, str]] = []
        while self._unsure and len(unsure) < LOOKED_UP:
            agent = self._registry.get(next(iter(self._unsure)))
            self._unsure.pop(next(iter(self._unsure)))
            unsure += [(agent, run_id) for run_id in agent.unsure] if agent else []
        if not unsure:
            return []
        ended = set(await self._store.read(lambda tx: self._ended(tx, [run_id for _, run_id in unsure])))
        for agent, run_id in unsure:
            if run_id in ended:
                self.run_ended(agent.id, run_id)
            elif run_id in agent.runs:
                agent.known.add(run_id)
        return [(agent.id, run_id) for agent, run_id in unsure if run_id in ended]

    def _work_changed(self, agent: Agent) -> None:
        if agent.facts.beat:
            self._dirty[agent.id] = None

    def _take(self, agent: Agent, facts: core.Facts) -> None:
        if agent.change(facts, self._clock()):
            self.changed(agent)

    def tick(self) -> None:
        """Look at the clock: states that change by silence, and what browsers have not been told yet."""
        now = self._clock()
        for agent in self._registry.all():
            if agent.look_at <= now:
                self._take(agent, core.tick(agent.facts, now))
        if self._beats:  # before the agents that changed: their views count these beats already
            beats, self._beats = self._beats, {}
            self._announce(Beats(beats=beats))
        dirty, self._dirty = self._dirty, {}
        for agent in filter(None, map(self._registry.get, dirty)):
            if agent.change(core.with_runs(agent.facts, tuple(agent.runs.values()), now), now):
                for follow in self._followers:
                    follow(agent)
            self._announce(AgentChanged(agent=agent.view()))

    async def write_heard(self) -> None:
        """Write down when agents were heard."""
        if self._heard and self._clock() - self._heard_written >= HEARD_EVERY_MS:
            heard, self._heard = self._heard, {}
            self._heard_written = self._clock()
            await self._store.write(lambda tx: store.note_heard(tx, heard))
