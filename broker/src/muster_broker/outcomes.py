"""Publishes what was decided: copies to agents and the server, notices to senders, what nobody understands aside.

Each future ends when the last consequence is durable: a copy that cannot be delivered becomes a notice, a copy that
the queue server does not take goes round the retry queue, and after that aside, and its sender is told. A future that
fails says that nothing of this was possible: the message is still the queue server's, and is routed again, or (when it
fails for good) moved to the dead letters by the queue server.
"""

import asyncio
from asyncio import Future
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256

import structlog

from muster_broker.core.away import Away
from muster_broker.core.conduct import AGENT_PREFIX
from muster_broker.core.router import MAX_TARGETS, Copy, Notice
from muster_messaging.bus import Bus
from muster_messaging.errors import BusError, Disconnected, Permanent, QueueFull, Transient, Unroutable
from muster_messaging.lanes import Lanes
from muster_messaging.message import MAX_SHORT_BYTES, Message
from muster_messaging.topology import (
    IN,
    PARKING,
    RETRY_DELAYS,
    TO_AGENT,
    TO_SERVER,
    partition_key,
    partition_of,
    retry_exchange,
)
from muster_shared_models.addresses import AddressKind
from muster_shared_models.bodies import MessageType, NoticeBody
from muster_shared_models.ids import IdKind, new_id
from muster_shared_models.problems import Reason

__all__ = ["Publisher"]

#: Seconds that a copy is tried in place.
PATIENCE_S = 15.0
#: Rounds through the retry queue.
MAX_RETRIES = 5
FIRST_DELAY = "5s"
#: Publishes that may wait: some messages to everybody at once, with what is told about each copy.
MAX_WAITING = 4 * MAX_TARGETS
#: What is said of a message that is put aside, in bytes: it travels with it.
MAX_ASIDE_BYTES = 1024
#: The sender of what brokers say themselves, until the queue server has verified which one it is.
BROKER = "broker"
SERVER = "server"
#: How addresses begin that are reached through the server.
TO_PEOPLE = (SERVER, f"{AddressKind.USER}:")

log = structlog.get_logger()


