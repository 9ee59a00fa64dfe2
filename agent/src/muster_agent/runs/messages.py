"""The messages in which runs tell what happens in them. An id says what a message holds, so a repetition is known."""

from collections.abc import Sequence
from dataclasses import dataclass

from muster_agent.clock import now_ms
from muster_agent.journal.messages import MessageRow
from muster_agent.runs.core import END, PASSING, Event, RunState, derived_id
from muster_agent.runs.encode import encode_events, encode_pieces
from muster_agent.runs.run import Run
from muster_messaging.message import MAX_BODY_BYTES, Message
from muster_shared_models.bodies import MessageType
from muster_shared_models.ids import IdKind, new_id
from muster_shared_models.problems import Reason

__all__ = ["Outgoing", "answer_again", "flush_message", "pieces_message", "row_of", "too_large"]

SERVER = "server"


@dataclass(slots=True)
class Outgoing:
    """A message on its way, and whose it is. `lasting`: it must arrive; `last`: it ends its run."""

    message: Message
    runs: Sequence[Run]
    lasting: bool
    last: bool
    #: Whether it may be published: it is in the journal, or need not be.
    durable: bool = False
    #: Whether it stands for an answer that was too large.
    cut: bool = False


def flush_message(run: Run, events: list[Event], seq: int, agent_id: str) -> Message:
    """Return the next message of a run, with the events that `run.core.take` gave; `seq` is the conversation's."""
    core, request = run.core, run.request
    run.flushes += 1
    body = encode_events(core.run_id, events)
    if len(body) > MAX_BODY_BYTES:  # what passes is told again
        body = encode_events(core.run_id, [event for event in events if event["kind"] not in PASSING])
    return Message(
        id=core.end_id if core.state is RunState.ENDED else core.flush_id(run.flushes),
        type=MessageType.RUN_EVENTS.value,
        body=body,
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


def too_large(message: Message) -> Message:
    """Return what takes the place of a run's last message that no queue takes: the same message, saying only that."""
    error = {
        "kind": "RUN_ERROR", "run_id": message.run, "attempt": message.attempt,
        "reason": Reason.MESSAGE_TOO_LARGE.value,
        "message": f"The answer was too large to be sent: {len(message.body)} bytes.",
        "hint": "Let the agent say less at a time, or let the queue server take larger messages.",
    }  # fmt: skip
    return message._replace(body=encode_events(message.run, [error]))


def row_of(message: Message) -> MessageRow:
    """Return the journal's row of the message that this one answers."""
    return MessageRow(
        message.correlation_id, message.run, message.conversation, "replied", message.attempt, now_ms(), None,
        message.seq, message.body,
    )  # fmt: skip
