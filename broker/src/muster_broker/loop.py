"""Consume, decide, publish, confirm, acknowledge. One loop per partition; a conversation stays in order."""

import asyncio
import time
from asyncio import Future
from collections import deque
from functools import partial

import structlog

from muster_broker.core.conduct import AGENT_PREFIX, Fate
from muster_broker.core.fleet import Fleet
from muster_broker.core.router import Copy, Decision, Forward, Park, Unknown, decide, misplaced
from muster_broker.outcomes import Publisher
from muster_broker.watch import Watch
from muster_messaging.bus import Bus, Subscription
from muster_messaging.errors import Permanent
from muster_messaging.message import MAX_CONTROL_BYTES, UNREADABLE, Delivery, Message, control_bytes
from muster_messaging.topology import ROUTER_MAX_LENGTH, broker_input
from muster_shared_models.bodies import MessageType
from muster_shared_models.problems import Reason

__all__ = ["PartitionLoop"]

#: Deliveries in hand per partition.
PREFETCH = 250
#: With so many in hand, more wait in the queue: until there was nothing to do for so many seconds.
BEHIND = PREFETCH // 2
IDLE_S = 0.5
#: How often an unknown address is looked up before its sender is told: the answer comes within five seconds.
LOOKS = 3
LOOK_EVERY_S = 1.0
#: Seconds until a message is routed again of which nothing could be made durable.
AGAIN_S = 1.0
STOP_TIMEOUT_S = 8.0
#: What the control fields of a message may take: a copy of it says more, and must be readable too.
CONTROL_BYTES = MAX_CONTROL_BYTES // 2
FLOODED = "Its sender floods the brokers: this is one of what it sent after that was noticed."

log = structlog.get_logger()


