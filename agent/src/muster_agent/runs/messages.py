"""The messages in which runs tell what happens in them. An id says what a message holds, so a repetition is known."""

from muster_agent.journal.messages import MessageRow
from muster_agent.runs.core import END, Event, RunState, derived_id
from muster_agent.runs.encode import encode_events, encode_pieces
from muster_agent.runs.run import Run
from muster_messaging.message import Message
from muster_shared_models.bodies import MessageType
from muster_shared_models.ids import IdKind, new_id

__all__ = ["answer_again", "flush_message", "pieces_message"]

SERVER = "server"


def flush_message(run: Run, events: list[Event], seq: int, agent_id: str) -> Message:
    """Return the next message of a run, with the events that `run.core.take` gave; `seq` is the conversation's."""
    core, request = run.core, run.request
    run.flushes += 1
    return Message(
        id=core.end_id if core.state is RunState.ENDED else core.flush_id(run.flushes),
        type=MessageType.RUN_EVENTS.value,
        body=encode_events(core.run_id, events),
        to=SERVER,
        conversation=request.conversation,
        run=core.run_id,
        correlation_id=request.id,
        seq=seq,
        attempt=core.attempt,
        hops=request.hops,
        trace=request.trace,
        origin=agent_id,
    )


def pieces_message(runs: list[tuple[str, list[Event]]], agent_id: str) -> Message:
    """Return a message with what passes in many runs. It belongs to no conversation, and its order does not matter."""
    return Message(
        id=new_id(IdKind.MESSAGE),
        type=MessageType.RUN_PIECES.value,
        body=encode_pieces(runs),
        to=SERVER,
        origin=agent_id,
    )


def answer_again(row: MessageRow, agent_id: str) -> Message:
    """Return the last message of a run as the journal holds it: the same message, as receivers see it."""
    assert row.reply is not None
    return Message(
        id=derived_id("msg", row.run_id, row.attempt, END),
        type=MessageType.RUN_EVENTS.value,
        body=row.reply,
        to=SERVER,
        conversation=row.conversation,
        run=row.run_id,
        correlation_id=row.message_id,
        seq=row.seq,
        attempt=row.attempt,
        origin=agent_id,
    )
