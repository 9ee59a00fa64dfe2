"""The server's side of the relay: frames of a stream in, frames of a bus out, nothing read on the way.

One stream is one process. What it may do is said by `Peer`, which the server makes from its credentials. While more
than WAITING_BYTES wait to be written to it, nothing more is read from it and no delivery is added: a process that
publishes and reads nothing is stopped by gRPC's flow control.
"""

import asyncio
from asyncio import Future
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import grpc

from muster_messaging.errors import BusError, Disconnected, QueueFull, Refused
from muster_messaging.frames import FrameBus, FrameDelivery, FrameSubscription
from muster_messaging.link.problems import write_status
from muster_messaging.relay.batches import Batches
from muster_protos.v1.relay_pb2 import Acknowledge, Publish, PublishOutcome, RelayDown, RelayUp, Subscribe
from muster_protos.v1.relay_pb2_grpc import MessageRelayServicer
from muster_shared_models.problems import MusterError

__all__ = ["Peer", "Relay"]

#: Unconfirmed publishes of one stream; above it they are refused.
WINDOW = 4096
#: Subscriptions of one stream, and deliveries on the way to it.
MAX_SUBSCRIPTIONS = 64
MAX_PREFETCH = 1000
#: Larger frames go to the dead letters. Ours are about half as large at the most.
MAX_DELIVERY_BYTES = 2 * 1024 * 1024
#: What may wait to be written to one stream, and how much of an error is said to it.
WAITING_BYTES = 1024 * 1024
DETAIL_CHARS = 1000


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end and what it may do. `name` becomes the verified sender of what it publishes."""

    name: str
    may_publish: Callable[[str], bool]
    may_subscribe: Callable[[str], bool]


@dataclass(slots=True)
class _Stream:
    """One process's stream: what waits to be written to it, and its subscriptions."""

    peer: Peer
    down: Batches[RelayDown] = field(default_factory=lambda: Batches(RelayDown, WAITING_BYTES))
    subscriptions: dict[int, FrameSubscription] = field(default_factory=dict)
    readers: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    unconfirmed: int = 0
    #: Ends when a subscription fails in a way nobody foresaw: then so does the stream, and its process begins anew.
    broken: "Future[None]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Relay(MessageRelayServicer):
    """The service MessageRelay over a `FrameBus`."""

    def __init__(self, bus: FrameBus, identify: Callable[[grpc.aio.ServicerContext], Awaitable[Peer]]) -> None:
        self._bus = bus
        self._identify = identify

    async def Attach(self, requests: AsyncIterator[RelayUp], context: grpc.aio.ServicerContext) -> None:  # noqa: N802
        """Serve one process until either side ends the stream."""
        try:
            peer = await self._identify(context)
        except MusterError as error:
            await context.abort_with_status(write_status(error))
            return
        stream = _Stream(peer)
        stream.down.batch(0)  # the first one is empty: it says that the stream is served
        writer = asyncio.create_task(self._write(stream, context))
        reader = asyncio.create_task(self._read(stream, requests))
        try:
            await asyncio.wait((reader, stream.broken), return_when=asyncio.FIRST_COMPLETED)
            (stream.broken if stream.broken.done() else reader).result()
        finally:
            # Without an await first: gRPC may cancel this a second time, and what the process held must come again.
            for subscription in stream.subscriptions.values():
                subscription.abandon()
            tasks = (writer, reader, *stream.readers.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self, stream: _Stream, requests: AsyncIterator[RelayUp]) -> None:
        async for up in requests:
            await self._take(stream, up)

    async def _write(self, stream: _Stream, context: grpc.aio.ServicerContext) -> None:
        while True:
            await context.write(await stream.down.take())

    async def _take(self, stream: _Stream, up: RelayUp) -> None:
        for publish in up.publish:
            if stream.down.full:
                await stream.down.room()
            self._publish(stream, publish)
        for acknowledge in up.acknowledge:
            self._acknowledge(stream, acknowledge)
        for subscribe in up.subscribe:
            await stream.down.room()
            await self._subscribe(stream, subscribe)
        for number in up.cancel:
            if number in stream.subscriptions:
                await stream.subscriptions[number].cancel()
        for number in up.abandon:
            if subscription := stream.subscriptions.pop(number, None):
                subscription.abandon()

    def _publish(self, stream: _Stream, publish: Publish) -> None:
        number = publish.number
        try:
            if not stream.peer.may_publish(publish.exchange):
                raise Refused(f"{stream.peer.name} may not publish to {publish.exchange}.")
            if stream.unconfirmed >= WINDOW:
                raise QueueFull(f"{WINDOW} publishes of this process are unconfirmed.")
        except BusError as error:
            _refuse(stream, number, error)
            return
        stream.unconfirmed += 1
        outcome = self._bus.publish_frame(publish.exchange, publish.key, stream.peer.name, publish.frame)
        outcome.add_done_callback(lambda done: _settle(stream, number, done))

    def _acknowledge(self, stream: _Stream, acknowledge: Acknowledge) -> None:
        subscription = stream.subscriptions.get(acknowledge.subscription)
        if subscription:
            subscription.ack(acknowledge.tags)
            for tag in acknowledge.rejected:
                subscription.reject(tag)

    async def _subscribe(self, stream: _Stream, wanted: Subscribe) -> None:
        number = wanted.subscription
        try:
            if not stream.peer.may_subscribe(wanted.queue):
                raise Refused(f"{stream.peer.name} may not read {wanted.queue}.")
            if number in stream.subscriptions or len(stream.subscriptions) >= MAX_SUBSCRIPTIONS:
                raise Refused(f"Subscription {number} exists already, or there are too many.")
            prefetch = max(1, min(wanted.prefetch, MAX_PREFETCH))
            subscription = await self._bus.subscribe_frames(wanted.queue, prefetch)
        except MusterError as error:
            _end(stream, number, error)
            return
        stream.down.batch(0).subscribed.add(subscription=number)
        stream.subscriptions[number] = subscription
        stream.readers[number] = asyncio.create_task(_forward(stream, number, subscription))


