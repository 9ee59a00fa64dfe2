"""Lets the relay serve a bus that speaks messages, not frames: RabbitMQ, for agents that reach only the server."""

from asyncio import Future
from collections.abc import Iterable

from muster_messaging.bus import Bus, Subscription
from muster_messaging.frames import FrameDelivery, decode, encode
from muster_shared_models.ids import IdKind

__all__ = ["FrameAdapter"]

AGENTS = f"{IdKind.AGENT.value}_"


class FrameAdapter:
    """A `FrameBus` over a `Bus`."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    def publish_frame(self, exchange: str, key: str, sender: str, frame: bytes) -> "Future[None]":
        """Read a frame and publish it in the sender's name.

        RabbitMQ will vouch for this process alone, so an agent's name goes along as the origin, whatever it claims.
        """
        message = decode(frame, sender)
        if sender.startswith(AGENTS):
            message = message._replace(origin=sender)
        return self._bus.publish(exchange, key, message)

    async def subscribe_frames(self, queue: str, prefetch: int) -> "_Framed":
        """Begin to receive."""
        return _Framed(await self._bus.subscribe(queue, prefetch))


class _Framed:
    """A subscription whose messages are written as frames."""

    def __init__(self, subscription: Subscription) -> None:
        self._subscription = subscription

    async def next_batch(self) -> list[FrameDelivery]:
        return [
            FrameDelivery(
                item.tag,
                encode(item.message),
                item.message.sender,
                item.key,
                item.attempt,
                item.died_of,
                item.died_in,
            )
            for item in await self._subscription.next_batch()
        ]

    def ack(self, tags: Iterable[int]) -> None:
        self._subscription.ack(tags)

    def reject(self, tag: int) -> None:
        self._subscription.reject(tag)

    async def cancel(self) -> None:
        await self._subscription.cancel()

    def abandon(self) -> None:
        self._subscription.abandon()
