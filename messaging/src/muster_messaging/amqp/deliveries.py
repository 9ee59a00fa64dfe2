"""Puts deliveries together from the frames of one channel: method, header, body in pieces."""

from collections.abc import Callable

from muster_messaging.amqp import wire

__all__ = ["DeliveryReader"]

#: (tag, routing key, properties or None when they cannot be read, body)
Deliver = Callable[[int, str, wire.Properties | None, bytes], None]


class DeliveryReader:
    """A sink for a consuming channel. Calls `deliver` for each message, in order."""

    def __init__(self, deliver: Deliver) -> None:
        self._deliver = deliver
        self._tag = 0  # 0: no delivery has begun
        self._key = ""
        self._properties: wire.Properties | None = None
        self._missing = 0
        self._parts: list[bytes] = []

    def __call__(self, kind: int, buffer: bytes, start: int, end: int) -> bool:
        """Take one frame; False when it belongs to something else than a delivery."""
        if kind == wire.METHOD:
            if wire.U32.unpack_from(buffer, start)[0] != wire.BASIC_DELIVER:
                return False
            at = start + 5 + buffer[start + 4]  # the consumer tag: a channel of ours has one consumer
            self._tag = wire.U64.unpack_from(buffer, at)[0]
            at += 9  # and whether it was delivered before: the count in the headers says more
            self._key = wire.read_short(buffer, at + 1 + buffer[at])[0]
        elif not self._tag:
            return False
        elif kind == wire.HEADER:
            self._missing = wire.U64.unpack_from(buffer, start + 4)[0]
            try:
                self._properties = wire.read_properties(buffer[start + 12 : end], 0)
            except wire.UNREADABLE:
                self._properties = None
            if not self._missing:
                self._finish(b"")
        elif end - start == self._missing and not self._parts:
            self._finish(buffer[start:end])
        else:
            self._parts.append(buffer[start:end])
            self._missing -= end - start
            if self._missing <= 0:
                self._finish(b"".join(self._parts))
        return True

    def _finish(self, body: bytes) -> None:
        tag, self._tag, self._missing = self._tag, 0, 0
        self._parts.clear()
        self._deliver(tag, self._key, self._properties, body)