class Publisher:
    """Publishes on a bus, in order per conversation and direction."""

    def __init__(self, bus: Bus, partitions: int, *, patience_s: float = PATIENCE_S) -> None:
        self._partitions = partitions
        # Given up together: what waits behind a message that goes round the retry queue must not overtake it.
        self._lanes = Lanes(bus, patience_s=patience_s, limit=MAX_WAITING, together=True)
        self._away = Away()
        self._loop = asyncio.get_running_loop()

    def close(self) -> None:
        """Give up what waits: it is not acknowledged, so it comes again."""
        self._lanes.close()

    def must_follow(self, message: Message) -> bool:
        """Tell whether earlier messages of its conversation are on the retry queue: it goes there too."""
        if not self._away or not message.conversation:
            return False
        return self._away.must_follow(_lane(message), message.id, self._loop.time())

    def follow(self, message: Message) -> "Future[None]":
        """Send a message round behind those before it; that is no try of its own."""
        return self._round(message, FIRST_DELAY)

    def through(self, message: Message) -> None:
        """All that follows from this message is durable: what waits for it may go on, unless it went round again."""
        if self._away:
            self._away.through(_lane(message), message.id)

    def to_agent(self, message: Message, copy: Copy) -> "Future[None]":
        """Publish a copy to an agent's queue."""
        forwarded = message._replace(
            run=copy.run,
            to=f"agent:{copy.agent_id}",
            origin=_origin(message),
            claim=copy.chosen or message.claim,
            id=message.id if copy.run == message.run else _fitting(f"{message.id}~{copy.agent_id}"),
        )

        def gone(error: BaseException) -> "Future[None]":
            notice = Notice(Reason.UNROUTABLE, str(error), final=True, agent_id=copy.agent_id, run=copy.run)
            if isinstance(error, Unroutable):
                detail = "The agent was retired before the message reached it."
                notice = replace(notice, reason=Reason.AGENT_NOT_FOUND, detail=detail)
            return self.notify(message, notice)

        def later(error: Transient) -> "Future[None]":
            # A copy that may have arrived goes to the same agent again, which knows it by its id; so does one of many.
            same = copy.run != message.run or not isinstance(error, QueueFull)
            return self._later(forwarded if same else message, told=copy.run)

        sent = self._send(f"{message.conversation}>{copy.agent_id}", TO_AGENT, copy.agent_id, forwarded)
        return self._settled(sent, gone, later)

    def to_server(self, message: Message) -> "Future[None]":
        """Publish a message for the server, or for a person."""
        forwarded = message._replace(origin=_origin(message))
        # What belongs to no conversation need not wait for anything.
        sent = self._send(f"{message.conversation or message.id}>", TO_SERVER, IN, forwarded)
        return self._settled(
            sent, lambda error: self.park(message, Reason.UNROUTABLE, str(error)), lambda _: self._later(message)
        )

    def notify(self, message: Message, notice: Notice) -> "Future[None]":
        """Tell a message's sender what became of it."""
        told = _notice_message(message, notice)
        sender = told.to.removeprefix("agent:")
        if told.to == SERVER:
            sent = self._send(f"{message.conversation}>", TO_SERVER, IN, told)
        else:
            sent = self._send(f"{message.conversation}>{sender}", TO_AGENT, sender, told)
        return self._settled(
            sent, lambda error: self.park(told, Reason.UNROUTABLE, str(error)), lambda _: self._later(told)
        )

    def park(self, message: Message, reason: Reason, detail: str) -> "Future[None]":
        """Put a message where a person looks, with why."""
        log.warning("parked", message_id=message.id, reason=reason.value, detail=detail)
        aside = f"{reason.value}: {detail}".encode()[:MAX_ASIDE_BYTES].decode(errors="ignore")
        return self._send("", PARKING, IN, message._replace(origin=_origin(message), aside=aside))

    def _send(self, lane: str, exchange: str, key: str, message: Message) -> "Future[None]":
        try:
            return self._lanes.send(lane, exchange, key, message)
        except BusError as error:
            refused: Future[None] = self._loop.create_future()
            refused.set_exception(error)
            return refused

    def _settled(
        self,
        sent: "Future[None]",
        on_permanent: "Callable[[Permanent], Future[None]]",
        on_transient: "Callable[[Transient], Future[None]]",
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
                on_transient(error).add_done_callback(end)
            else:
                end(done)

        sent.add_done_callback(settle)
        return whole

    def _later(self, message: Message, told: str = "") -> "Future[None]":
        """Send a message round the retry queue; after the last round, aside. `told`: the run its sender hears of."""
        if message.retries >= MAX_RETRIES:
            return self._give_up(message, told)
        delay = FIRST_DELAY if message.retries < 2 else "30s"
        return self._round(message._replace(retries=message.retries + 1), delay)

    def _round(self, message: Message, delay: str) -> "Future[None]":
        if message.conversation:
            self._away.sent(_lane(message), message.id, self._loop.time(), RETRY_DELAYS[delay] / 1000)
        key = partition_key(partition_of(message.conversation, self._partitions))
        again = message._replace(origin=_origin(message))
        return self._send(f"{message.conversation}>retry", retry_exchange(delay), key, again)

    def _give_up(self, message: Message, told: str) -> "Future[None]":
        detail = f"Its queue was full, and still was after {MAX_RETRIES} more tries."
        parked = self.park(message, Reason.QUEUE_FULL, detail)
        if message.type == MessageType.NOTICE.value:
            return parked
        both = asyncio.gather(parked, self.notify(message, Notice(Reason.QUEUE_FULL, detail, final=True, run=told)))
        whole: Future[None] = self._loop.create_future()
        both.add_done_callback(
            lambda done: whole.set_exception(error) if (error := done.exception()) else whole.set_result(None)
        )
        return whole


def _notice_message(message: Message, notice: Notice) -> Message:
    run = notice.run or message.run
    body = NoticeBody(
        message_id=message.id,
        run_id=run,
        reason=notice.reason,
        detail=notice.detail,
        final=notice.final,
        agent_id=notice.agent_id,
        targets=list(notice.targets),
    )
    sender = _origin(message)
    about = message.id if run == message.run else f"{message.id}~{notice.agent_id}"
    return Message(
        # The same notice of the same copy has the same id: told twice after a crash, it is taken once.
        id=_fitting(f"{about}!{notice.reason}") if message.id else new_id(IdKind.MESSAGE),
        type=MessageType.NOTICE.value,
        body=body.model_dump_json().encode(),
        to=f"agent:{sender}" if sender.startswith(AGENT_PREFIX) else SERVER,
        conversation=message.conversation,
        run=run,
        correlation_id=message.id,
        trace=message.trace,
        sender=BROKER,
    )


def _fitting(name: str) -> str:
    """Return an id that the queue server takes: the same one for the same name, also when that is too long."""
    encoded = name.encode()
    return name if len(encoded) <= MAX_SHORT_BYTES else f"long_{sha256(encoded).hexdigest()}"


def _lane(message: Message) -> str:
    """Return the conversation and the direction: answers do not wait for questions."""
    return f"{message.conversation}>{'server' if message.to.startswith(TO_PEOPLE) else 'agents'}"


def _origin(message: Message) -> str:
    """Return who sent a message first: the agent that the transport verified, else what the message carries.

    Only the server, brokers and (where all share one login) everybody can bring an origin of their own.
    """
    if not message.sender:
        return "nobody"  # what it claims must not be believed later, when a person sends it again
    return message.sender if message.sender.startswith(AGENT_PREFIX) else message.origin or message.sender
