"""Publishes what was decided: copies to agents and the server, notices to senders, what nobody understands aside.

Each future ends when the last consequence is durable: a copy that cannot be delivered becomes a notice, a copy that
the queue server does not take goes round the retry queue, and after that aside.
"""

import asyncio
from asyncio import Future
from collections.abc import Callable

import structlog

from muster_broker.core.router import Copy, Notice
from muster_messaging.bus import Bus
from muster_messaging.errors import Disconnected, Permanent, Transient
from muster_messaging.lanes import Lanes
from muster_messaging.message import Message
from muster_messaging.topology import (
    IN,
    PARKING,
    TO_AGENT,
    TO_SERVER,
    partition_key,
    partition_of,
    retry_exchange,
)
from muster_shared_models.bodies import MessageType, NoticeBody
from muster_shared_models.ids import IdKind, new_id
from muster_shared_models.problems import Reason

__all__ = ["Publisher"]

#: Seconds that a copy is tried in place.
PATIENCE_S = 15.0
#: Rounds through the retry queue.
MAX_RETRIES = 5
#: What the names of agents begin with, as senders.
AGENT_PREFIX = f"{IdKind.AGENT.value}_"

log = structlog.get_logger()


class Publisher:
    """Publishes on a bus, in order per conversation and direction."""

    def __init__(self, bus: Bus, partitions: int) -> None:
        self._bus = bus
        self._partitions = partitions
        self._lanes = Lanes(bus, patience_s=PATIENCE_S)
        self._loop = asyncio.get_running_loop()

    def close(self) -> None:
        """Give up what waits: it is not acknowledged, so it comes again."""
        self._lanes.close()

    def to_agent(self, message: Message, copy: Copy) -> "Future[None]":
        """Publish a copy to an agent's queue."""
        forwarded = message._replace(
            run=copy.run,
            to=f"agent:{copy.agent_id}",
            origin=_origin(message),
            id=message.id if copy.run == message.run else f"{message.id}~{copy.agent_id}",
        )
        sent = self._lanes.send(f"{message.conversation}>{copy.agent_id}", TO_AGENT, copy.agent_id, forwarded)

        def gone(_: BaseException) -> "Future[None]":
            detail = "The agent was retired before the message reached it."
            return self.notify(message._replace(run=copy.run), Notice(Reason.AGENT_NOT_FOUND, detail, final=True))

        return self._settled(sent, message, gone)

    def to_server(self, message: Message) -> "Future[None]":
        """Publish a message for the server, or for a person."""
        forwarded = message._replace(origin=_origin(message))
        sent = self._lanes.send(f"{message.conversation}>", TO_SERVER, IN, forwarded)
        return self._settled(sent, message, lambda _: self.park(message, Reason.UNROUTABLE))

    def notify(self, message: Message, notice: Notice) -> "Future[None]":
        """Tell a message's sender what became of it."""
        body = NoticeBody(
            message_id=message.id,
            run_id=message.run,
            reason=notice.reason,
            detail=notice.detail,
            final=notice.final,
            agent_id=notice.agent_id,
            targets=list(notice.targets),
        )
        sender = _origin(message)
        to_server = not sender.startswith(AGENT_PREFIX)
        told = Message(
            # The same notice of the same message has the same id: told twice after a crash, it is taken once.
            id=f"{message.id}!{notice.reason}" if message.id else new_id(IdKind.MESSAGE),
            type=MessageType.NOTICE.value,
            body=body.model_dump_json().encode(),
            to="server" if to_server else f"agent:{sender}",
            conversation=message.conversation,
            run=message.run,
            correlation_id=message.id,
            trace=message.trace,
        )
        if to_server:
            sent = self._lanes.send(f"{message.conversation}>", TO_SERVER, IN, told)
        else:
            sent = self._lanes.send(f"{message.conversation}>{sender}", TO_AGENT, sender, told)
        return self._settled(sent, told, lambda _: self.park(told, Reason.UNROUTABLE))

    def park(self, message: Message, reason: Reason) -> "Future[None]":
        """Put a message where a person looks."""
        log.warning("parked", message_id=message.id, reason=reason.value)
        return self._lanes.send("", PARKING, IN, message._replace(origin=_origin(message)))

    def _settled(
        self, sent: "Future[None]", message: Message, on_permanent: "Callable[[BaseException], Future[None]]"
    ) -> "Future[None]":
        """Return a future that ends when `sent`, or what must follow its failure, is durable."""
        whole: Future[None] = self._loop.create_future()

        def end(done: "Future[None]") -> None:
            error = done.exception()
            if whole.done():
                return
            if error is None:
                whole.set_result(None)
            else:
                whole.set_exception(error)

        def settle(done: "Future[None]") -> None:
            error = done.exception()
            if isinstance(error, Permanent):
                on_permanent(error).add_done_callback(end)
            elif isinstance(error, Transient) and not isinstance(error, Disconnected):
                self._later(message).add_done_callback(end)
            else:
                end(done)

        sent.add_done_callback(settle)
        return whole

    def _later(self, message: Message) -> "Future[None]":
        if message.retries >= MAX_RETRIES:
            return self.park(message, Reason.QUEUE_FULL)
        delay = "5s" if message.retries < 2 else "30s"
        again = message._replace(retries=message.retries + 1, origin=_origin(message))
        key = partition_key(partition_of(message.conversation, self._partitions))
        return self._lanes.send(f"{message.conversation}>retry", retry_exchange(delay), key, again)


def _origin(message: Message) -> str:
    """Return who sent a message first: the agent that the transport verified, else what the message carries.

    Only the server, brokers and (where all share one login) nobody verified can bring an origin of their own.
    """
    return message.sender if message.sender.startswith(AGENT_PREFIX) else message.origin or message.sender
