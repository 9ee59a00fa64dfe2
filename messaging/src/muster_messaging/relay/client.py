"""The relay's other end: a `Bus` over one gRPC stream. Everything of one loop tick goes out together."""

import asyncio
import random
from asyncio import Future
from collections.abc import Callable, Sequence

import grpc

from muster_messaging.errors import Disconnected, QueueFull, Refused, TooLarge
from muster_messaging.frames import MAX_FRAME_BYTES, encode
from muster_messaging.link.problems import read_problem
from muster_messaging.message import MAX_BODY_BYTES, Message
from muster_messaging.relay.batches import Batches
from muster_messaging.relay.pending import Unconfirmed, outcome_error
from muster_messaging.relay.subscription import RelaySubscription
from muster_protos.v1.relay_pb2 import RelayDown, RelayUp
from muster_protos.v1.relay_pb2_grpc import MessageRelayStub
from muster_shared_models.problems import MusterError, Reason

__all__ = ["RelayBus"]

#: Unconfirmed publishes, and bytes that wait to be written; above either publishing fails at once.
WINDOW, WAITING_BYTES = 4000, 64 * 1024 * 1024
#: Seconds between attempts to attach: full jitter up to the bound, doubled from the first.
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 3.0
CLOSE_TIMEOUT_S = 2.0
#: A tag in an acknowledgement, at the most.
TAG_BYTES = 10
#: Seconds that a subscription may wait for its answer, a reconnect included.
SUBSCRIBE_TIMEOUT_S = 30.0

Metadata = Callable[[], tuple[tuple[str, str], ...]]


