"""What the tests of the bus say in one line."""

import asyncio
from collections.abc import Callable, Iterable
from inspect import isawaitable
from typing import Any

from muster_messaging.bus import Bus, BusAdmin, Subscription
from muster_messaging.message import Delivery, Message
from muster_messaging.topology import Binding, Exchange, Queue, Topology

__all__ = ["DESK", "a_desk", "eventually", "ids", "message", "publish_all", "quiet", "take"]

#: An exchange that the tests declare for themselves.
DESK = "test.desk"
#: Seconds. Nothing in these tests takes so long, unless it is broken or the machine is.
DEADLINE_S = 30.0


def message(number: int | str, body: bytes = b"", **fields: Any) -> Message:
    """A message with an id and a type."""
    return Message(f"m{number}" if isinstance(number, int) else number, "test.note", body, **fields)


async def a_desk(admin: BusAdmin, *queues: Queue, kind: str = "direct") -> None:
    """Declare queues, each bound to DESK by its own name."""
    bindings = tuple(Binding(DESK, queue.name, queue.name) for queue in queues)
    await admin.declare(Topology((Exchange(DESK, kind),), queues, bindings))


async def publish_all(bus: Bus, queue: str, messages: Iterable[Message]) -> None:
    """Publish to DESK and see each one confirmed."""
    await asyncio.gather(*[bus.publish(DESK, queue, each) for each in messages])


async def take(subscription: Subscription, count: int, *, ack: bool = False) -> list[Delivery]:
    """Return exactly the next `count` deliveries."""
    taken: list[Delivery] = []
    async with asyncio.timeout(DEADLINE_S):
        while len(taken) < count:
            batch = await subscription.next_batch()
            taken += batch
            if ack:
                subscription.ack([each.tag for each in batch])
    assert len(taken) == count, f"{len(taken) - count} more than the {count} expected: {ids(taken[count:])}"
    return taken


async def quiet(subscription: Subscription, seconds: float = 0.3) -> None:
    """See that nothing arrives for a while."""
    try:
        async with asyncio.timeout(seconds):
            batch = await subscription.next_batch()
    except TimeoutError:
        return
    raise AssertionError(f"nothing was expected, and {ids(batch)} came")


def ids(deliveries: Iterable[Delivery]) -> list[str]:
    """The message ids, in order."""
    return [each.message.id for each in deliveries]


async def eventually(condition: Callable[[], Any], what: str = "") -> Any:
    """Return what `condition` (plain or async) says as soon as it is true."""
    said: Any = None
    try:
        async with asyncio.timeout(DEADLINE_S):
            while True:
                said = condition()
                said = await said if isawaitable(said) else said
                if said:
                    return said
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"it never came true: {what or condition}; last: {said!r}") from None
