"""The named crash points: the places between consume, publish, confirm, acknowledge and commit at which a process dies.

Each is a function of the product and a side of it; `mortal.py` wraps it so, the product itself knows nothing of this.
A name says the process and what it has just done; `meaning` says what is on which disk then, and who knows of it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from muster_shared_models.bodies import MessageType

__all__ = ["ACT", "POINTS", "Point", "Side", "points_of"]

CHAT, EVENTS = MessageType.CHAT.value, MessageType.RUN_EVENTS.value
SERVER, OUTBOX, INBOX = "muster_server.", "muster_server.flow.outbox:Outbox.", "muster_server.flow.inbox:Inbox."
SENDER, RECEIVER = SERVER + "conversations.sending:Sender.", SERVER + "conversations.receiving:Receiver."
QUEUES, RELAY = "muster_messaging.embedded.", "muster_messaging.relay."
LOOP, OUTCOMES = "muster_broker.loop:PartitionLoop.", "muster_broker.outcomes:Publisher."
DESK, PUBLISHER, CARD = (
    f"muster_agent.{name}." for name in ("inbox.desk:Desk", "runs.publisher:Publisher", "runs.card:ToolCard")
)
#: A side effect, side effects that may be repeated, and so many that the message is acknowledged early.
ACT, TOOLS, LONG = "act", "tools:2", "tools:20"
ROWS, RUN, RUNNER = "muster_agent.journal.messages:", "muster_agent.runs.run:Run.", "muster_agent.runs.runner:Runner."


class Side(Enum):
    """Of a call."""

    BEFORE = "before"
    AFTER = "after"


BEFORE, AFTER = Side.BEFORE, Side.AFTER


def _always(*_: Any) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Point:
    """Where a process dies. `where` is module:attribute; `only` sees the positional arguments, before the call."""

    name: str
    meaning: str
    where: str
    side: Side
    only: Callable[..., bool] = _always
    #: The highest number of the pass at which it dies; less where it is passed rarely.
    most: int = 40
    #: What the crowd asks the agent for: what a message that is handled twice does must be seen.
    ask: str = "echo"
    #: Only with this queue server.
    bus: str = ""
    #: Another point of the same process at which it dies first: this one lies in its restart.
    after: str = ""
    #: Whether the agent is away until the process has died.
    away: bool = False

    @property
    def process(self) -> str:
        """Who dies: server, broker or agent."""
        return self.name.partition(".")[0]


def points_of(process: str) -> list[Point]:
    """Return the points of server, broker or agent."""
    return [point for point in POINTS.values() if point.process == process]


def _tells(method: str) -> Callable[..., bool]:
    """Whether a text that goes to a browser holds such a frame."""
    return lambda _socket, text: f'"op":"{method}"' in text


def _inserts(journal: Any, _: Any) -> bool:
    """Whether the embedded queue server's journal takes something in, and not only forgets."""
    return bool(journal._writing.inserts or journal._work.inserts)


def _last(_publisher: Any, outgoing: Any, *_: Any) -> bool:
    return bool(outgoing.last)


def _early(run: Any) -> bool:
    """Whether a message is acknowledged before it is answered."""
    return run.frame is not None and not run.core.ended and not run.acked