class RelayBus:
    """Fulfils `Bus`. `metadata` is asked at each attach, so that renewed credentials are used."""

    def __init__(self, channel: grpc.aio.Channel, metadata: Metadata) -> None:
        self._stub = MessageRelayStub(channel)
        self._metadata = metadata
        self._loop = asyncio.get_running_loop()
        self._up = Batches(RelayUp, WAITING_BYTES)
        self._attached = asyncio.Event()
        self._unconfirmed = Unconfirmed(self._loop)
        self._subscriptions: dict[int, RelaySubscription] = {}
        self._numbers = 0
        self._closing = False
        self._refusal: MusterError | None = None
        self._refused = asyncio.Event()
        self._supervisor = self._loop.create_task(self._supervise(), name="relay")

    @classmethod
    async def open(cls, channel: grpc.aio.Channel, metadata: Metadata, *, timeout_s: float = 10.0) -> "RelayBus":
        """Return an attached bus; raises what the server says when it refuses, Disconnected when it does not answer."""
        bus = cls(channel, metadata)
        try:
            async with asyncio.timeout(timeout_s):
                await bus.wait_connected()
        except TimeoutError:
            await bus.close()
            raise bus._refusal or Disconnected(
                "The server's relay does not answer.", "Is the server running? Its log says why."
            ) from None
        return bus

    @property
    def connected(self) -> bool:
        """Whether publishing works now."""
        return self._attached.is_set()

    async def wait_connected(self) -> None:
        """Return when publishing works."""
        await self._attached.wait()

    async def wait_refused(self) -> None:
        """Return when the server next refuses our credentials, or us."""
        await self._refused.wait()

    def publish(self, exchange: str, key: str, message: Message) -> "Future[None]":
        """Hand a message over."""
        done: Future[None] = self._loop.create_future()
        if not self._attached.is_set():
            done.set_exception(Disconnected("There is no connection to the server's relay."))
            return done
        try:
            frame = encode(message)
        except ValueError as error:
            done.set_exception(Refused(f"The message cannot be sent: {error}."))
            return done
        size = len(frame) + len(exchange) + len(key)
        if len(message.body) > MAX_BODY_BYTES or size > MAX_FRAME_BYTES:
            done.set_exception(TooLarge(f"The message has {size} bytes; its body may have {MAX_BODY_BYTES}."))
        elif len(self._unconfirmed) >= WINDOW or self._up.full:
            done.set_exception(
                QueueFull(f"{len(self._unconfirmed)} publishes are unconfirmed.", "Try again in a moment.")
            )
        else:
            number = self._unconfirmed.add(done)
            self._up.batch(size).publish.add(number=number, exchange=exchange, key=key, frame=frame)
        return done

    async def subscribe(self, queue: str, prefetch: int) -> RelaySubscription:
        """Begin to receive; raises Refused, or Disconnected when the server does not answer in time."""
        if self._closing:
            raise Disconnected("The bus is closed.")
        self._numbers += 1
        subscription = RelaySubscription(self, self._numbers, queue, prefetch)
        self._subscriptions[subscription.number] = subscription
        if self._attached.is_set():
            self.ask(subscription)
        try:
            await subscription.wait_answered(SUBSCRIBE_TIMEOUT_S)
        except MusterError:
            self.cancel(subscription)
            raise
        return subscription

    def ask(self, subscription: RelaySubscription) -> None:
        """Tell the server of a subscription, under a number that is new for each connection."""
        subscription.begin()
        self._up.batch(len(subscription.queue)).subscribe.add(
            subscription=subscription.number, queue=subscription.queue, prefetch=subscription.prefetch
        )

    def acknowledge(self, number: int, tags: Sequence[int], rejected: Sequence[int] = ()) -> None:
        """Send acknowledgements, behind what waits already."""
        if self._attached.is_set():
            size = TAG_BYTES * (len(tags) + len(rejected))
            self._up.batch(size).acknowledge.add(subscription=number, tags=tags, rejected=rejected)

    def cancel(self, subscription: RelaySubscription, *, abandon: bool = False) -> None:
        """Ask for no more deliveries, and do not subscribe again after a reconnect."""
        self._subscriptions.pop(subscription.number, None)
        if self._attached.is_set():
            up = self._up.batch(0)
            (up.abandon if abandon else up.cancel).append(subscription.number)

    async def close(self) -> None:
        """Send what waits, then end the stream."""
        if self._closing:
            return
        self._closing = True
        self._up.batch(0)  # the writer wakes, sends what waits and ends its half of the stream
        await asyncio.wait((self._supervisor,), timeout=CLOSE_TIMEOUT_S if self._attached.is_set() else 0)
        self._supervisor.cancel()
        await asyncio.gather(self._supervisor, return_exceptions=True)
        self._unconfirmed.close()
        for subscription in self._subscriptions.values():
            subscription.end(Disconnected("The bus is closed."))

    # ---- the stream

    async def _supervise(self) -> None:
        pause = FIRST_PAUSE_S
        while True:
            try:
                await self._attach()
                pause = FIRST_PAUSE_S
            except grpc.aio.AioRpcError as error:
                self._refusal = read_problem(error)
                if self._refusal.reason in (Reason.UNAUTHENTICATED, Reason.AGENT_QUARANTINED):
                    self._refused.set()
                    self._refused.clear()  # wakes whoever waits now
                if self._attached.is_set():
                    pause = FIRST_PAUSE_S
            finally:
                self._detached()
            if self._closing:
                return
            await asyncio.sleep(random.uniform(0, pause))  # noqa: S311 - jitter
            pause = min(LONGEST_PAUSE_S, pause * 2)

    async def _attach(self) -> None:
        call = self._stub.Attach(metadata=self._metadata())
        # The server answers at once with an empty frame, so that attached means heard.
        first = await call.read()
        if first is grpc.aio.EOF:
            return
        self._attached.set()
        for subscription in self._subscriptions.values():
            self.ask(subscription)
        writer = self._loop.create_task(self._write(call))
        try:
            while (down := await call.read()) is not grpc.aio.EOF:
                self._take(down)
        finally:
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
            call.cancel()

    async def _write(self, call: "grpc.aio.StreamStreamCall[RelayUp, RelayDown]") -> None:
        while True:
            await call.write(await self._up.take())
            if self._closing and not self._up:
                await call.done_writing()
                return

    def _take(self, down: RelayDown) -> None:
        self._unconfirmed.confirm(down.confirmed)
        for outcome in down.refused:
            self._unconfirmed.refuse(outcome.number, outcome_error(outcome))
        for answer in down.subscribed:
            if subscription := self._subscriptions.get(answer.subscription):
                subscription.answer(answer)
        for deliveries in down.deliveries:
            if subscription := self._subscriptions.get(deliveries.subscription):
                subscription.arrive(deliveries.items)

    def _detached(self) -> None:
        self._attached.clear()
        self._up.clear()
        self._unconfirmed.lose()
        for subscription in self._subscriptions.values():
            subscription.lose()
