"""A bus whose every answer is a step of the test: what is under way, what has arrived, and what is delivered."""

from asyncio import Event, Future, get_running_loop
from collections.abc import Iterable
from dataclasses import dataclass

from muster_messaging.errors import BusError, Disconnected, Unconfirmed
from muster_messaging.message import Delivery, Message

__all__ = ["ModelBus", "ModelSubscription", "UnderWay"]


@dataclass(eq=False, slots=True)
class UnderWay:
    """A publish without an answer."""

    exchange: str
    key: str
    message: Message
    future: "Future[None]"


class ModelSubscription:
    """Deliveries that the test hands in; what is acknowledged is noted."""

    def __init__(self) -> None:
        self.acked: list[int] = []
        self.rejected: list[int] = []
        self._waiting: list[Delivery] = []
        self._wake = Event()

    def deliver(self, delivery: Delivery) -> None:
        self._waiting.append(delivery)
        self._wake.set()

    async def next_batch(self) -> list[Delivery]:
        while not self._waiting:
            self._wake.clear()
            await self._wake.wait()
        batch, self._waiting = self._waiting, []
        return batch

    def ack(self, tags: Iterable[int]) -> None:
        self.acked += tags

    def reject(self, tag: int) -> None:
        self.rejected.append(tag)

    async def cancel(self) -> None:
        """Nothing more is delivered."""

    def abandon(self) -> None:
        """Nothing more is delivered."""


class ModelBus:
    """Fulfils `Bus`. `arrived` is what is durable, in order; a process that dies leaves its bus to rot."""

    def __init__(self) -> None:
        self.connected = True
        self.under_way: list[UnderWay] = []
        self.arrived: list[UnderWay] = []
        self.subscriptions: dict[str, ModelSubscription] = {}

    def publish(self, exchange: str, key: str, message: Message) -> "Future[None]":
        future: Future[None] = get_running_loop().create_future()
        if self.connected:
            self.under_way.append(UnderWay(exchange, key, message, future))
        else:
            future.set_exception(Disconnected("There is no connection."))
        return future

    def answer(self, publish: UnderWay, error: BusError | None, *, arrives: bool) -> None:
        """End a publish; one that is unconfirmed may have arrived all the same."""
        self.under_way.remove(publish)
        if arrives:
            self.arrived.append(publish)
        if publish.future.done():
            return
        if error is None:
            publish.future.set_result(None)
        else:
            publish.future.set_exception(error)

    def cut(self, *, arrive: Iterable[UnderWay]) -> None:
        """Lose the connection: some of what was under way has arrived."""
        self.connected = False
        there = set(map(id, arrive))
        for publish in list(self.under_way):
            self.answer(publish, Unconfirmed("The connection was lost."), arrives=id(publish) in there)

    async def subscribe(self, queue: str, prefetch: int) -> ModelSubscription:
        return self.subscriptions.setdefault(queue, ModelSubscription())

    async def wait_connected(self) -> None:
        return

    async def close(self) -> None:
        return