_POINTS = (
    # ---- server: a message comes in
    Point("server.message_written", "The message, its run and outbox row are written and not committed.",
          SENDER + "_unit", AFTER),
    Point("server.message_committed", "The message is on disk; nobody was told, nothing was published.",
          SENDER + "_publish", BEFORE),
    Point("server.message_published", "It was handed to the queue server; neither confirmed, nor the browser told.",
          OUTBOX + "offer", AFTER),
    Point("server.message_answered", "The browser has its answer; of the rest nothing is known.",
          "starlette.websockets:WebSocket.send_text", AFTER, _tells("accepted")),
    Point("server.message_confirmed", "The queue server has it; the outbox holds it still.",
          OUTBOX + "_settled", BEFORE),
    Point("server.outbox_forgetting", "Several are confirmed and about to be forgotten.",
          OUTBOX + "_forget_soon", BEFORE, most=3),
    Point("server.outbox_recovered", "Killed with rows in the outbox, started, and killed when they are offered again.",
          OUTBOX + "recover", AFTER, most=1, after="server.message_committed"),
    # ---- server: an agent's events come in
    Point("server.inbox_taken", "A delivery is in hand; nothing is stored.", INBOX + "_handle", BEFORE, ask=TOOLS),
    Point("server.events_written", "Inbox id, events and run are written and not committed.",
          RECEIVER + "_events_unit", AFTER, ask=TOOLS),
    Point("server.events_committed", "Events are on disk; nobody has seen them, the delivery is not acknowledged.",
          RECEIVER + "_after_events", BEFORE, ask=TOOLS),
    Point("server.end_committed", "A run's terminal event is on disk; the same.",
          RECEIVER + "_after_events", BEFORE, lambda _, stored, *__: stored is not None and stored.run.ended_at > 0,
          ask=TOOLS),
    Point("server.event_sending", "Events are on disk and about to be sent to browsers.",
          SERVER + "edge.hub:Hub.event", BEFORE, lambda hub, stream, *_: hub.followed(stream) and ":" in stream,
          ask=TOOLS),
    Point("server.event_sent", "One browser has an event, the others do not.",
          "starlette.websockets:WebSocket.send_text", AFTER, _tells("event"), ask=TOOLS),
    Point("server.inbox_acknowledged", "A delivery is acknowledged; the queue server may not have heard of it.",
          INBOX + "_settle", AFTER, lambda _inbox, _lane, _delivery, error: error is None, ask=TOOLS),
    Point("server.notice_committed", "The broker's notice that a message waits is on disk, and not acknowledged.",
          SERVER + "conversations.noticing:Notices._after", BEFORE, most=4, away=True),
    Point("server.claim_committed", "A run is given to an agent on disk; the agent was not told.",
          SERVER + "conversations.claiming:Claims._after", BEFORE, most=10, ask=ACT),
    # ---- server: the embedded queue server and the relay in it
    Point("server.queue_written", "Frames are written to the queues' journal and not committed.",
          QUEUES + "journal:Journal._write", AFTER, _inserts, ask=TOOLS, bus="embedded"),
    Point("server.queue_committed", "Frames are on disk; neither confirmed nor delivered.",
          QUEUES + "journal:Journal._written", BEFORE, _inserts, ask=TOOLS, bus="embedded"),
    Point("server.queue_delivering", "Deliveries are taken for the relay's stream; nothing is sent.",
          QUEUES + "server:EmbeddedSubscription.next_batch", AFTER, ask=TOOLS, bus="embedded"),
    Point("server.relay_confirming", "A publish is durable; its confirm is not written to the relay's stream.",
          RELAY + "service:_settle", AFTER, ask=TOOLS, bus="embedded"),
    Point("server.queue_acknowledged", "An acknowledgement was taken; the message is still in the journal.",
          QUEUES + "server:EmbeddedQueueServer.settle", AFTER, ask=TOOLS, bus="embedded"),
    # ---- broker
    Point("broker.delivered", "A delivery is in hand; nothing is decided.", LOOP + "_begin", BEFORE, ask=ACT),
    Point("broker.decided", "It is decided; nothing is published.", LOOP + "_act", BEFORE, ask=ACT),
    Point("broker.message_published", "A message was handed over for its agent; not confirmed.",
          OUTCOMES + "to_agent", AFTER, ask=ACT),
    Point("broker.events_published", "An agent's events were handed over for the server; not confirmed.",
          OUTCOMES + "to_server", AFTER, ask=TOOLS),
    Point("broker.message_confirmed", "A message is in its agent's queue; its delivery is not acknowledged.",
          LOOP + "_settled", BEFORE, lambda _, delivery, _done: delivery.message.type == CHAT, ask=ACT),
    Point("broker.events_confirmed", "Events are in the server's queue; their delivery is not acknowledged.",
          LOOP + "_settled", BEFORE, lambda _, delivery, _done: delivery.message.type == EVENTS, ask=TOOLS),
    Point("broker.half_told", "A message is published to an agent that is away; that it waits is not told.",
          OUTCOMES + "notify", BEFORE, most=4, away=True),
    Point("broker.acknowledged", "A delivery is acknowledged; the queue server may not have heard of it.",
          LOOP + "_settle", AFTER, lambda _loop, _delivery, error: error is None, ask=ACT),
    Point("broker.ack_sending", "Acknowledgements are in the frame that is sent next.",
          RELAY + "client:RelayBus.acknowledge", AFTER, ask=ACT, bus="embedded"),
    Point("broker.ack_sent", "Acknowledgements were handed to the connection.",
          "muster_messaging.amqp.channel:LinkChannel.acknowledge", AFTER, ask=ACT, bus="rabbitmq"),
    Point("broker.joined_anew", "Killed, started, and killed before it knows the fleet.",
          "muster_broker.directory:Directory._take", BEFORE, most=1, ask=ACT, after="broker.message_published"),
    # ---- agent: a message comes in
    Point("agent.delivered", "A delivery is in hand; the journal knows nothing.", DESK + "take", BEFORE),
    Point("agent.claiming", "A message that might be another agent's has its turn; the server was not asked.",
          RUNNER + "_claim_first", BEFORE, most=10, ask=ACT),
    Point("agent.claimed", "The server has given the run to this agent; nothing is begun.",
          RUNNER + "_handle", BEFORE, lambda _, run: run.request.claim, most=10, ask=ACT),
    Point("agent.start_written", "That the run begins is written and not committed.",
          ROWS + "MessageRows._write", AFTER, lambda rows, _: any(row.state == "running" for row in rows._rows)),
    Point("agent.start_journalled", "The journal knows of the run; nothing is published.",
          PUBLISHER + "_committed", BEFORE, lambda _, batch, _commit: not any(each.last for each in batch)),
    Point("agent.start_published", "That the run begins, or has more to say, was handed over; not confirmed.",
          PUBLISHER + "_send", AFTER, lambda *them: not _last(*them)),
    # ---- agent: a tool acts
    Point("agent.effect_unwritten", "A tool is about to act; the journal does not know of it.",
          "muster_agent.runs.reply:Reply.intend", BEFORE, ask=ACT),
    Point("agent.effect_intended", "The journal knows that a tool will act; it has not.",
          CARD + "__aenter__", AFTER, lambda card: card.acts, ask=ACT),
    Point("agent.effect_happened", "A tool has acted; the journal only knows that it would.",
          CARD + "__aexit__", BEFORE, lambda card, *_: card.acts, ask=ACT),
    Point("agent.effect_written", "A tool has acted, and the journal knows.",
          CARD + "__aexit__", AFTER, lambda card, *_: card.acts, ask=ACT),
    # ---- agent: the answer goes out
    Point("agent.answer_written", "The whole answer is written and not committed.",
          ROWS + "MessageRows._write", AFTER, lambda rows, _: any(row.state == "replied" for row in rows._rows),
          ask=ACT),
    Point("agent.answer_journalled", "The journal has the whole answer; it is not published.",
          PUBLISHER + "_committed", BEFORE, lambda _, batch, _commit: any(each.last for each in batch), ask=ACT),
    Point("agent.answer_published", "The answer was handed over; not confirmed.", PUBLISHER + "_send", AFTER, _last,
          ask=ACT),
    Point("agent.answer_confirmed", "The answer is in the broker's queue; its message is not acknowledged.",
          PUBLISHER + "_sent", BEFORE, _last, ask=ACT),
    Point("agent.acknowledged", "The message is acknowledged; the queue server may not have heard of it.",
          RUN + "acknowledge", AFTER, lambda run: run.core.ended, ask=ACT),
    Point("agent.end_written", "That answers are confirmed is written and not committed.",
          ROWS + "_finish", AFTER, most=4, ask=ACT),
    Point("agent.answer_repeated", "Killed with an answer in the journal, started, and killed when it is taken up.",
          PUBLISHER + "repeat", AFTER, most=1, ask=ACT, after="agent.answer_journalled"),
    # ---- agent: a run that takes long is acknowledged before it is answered
    Point("agent.long_journalled", "The journal has a message whole; it is not acknowledged.",
          RUN + "acknowledge", BEFORE, _early, most=6, ask=LONG),
    Point("agent.long_at_work", "Acknowledged long ago: only the journal knows the message, its run goes on.",
          PUBLISHER + "_sent", BEFORE, lambda _, outgoing, *__: any(run.acked for run in outgoing.runs),
          most=10, ask=LONG),
    Point("agent.long_resumed", "The same, started, and killed when it is taken up from the journal.",
          DESK + "resume", AFTER, most=1, ask=LONG, after="agent.long_at_work"),
)  # fmt: skip

#: By name.
POINTS = {point.name: point for point in _POINTS}
