"""What was published on one channel and is not confirmed yet: a table by delivery tag. No I/O."""

import re
from asyncio import Future
from collections.abc import Iterator

from muster_messaging.errors import BusError, Refused, TooLarge, Unconfirmed

__all__ = ["InFlight", "Publish", "blame"]


class Publish:
    """One message under way. `returned` is why the queue server sent it back, if it did."""

    __slots__ = ("deadline", "exchange", "future", "id", "key", "returned", "size")

    def __init__(
        self, future: "Future[None]", message_id: str, exchange: str, key: str, size: int, deadline: float
    ) -> None:
        self.future = future
        self.id = message_id
        self.exchange = exchange
        self.key = key
        self.size = size
        self.deadline = deadline
        self.returned = ""

    def confirm(self) -> None:
        """End it well, unless its owner has left or the deadline was faster."""
        if not self.future.done():
            self.future.set_result(None)

    def fail(self, error: BusError) -> None:
        """End it with `error`, unless its owner has left or the deadline was faster."""
        if not self.future.done():
            self.future.set_exception(error)


class InFlight:
    """The publishes of one channel in order; tags count from 1 as RabbitMQ counts them.

    A publish whose deadline passed keeps its place until the queue server answers or the channel ends: the bytes are
    still in a buffer somewhere, and a window that forgot them would not bound anything.
    """

    def __init__(self) -> None:
        self._by_tag: dict[int, Publish] = {}
        self._last = 0
        #: No tag below this one is in the table.
        self._lowest = 1
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._by_tag)

    def __iter__(self) -> Iterator[Publish]:
        """All of them, oldest first."""
        for tag in range(self._lowest, self._last + 1):
            publish = self._by_tag.get(tag)
            if publish is not None:
                yield publish

    def add(self, publish: Publish) -> None:
        """Note the next publish."""
        self._last += 1
        self._by_tag[self._last] = publish
        self.bytes += publish.size

    def answered(self, tag: int, *, multiple: bool) -> list[Publish]:
        """Remove and return what the server answered: `tag`, or everything up to it."""
        if not multiple:
            publish = self._by_tag.pop(tag, None)
            if publish is None:
                return []
            self.bytes -= publish.size
            return [publish]
        found = [self._by_tag.pop(each, None) for each in range(self._lowest, tag + 1)]
        self._lowest = max(self._lowest, tag + 1)
        answered = [publish for publish in found if publish is not None]
        self.bytes -= sum(publish.size for publish in answered)
        return answered

    def mark_returned(self, message_id: str, exchange: str, key: str, why: str) -> None:
        """Note that the oldest such publish was sent back; its confirm follows."""
        for publish in self:
            if (
                publish.id == message_id
                and publish.key == key
                and publish.exchange == exchange
                and not publish.returned
            ):
                publish.returned = why
                return

    def overdue(self, now: float) -> list[Publish]:
        """Return those whose deadline has passed and whose owners still wait."""
        found = []
        for publish in self:
            if publish.deadline > now:
                break
            if not publish.future.done():
                found.append(publish)
        return found


_EXCHANGE = re.compile(r"exchange '([^']*)' in vhost")
_SIZE = re.compile(r"message size (\d+)")
_ACCESS_REFUSED, _NOT_FOUND, _PRECONDITION_FAILED = 403, 404, 406


def blame(in_flight: InFlight, code: int, text: str) -> list[tuple[Publish, BusError]]:
    """Return how each publish ends when the server closes the channel with `code` and `text`.

    RabbitMQ says which exchange or size it objects to, not which message. It works in order, so the first that fits is
    the culprit, and nothing after it was looked at: what comes after and fits as well would be refused as well. The
    rest may or may not have arrived.
    """
    unknown = Unconfirmed(f"The queue server closed the channel ({code}) before it confirmed: {text}")
    exchange, size = _EXCHANGE.search(text), _SIZE.search(text)
    named = exchange[1] if exchange else None
    named = "" if named == "amq.default" else named
    ends: list[tuple[Publish, BusError]] = []
    for publish in in_flight:
        if code in {_ACCESS_REFUSED, _NOT_FOUND} and publish.exchange == named:
            ends.append((publish, Refused(text, "Does the exchange exist, and may this login write to it?")))
        elif code == _PRECONDITION_FAILED and size and publish.size == int(size[1]):
            ends.append((publish, TooLarge(text, "The queue server allows less than the bus does: max_message_size.")))
        else:
            ends.append((publish, unknown))
    return ends
