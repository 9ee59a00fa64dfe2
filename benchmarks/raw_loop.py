"""The floor that nothing on RabbitMQ gets under: four confirmed hops with bare pika, as little code as it takes.

client -> in -> router process -> agent queue -> agent process -> in -> router process -> out -> client: the router, the
agent and the client are processes of their own; every publish is confirmed before the delivery is acknowledged, and
acknowledgements go out every two milliseconds.
"""

import asyncio
import multiprocessing
import time
from typing import Any

import pika
import uvloop
from pika.adapters.asyncio_connection import AsyncioConnection

from benchmarks.chatter import Figures

__all__ = ["raw_round_trips"]

ACK_EVERY_S = 0.002
PREFETCH = 1000
ARGUMENTS = {"x-queue-type": "quorum", "x-single-active-consumer": True, "x-overflow": "reject-publish"}
IN, AGENT, OUT = "raw.in", "raw.agent", "raw.out"
BODY = b"x" * 300


class Peer:
    """One connection with a confirming channel for publishing and a channel for consuming."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._loop = asyncio.get_running_loop()
        self._confirmed = 0
        self._published = 0
        self._waiting: dict[int, Any] = {}
        self._done: list[int] = []
        self._acked = 0
        self._settled: set[int] = set()

    async def open(self) -> None:
        opened = self._loop.create_future()
        self.connection = AsyncioConnection(pika.URLParameters(self._url), on_open_callback=opened.set_result)
        await opened
        self.out, self.into = await self._channel(), await self._channel()
        selected = self._loop.create_future()
        self.out.confirm_delivery(self._on_confirm, callback=lambda _: selected.set_result(None))
        await selected

    async def _channel(self) -> Any:
        opened = self._loop.create_future()
        self.connection.channel(on_open_callback=opened.set_result)
        return await opened

    async def declare(self, *queues: str) -> None:
        for queue in queues:
            declared = self._loop.create_future()
            self.into.queue_declare(queue, durable=True, arguments=ARGUMENTS, callback=declared.set_result)
            await declared

    async def delete(self, *queues: str) -> None:
        for queue in queues:
            deleted = self._loop.create_future()
            self.into.queue_delete(queue, callback=deleted.set_result)
            await deleted

    def publish(self, queue: str, body: bytes, key: str, delivery: int | None) -> None:
        self.forward("", queue, body, pika.BasicProperties(delivery_mode=2, message_id=key), delivery)

    def forward(self, exchange: str, key: str, body: bytes, properties: Any, delivery: int | None) -> None:
        self._published += 1
        self._waiting[self._published] = delivery
        self.out.basic_publish(exchange, key, body, properties, mandatory=True)

    def _on_confirm(self, frame: Any) -> None:
        tag = frame.method.delivery_tag
        # Singles may overtake: a confirm of many settles what is still open below it.
        first = self._confirmed + 1 if frame.method.multiple else tag
        for number in range(first, tag + 1):
            if number in self._waiting:
                delivery = self._waiting.pop(number)
                if delivery is not None:
                    self._settle(delivery)
        if frame.method.multiple:
            self._confirmed = tag

    def _settle(self, delivery: int) -> None:
        if not self._settled:
            self._loop.call_later(ACK_EVERY_S, self._ack)
        self._settled.add(delivery)

    def _ack(self) -> None:
        if not self.into.is_open:
            return
        last = self._acked
        while last + 1 in self._settled:
            last += 1
            self._settled.discard(last)
        if last > self._acked:
            self.into.basic_ack(last, multiple=True)
            self._acked = last
        if self._settled:
            self._loop.call_later(ACK_EVERY_S, self._ack)

    async def consume(self, queue: str, on_message: Any, prefetch: int = PREFETCH) -> None:
        prefetched = self._loop.create_future()
        self.into.basic_qos(prefetch_count=prefetch, callback=prefetched.set_result)
        await prefetched
        self.into.basic_consume(queue, on_message)


async def _hop(url: str, ready: Any, *, agent: bool) -> None:
    peer = Peer(url)
    await peer.open()

    def routed(_channel: Any, method: Any, properties: Any, body: bytes) -> None:
        kind, _, rest = properties.message_id.partition(" ")
        if agent:
            peer.publish(IN, body, f"reply {rest}", method.delivery_tag)
        else:
            target = OUT if kind == "reply" else AGENT
            peer.publish(target, body, properties.message_id, method.delivery_tag)

    await peer.consume(AGENT if agent else IN, routed)
    ready.set()
    await asyncio.Event().wait()


def _run_hop(url: str, ready: Any, agent: bool) -> None:
    uvloop.run(_hop(url, ready, agent=agent))


async def _client(url: str, in_flight: int, count: int) -> Figures:
    peer = Peer(url)
    await peer.open()
    waiting: dict[str, asyncio.Future[None]] = {}
    figures = Figures()

    def answered(_channel: Any, method: Any, properties: Any, _body: bytes) -> None:
        peer._settle(method.delivery_tag)  # noqa: SLF001 - our own class, two lines up
        waiting.pop(properties.message_id.partition(" ")[2]).set_result(None)

    await peer.consume(OUT, answered)

    async def talk(number: int) -> None:
        for turn in range(max(1, count // in_flight)):
            key = f"{number}-{turn}"
            done = waiting[key] = asyncio.get_running_loop().create_future()
            began = time.perf_counter()
            peer.publish(IN, BODY, f"ask {key}", None)
            await done
            figures.latencies_s.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*(talk(number) for number in range(in_flight)))
    figures.elapsed_s = time.perf_counter() - began
    peer.connection.close()
    await asyncio.sleep(0.2)
    return figures


async def raw_round_trips(url: str, in_flight: int, count: int) -> Figures:
    """Return the figures of `count` raw round trips."""
    peer = Peer(url)
    await peer.open()
    await peer.declare(IN, AGENT, OUT)
    context = multiprocessing.get_context("spawn")
    hops = []
    for agent in (False, True):
        ready = context.Event()
        process = context.Process(target=_run_hop, args=(url, ready, agent), daemon=True)
        process.start()
        hops.append(process)
        await asyncio.to_thread(ready.wait, 30)
    try:
        async with asyncio.timeout(120):
            return await _client(url, in_flight, count)
    finally:
        for process in hops:
            process.terminate()
            process.join()
        # What a killed hop had not acknowledged yet must not come back in the next measurement.
        await peer.delete(IN, AGENT, OUT)
        peer.connection.close()
        await asyncio.sleep(0.2)
