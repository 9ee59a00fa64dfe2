"""What passes: pieces of text and of tools' output. Handed on to who follows, kept as drafts, never stored.

A piece is believed when its sender is the agent that answers in that run; the conversation is the run's own, whatever
the message says. Pieces that come too early or too late are dropped: the agent repeats them from the beginning soon.
"""

from asyncio import Future, ensure_future
from collections.abc import Sequence
from typing import NamedTuple

import structlog

from muster_messaging.message import Message
from muster_server.conversations import store
from muster_server.conversations.core import Run
from muster_server.conversations.drafts import Drafts
from muster_server.conversations.ports import Conduct, Push
from muster_server.conversations.reading import read_body
from muster_server.edge.lines import passing_line
from muster_server.flow.chain import done
from muster_server.store.store import Store
from muster_shared_models.bodies import RUN_PIECES, Pieces
from muster_shared_models.conversations import RunState
from muster_shared_models.run_events import RunEvent, TextContent, ToolContent

__all__ = ["Passing"]

log = structlog.get_logger()


class _Holder(NamedTuple):
    agent_id: str
    conversation: str


class Passing:
    """Knows who answers in each running run."""

    def __init__(self, db: Store, push: Push, drafts: Drafts, conduct: Conduct) -> None:
        self._store = db
        self._push = push
        self._drafts = drafts
        self._conduct = conduct
        self._holders: dict[str, _Holder] = {}

    def begins(self, run: Run) -> None:
        """An agent answers in this run."""
        self._holders[run.id] = _Holder(run.agent_id, run.conversation)

    def tool_ended(self, run_id: str, tool_call_id: str) -> None:
        """A tool's whole output has come."""
        self._drafts.forget_tool(run_id, tool_call_id)

    def ended(self, run_id: str) -> None:
        """A run's whole text has come."""
        self._drafts.forget(run_id)
        self._holders.pop(run_id, None)

    def holds(self, run_id: str, agent_id: str, conversation: str) -> bool:
        """Tell whether this agent is known to answer in a run, and the run belongs to this conversation."""
        return self._holders.get(run_id) == (agent_id, conversation)

    def hand_on(self, run_id: str, events: Sequence[RunEvent]) -> None:
        """Hand on what passes of these events, in a run whose holder is known."""
        stream = f"conversation:{self._holders[run_id].conversation}"
        followed = self._push.followed(stream)
        for event in events:
            if isinstance(event, TextContent | ToolContent) and event.run_id == run_id:
                self._drafts.take(event)
                if followed:
                    self._push.passing(stream, passing_line(stream, event.model_dump_json()))

    def take(self, message: Message) -> "Future[None]":
        """Begin to take the pieces of many runs."""
        runs = read_body(RUN_PIECES, message, "Pieces of runs").runs
        sender = message.origin or message.sender
        unknown = [pieces for pieces in runs if not self._hand_on_known(pieces, sender)]
        return ensure_future(self._look_up(unknown, sender)) if unknown else done()

    def _hand_on_known(self, pieces: Pieces, sender: str) -> bool:
        holder = self._holders.get(pieces.run_id)
        if holder is None:
            return False
        if holder.agent_id == sender:
            self.hand_on(pieces.run_id, pieces.events)
        else:
            log.warning("forged pieces", run_id=pieces.run_id, sender=sender, holder=holder.agent_id)
            self._conduct.forged(sender, pieces.run_id, f"it wrote in another agent's run ({pieces.run_id}).")
        return True

    async def _look_up(self, unknown: Sequence[Pieces], sender: str) -> None:
        """After a restart of the server, runs are known to the database only."""
        found = await self._store.look(lambda tx: [store.run_by_id(tx, pieces.run_id) for pieces in unknown])
        for pieces, run in zip(unknown, found, strict=True):
            if run is not None and run.state is RunState.RUNNING and run.agent_id == sender:
                self.begins(run)
                self.hand_on(run.id, pieces.events)