async def _forward(stream: _Stream, number: int, subscription: FrameSubscription) -> None:
    try:
        while True:
            await _deliver(stream, number, subscription, await subscription.next_batch())
    except MusterError as error:
        if not isinstance(error, Disconnected):  # one that was cancelled may still be acknowledged
            stream.subscriptions.pop(number, None)
        stream.readers.pop(number, None)
        _end(stream, number, error)
    except Exception as error:  # noqa: BLE001 - raised by the stream, which ends with it
        if not stream.broken.done():
            stream.broken.set_exception(error)


async def _deliver(
    stream: _Stream, number: int, subscription: FrameSubscription, deliveries: list[FrameDelivery]
) -> None:
    begun: RelayDown | None = None
    for item in deliveries:
        if len(item.frame) > MAX_DELIVERY_BYTES:
            subscription.reject(item.tag)  # by a stranger on RabbitMQ: gRPC would end the stream at each delivery
            continue
        if stream.down.full:
            await stream.down.room()
        down = stream.down.batch(len(item.frame) + len(item.key) + len(item.sender) + len(item.died_in))
        if down is not begun:
            begun, items = down, down.deliveries.add(subscription=number).items
        items.add(
            tag=item.tag,
            attempt=item.attempt,
            key=item.key,
            frame=item.frame,
            sender=item.sender,
            died_of=item.died_of,
            died_in=item.died_in,
        )


def _end(stream: _Stream, number: int, error: MusterError) -> None:
    detail = error.detail[:DETAIL_CHARS]
    stream.down.batch(len(detail)).subscribed.add(subscription=number, reason=error.reason.value, detail=detail)


def _settle(stream: _Stream, number: int, done: "Future[None]") -> None:
    stream.unconfirmed -= 1
    error = None if done.cancelled() else done.exception()
    if error is None and not done.cancelled():
        stream.down.batch(0).confirmed.append(number)
    else:
        _refuse(stream, number, error)


def _refuse(stream: _Stream, number: int, error: BaseException | None) -> None:
    reason = error.reason.value if isinstance(error, MusterError) else "unavailable"
    detail = str(error)[:DETAIL_CHARS]
    stream.down.batch(len(detail)).refused.append(PublishOutcome(number=number, reason=reason, detail=detail))
