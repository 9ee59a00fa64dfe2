"""Browsers for measuring: each keeps some messages in flight and takes the time until each answer is there."""

import asyncio
import time
from dataclasses import dataclass, field

import orjson
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.stack import Stack

__all__ = ["Figures", "open_socket", "round_trips"]

TEXT = "x" * 300


@dataclass
class Figures:
    """What was measured: seconds of each round trip, and of the whole."""

    latencies_s: list[float] = field(default_factory=list)
    elapsed_s: float = 0.0

    @property
    def rate(self) -> float:
        """Round trips a second."""
        return len(self.latencies_s) / self.elapsed_s

    def quantile_ms(self, part: float) -> float:
        """Return a quantile of the latencies in milliseconds."""
        ordered = sorted(self.latencies_s)
        return ordered[min(len(ordered) - 1, int(len(ordered) * part))] * 1000


class _Browser:
    """One socket with some conversations, one message in flight in each."""

    def __init__(self, socket: ClientConnection, name: str) -> None:
        self._socket = socket
        self._name = name
        self._sent_at: dict[str, float] = {}
        self._waiting: dict[str, asyncio.Future[float]] = {}
        self._ready: dict[str, asyncio.Future[dict]] = {}
        self._out: list[bytes] = []
        self._wake = asyncio.Event()

    async def run(self, conversations: int, each: int, to: str, figures: Figures, go: asyncio.Event) -> None:
        reader = asyncio.create_task(self._read())
        writer = asyncio.create_task(self._write())
        try:
            ids = [await self._begin(number, to) for number in range(conversations)]
            await go.wait()
            await asyncio.gather(*(self._talk(key, each, figures) for key in ids))
        finally:
            reader.cancel()
            writer.cancel()
            await asyncio.gather(reader, writer, return_exceptions=True)

    async def _begin(self, number: int, to: str) -> str:
        ref = f"{self._name}-{number}"
        accepted = asyncio.get_running_loop().create_future()
        self._ready[ref] = accepted
        self._send({"op": "chat.send", "ref": ref, "message": {"text": "hello", "to": to}})
        sent = await asyncio.wait_for(accepted, 30)
        followed = asyncio.get_running_loop().create_future()
        stream = f"conversation:{sent['conversation']}"
        self._ready[stream] = followed
        self._send({"op": "subscribe", "stream": stream})
        await asyncio.wait_for(followed, 30)
        return str(sent["conversation"])

    async def _talk(self, conversation: str, each: int, figures: Figures) -> None:
        loop = asyncio.get_running_loop()
        for number in range(each):
            ref = f"{conversation[-20:]}-{number}"
            began = time.perf_counter()
            answered = self._waiting[ref] = loop.create_future()
            message = {"text": TEXT, "conversation": conversation}
            self._send({"op": "chat.send", "ref": ref, "message": message})
            figures.latencies_s.append(await answered - began)

    def _send(self, frame: dict) -> None:
        self._out.append(orjson.dumps(frame))
        self._wake.set()

    async def _write(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            out, self._out = self._out, []
            # Up to the server's bound for one message.
            for start in range(0, len(out), 400):
                await self._socket.send(b"\n".join(out[start : start + 400]).decode())

    async def _read(self) -> None:
        runs: dict[str, str] = {}
        early: dict[str, float] = {}
        async for text in self._socket:
            for line in text.split("\n"):
                frame = orjson.loads(line)
                op = frame["op"]
                if op == "event" and frame["event"]["kind"] == "RUN_FINISHED":
                    run = frame["event"]["run_id"]
                    ref = runs.pop(run, None)
                    if ref is None:
                        early[run] = time.perf_counter()
                    else:
                        self._waiting.pop(ref).set_result(time.perf_counter())
                elif op == "accepted":
                    ref, run = frame["ref"], frame["sent"]["run_id"]
                    if ref in self._ready:
                        self._ready.pop(ref).set_result(frame["sent"])
                    elif run in early:
                        self._waiting.pop(ref).set_result(early.pop(run))
                    else:
                        runs[run] = ref
                elif op in ("snapshot", "resumed") and frame["stream"] in self._ready:
                    self._ready.pop(frame["stream"]).set_result(frame)
                elif op in ("error", "resync"):
                    raise SystemExit(f"the server answered: {frame}")


async def round_trips(stack: Stack, in_flight: int, count: int, *, to: str = "agent:echo") -> Figures:
    """Return the figures of `count` round trips with `in_flight` at a time, over up to ten sockets."""
    sockets = min(10, in_flight)
    each = max(1, count // in_flight)
    figures = Figures()
    go = asyncio.Event()
    async with asyncio.timeout(300), asyncio.TaskGroup() as group:
        opened = [await open_socket(stack) for _ in range(sockets)]
        runs = []
        for number, socket in enumerate(opened):
            share = in_flight // sockets + (number < in_flight % sockets)
            name = f"{in_flight}-{number}-{time.monotonic_ns()}"
            runs.append(group.create_task(_Browser(socket, name).run(share, each, to, figures, go)))
        # Until the conversations are open and their first answers have come: only what follows is measured.
        await asyncio.sleep(2.0 if in_flight > 1 else 0.5)
        began = time.perf_counter()
        go.set()
        await asyncio.gather(*runs)
        figures.elapsed_s = time.perf_counter() - began
    for socket in opened:
        await socket.close()
    return figures


async def open_socket(stack: Stack) -> ClientConnection:
    """Return a WebSocket that has been welcomed."""

    def ticket() -> str:
        with stack.connect() as connection:
            return str(connection.post("/api/v1/ws-tickets")["ticket"])

    socket = await connect(stack.url.replace("http", "ws", 1) + "/ws", max_size=None, compression=None, proxy=None)
    await socket.send(orjson.dumps({"op": "hello", "ticket": await asyncio.to_thread(ticket)}).decode())
    await socket.recv()
    return socket
