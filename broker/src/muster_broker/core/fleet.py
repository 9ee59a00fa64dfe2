"""The agents as the broker knows them: from the status stream, and from what it sent since."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from muster_shared_models.selectors import Selector

__all__ = ["Fleet", "Known"]

#: Conversations of which the last choice is known.
MOST_CHOICES = 10_000


@dataclass(slots=True)
class Known:
    """One agent. `sent` counts messages routed to it since the status stream spoke of it last."""

    id: str
    name: str
    labels: dict[str, str] = field(default_factory=dict)
    skills: frozenset[str] = frozenset()
    attached: bool = False
    accepts_work: bool = True
    runs: int = 0
    slots: int = 1
    last_heard_ms: int = 0
    quarantined: bool = False
    sent: int = 0

    @property
    def ready(self) -> bool:
        """Whether it takes messages now."""
        return self.attached and self.accepts_work and not self.quarantined

    @property
    def load(self) -> float:
        """Work in hand and on the way, per slot."""
        return (self.runs + self.sent) / max(1, self.slots)


class Fleet:
    """Agents by id and by name (in any case of letters)."""

    def __init__(self) -> None:
        self._agents: dict[str, Known] = {}
        self._names: dict[str, str] = {}
        self._chosen: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._agents)

    def reset(self, agents: Iterable[Known]) -> None:
        """Know exactly these."""
        self._agents.clear()
        self._names.clear()
        for agent in agents:
            self.put(agent)

    def put(self, agent: Known) -> None:
        """Take what is said of an agent now."""
        self.remove(agent.id)
        self._agents[agent.id] = agent
        self._names[agent.name.lower()] = agent.id

    def remove(self, agent_id: str) -> None:
        """Forget an agent."""
        gone = self._agents.pop(agent_id, None)
        if gone and self._names.get(gone.name.lower()) == agent_id:
            del self._names[gone.name.lower()]

    def find(self, id_or_name: str) -> Known | None:
        """Return an agent."""
        return self._agents.get(id_or_name) or self._agents.get(self._names.get(id_or_name.lower(), ""))

    def choose(self, conversation: str, agent_id: str) -> None:
        """Remember who was chosen last for a conversation: what comes next must not be answered before that."""
        self._chosen.pop(conversation, None)
        self._chosen[conversation] = agent_id
        if len(self._chosen) > MOST_CHOICES:
            del self._chosen[next(iter(self._chosen))]

    def chosen(self, conversation: str) -> str:
        """Return who was chosen last for a conversation; empty when that is not known."""
        return self._chosen.get(conversation, "")

    def match(self, selector: Selector) -> list[Known]:
        """Return the agents that a selector chooses."""
        return [a for a in self._agents.values() if selector.matches(a.name, a.labels, a.skills)]
