"""How much waits for each agent, in memory: what is accepted must fit into the agent's queue."""

from muster_server.conversations import store
from muster_server.store.store import Store
from muster_shared_models.problems import MusterError, Reason

__all__ = ["Waiting"]

#: As many as an agent's queue holds: more would only go round the retry queue, and out of order.
LIMIT = 1000


class Waiting:
    """Agent id to its runs that have not ended."""

    def __init__(self, db: Store) -> None:
        self._store = db
        self._runs: dict[str, set[str]] = {}

    async def load(self) -> None:
        """Know what an earlier process accepted."""
        for agent_id, run_id in await self._store.read(store.open_runs):
            self.add(agent_id, run_id)

    def need_room(self, agent_id: str, name: str) -> None:
        """Raise QUEUE_FULL when an agent has all that its queue holds."""
        if len(self._runs.get(agent_id, ())) >= LIMIT:
            raise MusterError(
                Reason.QUEUE_FULL,
                f"{LIMIT} messages wait for {name}.",
                "Nothing was stored; try again when it has answered some, or ask another agent.",
            )

    def add(self, agent_id: str, run_id: str) -> None:
        """A run was accepted for an agent."""
        self._runs.setdefault(agent_id, set()).add(run_id)

    def remove(self, agent_id: str, run_id: str) -> None:
        """A run has ended."""
        runs = self._runs.get(agent_id)
        if runs is not None:
            runs.discard(run_id)
            if not runs:
                del self._runs[agent_id]
