"""Declares, deletes and counts, one thing at a time on a channel of its own.

RabbitMQ answers a question about what does not exist by closing the channel, so a new one is opened when needed.
"""

import asyncio
from typing import Any

from muster_messaging.amqp.arguments import mismatch, queue_arguments
from muster_messaging.amqp.channel import LinkChannel
from muster_messaging.amqp.link import Link
from muster_messaging.amqp.lost import Lost
from muster_messaging.amqp.supervisor import Supervisor
from muster_messaging.bus import QueueInfo
from muster_messaging.errors import BusError, Disconnected, Refused
from muster_messaging.topology import Binding, Exchange, Queue, Topology

__all__ = ["Admin"]

#: Seconds that a declaration waits for a connection.
CONNECTION_PATIENCE_S = 10.0
#: Seconds that an answer may take. A cluster that elects a leader needs some.
ANSWER_PATIENCE_S = 30.0
_NOT_FOUND, _PRECONDITION_FAILED = 404, 406


class Admin:
    """The server's own rights over queues and exchanges."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._lock = asyncio.Lock()
        self._channel: LinkChannel | None = None
        #: What this process declared, in order: it is declared again when the queue server has lost it.
        self._exchanges: dict[str, Exchange] = {}
        self._queues: dict[str, Queue] = {}
        self._bindings: dict[Binding, None] = {}

    async def declare(self, topology: Topology) -> None:
        """See BusAdmin. What exists is compared before anything is made, so a refusal changes nothing."""
        async with self._lock:
            for exchange in topology.exchanges:
                if await self._asked("exchange_declare", exchange.name, passive=True):
                    await self._make_exchange(exchange)
            for queue in topology.queues:
                if await self._asked("queue_declare", queue.name, passive=True):
                    await self._make_queue(queue)
            await self._make(topology)
        self._exchanges.update((exchange.name, exchange) for exchange in topology.exchanges)
        self._queues.update((queue.name, queue) for queue in topology.queues)
        self._bindings.update(dict.fromkeys(topology.bindings))

    async def delete_queue(self, name: str) -> None:
        """See BusAdmin."""
        async with self._lock:
            await self._asked("queue_delete", name)
        self._queues.pop(name, None)
        self._bindings = {binding: None for binding in self._bindings if binding.queue != name}

    async def queue_info(self, name: str) -> QueueInfo | None:
        """See BusAdmin. RabbitMQ's answer has no count of unacknowledged messages."""
        async with self._lock:
            answer = await self._asked("queue_declare", name, passive=True)
        return QueueInfo(answer.message_count, -1, answer.consumer_count) if answer else None

    async def restore(self, queue: str = "") -> None:
        """Declare everything again if the queue server has lost it: `queue`, or what was declared first."""
        if queue and queue not in self._queues:
            return
        probe = queue or next(iter(self._queues), "")
        if not probe:
            return
        async with self._lock:
            if not await self._asked("queue_declare", probe, passive=True):
                exchanges, queues = tuple(self._exchanges.values()), tuple(self._queues.values())
                await self._make(Topology(exchanges, queues, tuple(self._bindings)))

    async def _make(self, topology: Topology) -> None:
        for exchange in topology.exchanges:
            await self._make_exchange(exchange)
        for queue in topology.queues:
            await self._make_queue(queue)
        for binding in topology.bindings:
            await self._ask("queue_bind", binding.queue, binding.exchange, routing_key=binding.key)

    async def _make_exchange(self, exchange: Exchange) -> None:
        await self._ask("exchange_declare", exchange.name, exchange_type=exchange.kind, durable=True)

    async def _make_queue(self, queue: Queue) -> None:
        await self._ask("queue_declare", queue.name, durable=True, arguments=queue_arguments(queue))

    async def _asked(self, method: str, name: str, **named: Any) -> Any:
        """Return the answer, or None when there is no such thing."""
        try:
            return await self._ask(method, name, **named)
        except _Missing:
            return None

    async def _ask(self, method: str, *arguments: Any, **named: Any) -> Any:
        if any(mark in name for name in arguments for mark in "\r\n"):
            # RabbitMQ drops them silently, and then answers about a name that nobody asked for.
            raise Refused(f"Line breaks cannot be part of a name: {arguments[0]!r}.")
        channel = await self._open()
        try:
            async with asyncio.timeout(ANSWER_PATIENCE_S):
                return await channel.ask(getattr(channel, method), *arguments, **named)
        except TimeoutError as error:
            self._channel = None
            raise Disconnected(f"The queue server did not answer within {ANSWER_PATIENCE_S:g} s.") from error
        except Lost as lost:
            raise _translated(lost) from lost

    async def _open(self) -> LinkChannel:
        if self._channel is None or not self._channel.is_open:
            try:
                async with asyncio.timeout(CONNECTION_PATIENCE_S):
                    link: Link = await self._supervisor.link()
                    self._channel = await link.open_channel()
            except TimeoutError as error:
                raise Disconnected(f"The queue server cannot be reached: {self._supervisor.trouble}.") from error
            except Lost as lost:
                raise _translated(lost) from lost
        return self._channel


class _Missing(Refused):
    """There is no such queue or exchange."""


def _translated(lost: Lost) -> BusError:
    if lost.code == 0:
        return Disconnected(f"The connection to the queue server ended: {lost.text}.")
    if lost.code == _NOT_FOUND:
        return _Missing(lost.text)
    if lost.code == _PRECONDITION_FAILED:
        return mismatch(lost.text)
    return Refused(lost.text, "May this login declare and delete? Only the server's may.")
