"""A TCP proxy with faults, in toxiproxy's words: clients connect to its port, it connects to the real one.

    latency     everything comes later            blackhole   nothing comes through, and nobody is told
    rate        so many bytes a second at most    limit_data  a cut after so many more bytes
    slicer      small pieces                      reset_peer  a cut now
    refuse      a cut for all, now and later      half_open   one end is cut, the other is not told

The laws: bytes stay in order, and none is lost or changed but by a cut, as TCP has it; so what a black hole holds
comes through when it is gone. A cut is an RST to both ends (SO_LINGER 0). "up" is from the client to the server. Chance
is the caller's. Everything here happens on one event loop.
"""

import asyncio
import random
import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

__all__ = ["Direction", "FaultProxy"]

Direction = Literal["up", "down"]

READ_BYTES = 16 * 1024
#: Pieces that are on their way in one direction; above it, nothing more is read.
ON_THE_WAY = 128
#: Pieces a second where the rate is bounded.
PIECES_A_SECOND = 20
_NO_LINGER = struct.pack("ii", 1, 0)

Lane = asyncio.Queue[tuple[float, bytes]]


@dataclass(eq=False)
class _Connection:
    """Two sockets: the end that each direction leads to. `cut_off` is the direction whose end is gone, in silence."""

    ends: dict[Direction, asyncio.StreamWriter]
    cut_off: Direction | None = None
    cut_off_at: float = 0.0

    def reset(self, *directions: Direction) -> None:
        for direction in directions:
            end = self.ends[direction]
            kept = end.get_extra_info("socket")
            if kept.fileno() != -1:  # not closed already
                kept.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            end.transport.abort()


class FaultProxy:
    """One link to `target`, a port of loopback. `serve` is asyncio's callback for new connections."""

    def __init__(self, target: int, rng: random.Random) -> None:
        self.accepted = 0
        self.cuts = 0
        #: Seconds until the end that was not told of a half-open connection gave it up by itself.
        self.noticed_s: list[float] = []
        self._target = target
        self._rng = rng
        self._connections: set[_Connection] = set()
        self._flowing: dict[Direction, asyncio.Event] = {"up": asyncio.Event(), "down": asyncio.Event()}
        self.heal()

    # ---- toxics

    def heal(self) -> None:
        """Be a good link from now on."""
        self._latency_s = self._jitter_s = self._rate = 0.0
        self._slice_bytes, self._slice_pause_s = 0, 0.0
        self._left: int | None = None
        self._refusing = False
        for flowing in self._flowing.values():
            flowing.set()

    def latency(self, ms: float, jitter_ms: float = 0.0) -> None:
        """Hold everything for so long, more or less."""
        self._latency_s, self._jitter_s = ms / 1000, jitter_ms / 1000

    def rate(self, bytes_per_s: float) -> None:
        """Let so many bytes a second through, in each direction of each connection."""
        self._rate = bytes_per_s

    def slicer(self, most_bytes: int, pause_ms: float) -> None:
        """Cut everything into pieces of 1 to `most_bytes`, with a pause after each."""
        self._slice_bytes, self._slice_pause_s = most_bytes, pause_ms / 1000

    def blackhole(self, *directions: Direction) -> None:
        """Let nothing through in these directions."""
        for direction in directions:
            self._flowing[direction].clear()

    def limit_data(self, count: int) -> None:
        """Cut the connection that carries the `count`-th byte from now on, right behind that byte; once."""
        self._left = count

    def reset_peer(self) -> None:
        """Cut all connections."""
        self.cuts += len(self._connections)
        for connection in self._connections:
            connection.reset("up", "down")

    def half_open(self, direction: Direction) -> int:
        """Cut the ends that `direction` leads to, and tell the others nothing; return how many there are."""
        whole = [connection for connection in self._connections if connection.cut_off is None]
        for connection in whole:
            connection.cut_off, connection.cut_off_at = direction, time.monotonic()
            connection.reset(direction)
        return len(whole)

    def refuse(self) -> None:
        """Cut all connections, and every one that is made from now on."""
        self._refusing = True
        self.reset_peer()

    # ---- connections

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection until it ends."""
        self.accepted += 1
        connection = _Connection({"down": writer})
        if self._refusing:
            connection.reset("down")
            return
        try:
            far_reader, connection.ends["up"] = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            connection.reset("down")
            return
        self._connections.add(connection)
        try:
            async with asyncio.TaskGroup() as group:
                for direction, source in (("up", reader), ("down", far_reader)):
                    lane: Lane = asyncio.Queue(ON_THE_WAY)
                    group.create_task(self._read(connection, source, lane))
                    group.create_task(self._write(connection, direction, lane))  # type: ignore[arg-type]
            for end in connection.ends.values():
                end.close()
        except* OSError:
            connection.reset("up", "down")
        finally:
            self._connections.discard(connection)

    async def _read(self, connection: _Connection, source: asyncio.StreamReader, lane: Lane) -> None:
        try:
            while data := await source.read(READ_BYTES):
                delay_s = max(0.0, self._latency_s + self._rng.uniform(-1, 1) * self._jitter_s)
                await lane.put((time.monotonic() + delay_s, data))
        except OSError:
            if connection.cut_off is None:
                raise
        await lane.put((time.monotonic(), b""))

    async def _write(self, connection: _Connection, direction: Direction, lane: Lane) -> None:
        end = connection.ends[direction]
        while True:
            due, data = await lane.get()
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            await self._flowing[direction].wait()
            if not data and connection.cut_off is None:
                end.write_eof()
                return
            try:
                await self._pass_on(data, connection, end)
            except ConnectionError:
                if connection.cut_off is None:
                    raise
            if connection.cut_off == direction and not data:
                self.noticed_s.append(time.monotonic() - connection.cut_off_at)
                raise ConnectionAbortedError
            if connection.cut_off not in (None, direction) and not data:
                return  # the end that is gone says nothing, and the other is not told

    async def _pass_on(self, data: bytes, connection: _Connection, end: asyncio.StreamWriter) -> None:
        for piece, pause_s, cut in self._pieces(data):
            if connection.cut_off is not None:
                return
            end.write(piece)
            await end.drain()
            if cut:
                self.cuts += 1
                raise ConnectionAbortedError
            await asyncio.sleep(pause_s)

    def _pieces(self, data: bytes) -> Iterator[tuple[bytes, float, bool]]:
        """Yield what is written at a time, the pause after it, and whether that is the end of the connection."""
        while data:
            size, pause_s = len(data), 0.0
            if self._rate:
                size = min(size, max(1, int(self._rate / PIECES_A_SECOND)))
                pause_s = size / self._rate
            if self._slice_bytes:
                size, pause_s = min(size, self._rng.randint(1, self._slice_bytes)), pause_s + self._slice_pause_s
            cut = self._left is not None and size >= self._left
            if self._left is not None:
                size = min(size, self._left)
                self._left = None if cut else self._left - size
            yield data[:size], pause_s, cut
            data = data[size:]
