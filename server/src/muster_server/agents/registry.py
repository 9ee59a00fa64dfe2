"""Every agent of the fleet in memory: who it is, its facts, and how it is shown."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from muster_server.agents import core
from muster_server.agents.core import Facts
from muster_server.agents.store import AgentRow
from muster_shared_models.agents import AgentDescription, AgentState, AgentView, Presence, Quarantine, RunBrief
from muster_shared_models.model import from_ms
from muster_shared_models.selectors import Selector

__all__ = ["ENDED_KEPT", "Agent", "Registry"]

#: Ended runs remembered per agent, so that a heartbeat sent before the end does not bring a run back.
ENDED_KEPT = 256
#: Runs that are looked up for one heartbeat of one agent.
UNSURE_AT_ONCE = 64


@dataclass(slots=True)
class Agent:
    """One agent. `runs`: what it holds now, by its heartbeats and by the events of its runs.

    `ended`: runs that have; `known`: held ones that have not; `unsure`: held ones to look up in the database.
    """

    row: AgentRow
    facts: Facts
    shown: Presence
    look_at: int = 0
    transport: str = ""
    runs: dict[str, RunBrief] = field(default_factory=dict)
    ended: dict[str, None] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    unsure: list[str] = field(default_factory=list)
    status_streams: int = 0
    command_streams: int = 0

    @property
    def id(self) -> str:
        """Its id."""
        return self.row.id

    @property
    def description(self) -> AgentDescription:
        """What it says of itself."""
        return self.row.description

    @property
    def attached(self) -> bool:
        """Whether it takes from its queue now, as far as is known."""
        away = (AgentState.LOST, AgentState.FAILED, AgentState.QUARANTINED)
        return self.shown.state not in away and bool(self.facts.consumer_since)

    def change(self, facts: Facts, now: int) -> bool:
        """Take new facts; tell whether people would see a difference."""
        self.facts = facts
        shown = core.presence(self.facts, now)
        changed, self.shown = shown != self.shown, shown
        self.look_at = core.next_look(self.facts, now)
        return changed

    def take_runs(self, said: Iterable[RunBrief]) -> None:
        """Reconcile the runs with what a heartbeat says."""
        self.runs = {run.run_id: run for run in said if run.run_id not in self.ended}
        self.known &= self.runs.keys()
        self.unsure = [run_id for run_id in self.runs if run_id not in self.known][:UNSURE_AT_ONCE]

    def note_end(self, run_id: str) -> None:
        """Remember that a run has ended."""
        self.runs.pop(run_id, None)
        self.known.discard(run_id)
        self.ended.pop(run_id, None)
        self.ended[run_id] = None
        if len(self.ended) > ENDED_KEPT:
            self.ended.pop(next(iter(self.ended)))

    def view(self) -> AgentView:
        """Return the agent as people see it."""
        beat, cut = self.facts.beat, self.facts.quarantined
        heard = self.facts.last_beat_at or self.row.last_heard_at
        return AgentView(
            id=self.row.id,
            description=self.row.description,
            presence=self.shown,
            last_heard=from_ms(heard) if heard else None,
            started_at=from_ms(beat.started_at) if beat else None,
            registered_at=from_ms(self.row.registered_at),
            transport=self.transport,
            runs=list(self.runs.values()),
            last_line=beat.last_line if beat else "",
            beats=list(self.facts.loads),
            beat_interval_ms=self.facts.interval_ms,
            quarantine=Quarantine(offence=cut.offence, detail=cut.detail, since=from_ms(cut.at), by=cut.by)
            if cut
            else None,
        )


class Registry:
    """Agents by id and by name (in any case of letters)."""

    def __init__(self, interval_ms: int) -> None:
        self._interval_ms = interval_ms
        self._agents: dict[str, Agent] = {}
        self._names: dict[str, str] = {}

    def put(self, row: AgentRow, now: int) -> Agent:
        """Add an agent, or take its new description."""
        agent = self._agents.get(row.id)
        if agent:
            self._names.pop(agent.description.name.lower(), None)
            agent.row = row
        else:
            facts = Facts(interval_ms=self._interval_ms, known_since=now, quarantined=row.quarantined)
            agent = self._agents[row.id] = Agent(row, facts, core.presence(facts, now), core.next_look(facts, now))
        self._names[row.description.name.lower()] = row.id
        return agent

    def remove(self, agent_id: str) -> Agent | None:
        """Forget an agent."""
        agent = self._agents.pop(agent_id, None)
        if agent:
            self._names.pop(agent.description.name.lower(), None)
        return agent

    def get(self, agent_id: str) -> Agent | None:
        """Return the agent with this id."""
        return self._agents.get(agent_id)

    def find(self, id_or_name: str) -> Agent | None:
        """Return the agent with this id or name."""
        return self._agents.get(id_or_name) or self._agents.get(self._names.get(id_or_name.lower(), ""))

    def match(self, selector: Selector) -> list[Agent]:
        """Return the agents that a selector chooses."""
        return [
            agent
            for agent in self._agents.values()
            if selector.matches(agent.description.name, agent.description.labels, agent.description.skills)
        ]

    def all(self) -> list[Agent]:
        """Return every agent."""
        return list(self._agents.values())
