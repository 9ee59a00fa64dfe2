"""Who takes a message that could have gone to several agents: the first to ask.

A broker that dies after it has chosen one cannot tell the next, which may choose another. Both then have the message;
the run in the database has one agent.
"""

from asyncio import Future

from muster_server.conversations import store
from muster_server.conversations.waiting import Waiting
from muster_server.flow.chain import then
from muster_server.store.store import Store
from muster_server.store.transaction import Transaction

__all__ = ["Claims"]


class Claims:
    """Gives runs to agents."""

    def __init__(self, db: Store, waiting: Waiting) -> None:
        self._store = db
        self._waiting = waiting

    def claim(self, agent_id: str, run_id: str) -> "Future[bool]":
        """Begin to give a run to an agent; the future says whether it has it. Asked again, the answer is the same.

        Nobody gets a run that has ended, or one that the database does not know.
        """

        def unit(tx: Transaction) -> bool:
            store.claim_run(tx, run_id, agent_id)
            run = store.run_by_id(tx, run_id)
            return run is not None and run.agent_id == agent_id and not run.ended_at

        return then(self._store.write(unit), lambda granted: self._after(agent_id, run_id, granted=granted))

    def _after(self, agent_id: str, run_id: str, *, granted: bool) -> bool:
        if granted:
            self._waiting.add(agent_id, run_id)
        return granted
