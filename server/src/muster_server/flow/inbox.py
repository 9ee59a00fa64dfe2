"""The inbox: messages for the server come off the bus, into the database, and only then are acknowledged.

Messages of one conversation are handled one after another, those of different ones side by side; an agent's in the
order of their numbers, where that can be had in time (`gaps.py`). What cannot be stored now is tried again and keeps
its place; what can never be understood goes to the dead letters with a reason in the log.
"""

import asyncio
from asyncio import Future
from collections import deque
from collections.abc import Callable, Mapping

import structlog

from muster_messaging.bus import Bus, Subscription
from muster_messaging.message import SCHEMA, Delivery, Message
from muster_messaging.topology import SERVER_INPUT
from muster_server.flow.gaps import Gaps
from muster_shared_models.problems import MusterError, Reason

__all__ = ["Handler", "Inbox"]

PREFETCH = 1000
RETRY_S = 0.5
#: Reasons after which trying again is worth it.
_LATER = frozenset({Reason.DATABASE_BUSY, Reason.UNAVAILABLE, Reason.OVERLOADED})

#: Begins to store a message; the future ends when that is on disk, or fails with a MusterError.
Handler = Callable[[Message], "Future[None]"]

log = structlog.get_logger()


class Inbox:
    """Consumes server_input_queue."""

    def __init__(self, bus: Bus, handlers: Mapping[str, Handler]) -> None:
        self._bus = bus
        self._handlers = handlers
        self._lanes: dict[str, deque[Delivery]] = {}
        self._loop = asyncio.get_running_loop()
        self._subscription: Subscription | None = None
        self._gaps: Gaps[Delivery] = Gaps()
        self._timer: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Consume until cancelled."""
        self._subscription = await self._bus.subscribe(SERVER_INPUT, PREFETCH)
        while True:
            for delivery in await self._subscription.next_batch():
                message = delivery.message
                if message.seq <= 0 or not message.conversation:
                    self._admit(delivery)
                    continue
                key = f"{message.conversation}>{message.origin or message.sender}"
                for ready in self._gaps.take(key, message.seq, delivery, self._loop.time()):
                    self._admit(ready)
            self._wait_for_gaps()

    def _wait_for_gaps(self) -> None:
        due_at = self._gaps.due_at
        if due_at is not None and self._timer is None:
            self._timer = self._loop.call_at(due_at, self._time_is_up)

    def _time_is_up(self) -> None:
        self._timer = None
        ready = self._gaps.overdue(self._loop.time())
        if ready:
            log.info("what is missing has not come: going on without it", messages=len(ready))
        for delivery in ready:
            self._admit(delivery)
        self._wait_for_gaps()

    def _admit(self, delivery: Delivery) -> None:
        lane = delivery.message.conversation or delivery.message.id
        queue = self._lanes.get(lane)
        if queue is None:
            self._lanes[lane] = deque((delivery,))
            self._handle(lane, delivery)
        else:
            queue.append(delivery)

    def _handle(self, lane: str, delivery: Delivery) -> None:
        message = delivery.message
        handler = self._handlers.get(message.type) if message.schema <= SCHEMA else None
        if handler is None:
            known = "type" if message.schema <= SCHEMA else "schema"
            self._settle(lane, delivery, MusterError(Reason.SCHEMA_UNKNOWN, f"The {known} of {message.id} is unknown."))
            return
        try:
            handler(message).add_done_callback(lambda done: self._settle(lane, delivery, done.exception()))
        except MusterError as error:
            self._settle(lane, delivery, error)

    def _settle(self, lane: str, delivery: Delivery, error: BaseException | None) -> None:
        assert self._subscription is not None
        if error is None:
            self._subscription.ack((delivery.tag,))
        elif isinstance(error, MusterError) and error.reason in _LATER:
            self._loop.call_later(RETRY_S, self._handle, lane, delivery)
            return
        else:
            reason = error.reason.value if isinstance(error, MusterError) else "internal"
            log.error("message rejected", message_id=delivery.message.id, reason=reason, detail=str(error))
            self._subscription.reject(delivery.tag)
        queue = self._lanes[lane]
        queue.popleft()
        if queue:
            self._loop.call_soon(self._handle, lane, queue[0])
        else:
            del self._lanes[lane]