class PartitionLoop:
    """Routes the messages of one partition."""

    def __init__(
        self, bus: Bus, partition: int, partitions: int, fleet: Fleet, publisher: Publisher, watch: Watch
    ) -> None:
        self._bus = bus
        self._queue = broker_input(partition)
        self._partitions = partitions
        self._fleet = fleet
        self._publisher = publisher
        self._watch = watch
        self._loop = asyncio.get_running_loop()
        #: Conversations that are held back: what waits, and since when.
        self._lanes: dict[str, deque[tuple[Delivery, float]]] = {}
        self._in_hand = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._stopping = False
        self._behind = False
        self._idle_since = 0.0
        #: What may have waited for a broker to come: sent over a long time, it must not look like a flood.
        self._backlog = ROUTER_MAX_LENGTH
        self._subscription: Subscription | None = None

    async def run(self) -> None:
        """Route until cancelled."""
        self._subscription = await self._bus.subscribe(self._queue, PREFETCH)
        self._idle_since = self._loop.time()
        while True:
            for delivery in await self._subscription.next_batch():
                self._begin(delivery)

    async def stop(self) -> None:
        """Take nothing more, and finish what is in hand: what stays comes again elsewhere."""
        self._stopping = True
        if self._subscription:
            await self._subscription.cancel()
            try:
                async with asyncio.timeout(STOP_TIMEOUT_S):
                    await self._idle.wait()
            except TimeoutError:
                log.warning("stopped with messages in hand", queue=self._queue, count=self._in_hand)

    def _begin(self, delivery: Delivery) -> None:
        now = self._loop.time()
        if not self._in_hand and now - self._idle_since > IDLE_S:
            self._behind, self._backlog = False, 0
        self._behind = self._behind or self._in_hand > BEHIND
        self._backlog = max(0, self._backlog - 1)
        fate = self._watch.saw(delivery, now, behind=self._behind, counted=not self._backlog)
        if fate is Fate.DROP:
            assert self._subscription is not None
            self._subscription.ack((delivery.tag,))
            return
        self._in_hand += 1
        self._idle.clear()
        if fate is Fate.ASIDE and delivery.message.sender:
            self._await(delivery, [self._publisher.park(delivery.message, Reason.AGENT_QUARANTINED, FLOODED)])
            return
        lane = delivery.message.conversation
        waiting = self._lanes.get(lane) if lane else None
        if waiting is not None:
            waiting.append((delivery, now))
            return
        self._route(delivery, 1)

    def _route(self, delivery: Delivery, look: int) -> None:
        if self._publisher.must_follow(delivery.message):
            self._await(delivery, [self._publisher.follow(delivery.message)])
            self._go_on(delivery.message.conversation)
            return
        try:
            decision = self._decide(delivery.message, delivery.key)
            if isinstance(decision, Unknown) and look < LOOKS:
                self._hold(delivery.message)
                self._loop.call_later(LOOK_EVERY_S, self._route, delivery, look + 1)
                return
            outcomes = self._act(delivery.message, decision)
        except Exception as error:
            # Whatever it is about this message, it must not stop the others, nor be lost.
            log.exception("cannot be routed", message_id=delivery.message.id)
            outcomes = self._act(delivery.message, Park(Reason.INTERNAL, f"The broker failed at it: {error!r}."))
        self._await(delivery, outcomes)
        self._go_on(delivery.message.conversation)

    def _decide(self, message: Message, key: str) -> Decision:
        if message.type == UNREADABLE:
            return Park(Reason.FRAME_MALFORMED, message.aside.partition(": ")[2] or "It cannot be read.")
        if (size := control_bytes(message)) > CONTROL_BYTES:
            return Park(Reason.FRAME_MALFORMED, f"Its control fields take {size} bytes; {CONTROL_BYTES} is the most.")
        if misplaced(message, key, self._partitions):
            return Park(Reason.INVALID_ADDRESS, f"It came through partition {key}.")
        return decide(message, self._fleet, time.time_ns() // 1_000_000)

    def _hold(self, message: Message) -> None:
        """Hold the conversation back: what comes after this message must not overtake it."""
        if message.conversation:
            self._lanes.setdefault(message.conversation, deque())

    def _go_on(self, lane: str) -> None:
        waiting = self._lanes.get(lane)
        if waiting is None:
            return
        if waiting:
            delivery, since = waiting.popleft()
            # The time spent in line counts: also the last one's sender hears of an unknown address in time.
            looks = 1 + int((self._loop.time() - since) / LOOK_EVERY_S)
            self._loop.call_soon(self._route, delivery, looks)
        else:
            del self._lanes[lane]

    def _act(self, message: Message, decision: Decision) -> list[Future[None]]:
        if isinstance(decision, Forward):
            outcomes = [self._send(message, copy) for copy in decision.copies]
            return outcomes + [self._publisher.notify(message, notice) for notice in decision.notices]
        if isinstance(decision, Park):
            parked = self._publisher.park(message, decision.reason, decision.detail)
            if message.type == MessageType.NOTICE.value or not message.sender:
                return [parked]  # nobody to tell, or nobody who is sure to have sent it
            return [parked, self._publisher.notify(message, decision.notice)]
        return [self._publisher.notify(message, decision.answer if isinstance(decision, Unknown) else decision.notice)]

    def _await(self, delivery: Delivery, outcomes: list[Future[None]]) -> None:
        if len(outcomes) == 1:
            outcomes[0].add_done_callback(partial(self._settled, delivery))
        else:
            asyncio.gather(*outcomes, return_exceptions=True).add_done_callback(
                lambda _: self._settled_all(delivery, outcomes)
            )

    def _send(self, message: Message, copy: Copy) -> "Future[None]":
        if not copy.agent_id:
            return self._publisher.to_server(message)
        known = self._fleet.find(copy.agent_id)
        if known:
            known.sent += 1
        if copy.chosen and message.conversation:
            self._fleet.choose(message.conversation, copy.agent_id)
        if not message.sender.startswith(AGENT_PREFIX) and not message.origin.startswith(AGENT_PREFIX):
            self._watch.asked(copy.agent_id, self._loop.time())
        return self._publisher.to_agent(message, copy)

    def _settled(self, delivery: Delivery, done: "Future[None]") -> None:
        self._settle(delivery, done.exception())

    def _settled_all(self, delivery: Delivery, outcomes: "list[Future[None]]") -> None:
        errors = [error for outcome in outcomes if (error := outcome.exception())]
        # What may be possible later is tried again, whatever else is not.
        errors.sort(key=lambda error: isinstance(error, Permanent))
        self._settle(delivery, errors[0] if errors else None)

    def _settle(self, delivery: Delivery, error: BaseException | None) -> None:
        if error is not None:
            log.error("not routed", message_id=delivery.message.id, detail=str(error))
            if not isinstance(error, Permanent) and not self._stopping:
                self._hold(delivery.message)
                self._loop.call_later(AGAIN_S, self._route, delivery, 1)
                return
        self._in_hand -= 1
        if not self._in_hand:
            self._idle.set()
            self._idle_since = self._loop.time()
        # Without an acknowledgement it comes again, to whoever consumes this partition then.
        if error is None or isinstance(error, Permanent):
            self._publisher.through(delivery.message)
            self._done_with(delivery, error)

    def _done_with(self, delivery: Delivery, error: Permanent | None) -> None:
        assert self._subscription is not None
        if error is None:
            self._subscription.ack((delivery.tag,))
        else:
            # It can neither be delivered nor put aside: the queue server moves it to the dead letters as it is.
            self._subscription.reject(delivery.tag)
