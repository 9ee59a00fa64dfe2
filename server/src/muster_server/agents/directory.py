"""The fleet as conversations and commands see it: whom an address reaches."""

from dataclasses import dataclass

from muster_server.agents import core
from muster_server.agents.registry import Agent, Registry
from muster_server.clock import Clock
from muster_shared_models.addresses import Address, AddressKind
from muster_shared_models.problems import MusterError, Reason
from muster_shared_models.selectors import parse_selector

__all__ = ["Directory", "Reached"]


@dataclass(frozen=True, slots=True)
class Reached:
    """An agent that an address may reach."""

    id: str
    name: str
    history: int


class Directory:
    """Reads the registry."""

    def __init__(self, registry: Registry, clock: Clock) -> None:
        self._registry = registry
        self._clock = clock

    def targets(self, address: Address) -> list[Reached]:
        """Return the agents that an address may reach; raises AGENT_NOT_FOUND, NO_TARGET or INVALID_ADDRESS."""
        if address.kind is AddressKind.AGENT:
            agent = self._registry.find(address.value)
            if agent is None:
                raise MusterError(
                    Reason.AGENT_NOT_FOUND, f"No agent is called '{address.value[:80]}'.", "`muster agents` lists all."
                )
            return [_reached(agent)]
        if address.kind not in (AddressKind.ANY, AddressKind.ALL):
            raise MusterError(
                Reason.INVALID_ADDRESS, f"'{address}' is not an address of agents.", "Write agent:, any: or all:."
            )
        found = self._registry.match(parse_selector(address.value))
        if not found:
            raise MusterError(Reason.NO_TARGET, f"No agent matches {address}.", "`muster agents` shows their labels.")
        return [_reached(agent) for agent in found]

    def command_targets(self, address: Address) -> list[tuple[str, str]]:
        """Return ids and names of the agents that a command is for; `any:` is not an address of commands."""
        if address.kind is AddressKind.ANY:
            raise MusterError(
                Reason.INVALID_ADDRESS,
                "A command goes to agent:<name> or all:<selector>.",
                "Write all: for every match.",
            )
        return [(reached.id, reached.name) for reached in self.targets(address)]

    def name_of(self, agent_id: str) -> str:
        """Return an agent's name, or its id when it is gone."""
        agent = self._registry.get(agent_id)
        return agent.description.name if agent else agent_id

    def may_act(self, agent_id: str) -> bool:
        """Tell whether an agent can be told to stop, or may go on because it does not know that it cannot."""
        agent = self._registry.get(agent_id)
        return agent is not None and core.may_act(agent.facts, self._clock())


def _reached(agent: Agent) -> Reached:
    return Reached(agent.id, agent.description.name, agent.description.history)
