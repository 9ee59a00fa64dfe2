"""Messages as bytes: what the journal keeps and the relay passes on without reading."""

from asyncio import Future
from collections.abc import Iterable
from typing import NamedTuple, Protocol

from google.protobuf.message import DecodeError

from muster_messaging.message import MAX_BODY_BYTES, Delivery, Message, checked, unreadable
from muster_protos.v1.relay_pb2 import BusMessage

__all__ = ["MAX_FRAME_BYTES", "FrameBus", "FrameDelivery", "FrameSubscription", "decode", "encode", "read_delivery"]

#: Control fields come on top of the body.
MAX_FRAME_BYTES = MAX_BODY_BYTES + 16_384


class FrameDelivery(NamedTuple):
    """A delivery whose message nobody has read yet. `sender` is verified by the server."""

    tag: int
    frame: bytes
    sender: str
    key: str
    attempt: int
    died_of: str = ""
    died_in: str = ""


class FrameSubscription(Protocol):
    """`muster_messaging.bus.Subscription` with frames."""

    async def next_batch(self) -> list[FrameDelivery]:
        """Return at least one delivery, in order."""
        ...

    def ack(self, tags: Iterable[int]) -> None:
        """These are done."""
        ...

    def reject(self, tag: int) -> None:
        """This one goes to the dead letters."""
        ...

    async def cancel(self) -> None:
        """Take nothing more."""
        ...

    def abandon(self) -> None:
        """The reader is gone: what it holds comes again elsewhere."""
        ...


class FrameBus(Protocol):
    """`muster_messaging.bus.Bus` with frames: what the relay serves."""

    def publish_frame(self, exchange: str, key: str, sender: str, frame: bytes) -> "Future[None]":
        """Return a future that ends when the frame is durable."""
        ...

    async def subscribe_frames(self, queue: str, prefetch: int) -> FrameSubscription:
        """Begin to receive."""
        ...


def encode(message: Message) -> bytes:
    """Return the frame of a message, without its sender; raises ValueError when a number is out of range."""
    return BusMessage(
        id=message.id,
        type=message.type,
        body=message.body,
        to=message.to,
        conversation=message.conversation,
        run=message.run,
        correlation_id=message.correlation_id,
        seq=message.seq,
        attempt=message.attempt,
        hops=message.hops,
        schema=message.schema,
        expires_at_ms=message.expires_at_ms,
        trace=message.trace,
        sticky=message.sticky,
        origin=message.origin,
        retries=message.retries,
        aside=message.aside,
        claim=message.claim,
        after=message.after,
    ).SerializeToString()


def decode(frame: bytes, sender: str) -> Message:
    """Return the message of a frame. What is none becomes a message of a schema that nobody knows: it is put aside."""
    try:
        read = BusMessage.FromString(frame)
    except DecodeError:
        return unreadable(Message("", "", frame, sender), "It is no frame.")
    message = Message(
        read.id,
        read.type,
        read.body,
        sender,
        read.to,
        read.conversation,
        read.run,
        read.correlation_id,
        read.seq,
        read.attempt,
        read.hops,
        read.schema,
        read.expires_at_ms,
        read.trace,
        read.sticky,
        read.origin,
        read.retries,
        read.aside,
        read.claim,
        read.after,
    )
    return checked(message)


def read_delivery(item: FrameDelivery) -> Delivery:
    """Return a frame delivery as a delivery."""
    message = decode(item.frame, item.sender)
    return Delivery(item.tag, message, item.key, item.attempt, item.died_of, item.died_in)
