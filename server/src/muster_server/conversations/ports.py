"""What conversations need of other capabilities; `main.py` hands it in."""

from collections.abc import Callable, Sequence
from typing import Protocol

from muster_server.flow.outbox import Outgoing
from muster_server.store.transaction import Transaction
from muster_shared_models.addresses import Address
from muster_shared_models.agents import RunBrief

__all__ = ["AgentDirectory", "Conduct", "Push", "Sending", "Target", "Work"]


class Target(Protocol):
    """An agent that a message may go to."""

    @property
    def id(self) -> str:
        """Its id."""
        ...

    @property
    def history(self) -> int:
        """How many earlier messages it wants."""
        ...


class AgentDirectory(Protocol):
    """Who is there."""

    def targets(self, address: Address) -> Sequence[Target]:
        """Return the agents that an address may reach; raises AGENT_NOT_FOUND or NO_TARGET."""
        ...

    def name_of(self, agent_id: str) -> str:
        """Return an agent's name, or its id when it is gone."""
        ...

    def may_act(self, agent_id: str) -> bool:
        """Tell whether the agent can be told to stop, or was heard so lately that it may go on without the server."""
        ...


class Work(Protocol):
    """Who is told what agents work on, so that their state is right at once."""

    def run_started(self, agent_id: str, run: RunBrief) -> None:
        """A run's first event came."""
        ...

    def run_ended(self, agent_id: str, run_id: str) -> None:
        """A run's last event came."""
        ...

    def run_reopened(self, run_id: str) -> None:
        """A run that had ended waits anew, for whoever takes it."""
        ...

    def stop_run(self, agent_id: str, run_id: str) -> None:
        """Ask the agent to stop a run."""
        ...


class Conduct(Protocol):
    """Who is told that an agent claims what is not its own."""

    def forged(self, agent_id: str, subject: str, detail: str) -> None:
        """Note it; the same subject twice counts once."""
        ...


class Sending(Protocol):
    """The outbox."""

    def need_room(self) -> None:
        """Raise OVERLOADED when too much waits."""
        ...

    def add(self, tx: Transaction, outgoing: Outgoing) -> int:
        """Store a message inside a unit of work."""
        ...

    def offer(self, row_id: int, outgoing: Outgoing) -> None:
        """Publish a stored message."""
        ...


class Push(Protocol):
    """Browsers that follow a conversation."""

    def event(self, stream: str, seq: int, line: str) -> None:
        """Hand out a numbered event."""
        ...

    def passing(self, stream: str, line: str) -> None:
        """Hand out a passing frame."""
        ...

    def followed(self, stream: str) -> bool:
        """Tell whether anybody listens."""
        ...


Ids = Callable[[], str]
