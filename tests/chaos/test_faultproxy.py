"""The fault proxy does what its words say: bytes in, bytes out."""

import asyncio
import random
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import pytest

from tests.chaos.faultproxy import Direction, FaultProxy
from tests.server.running import eventually

DEADLINE_S = 10.0


class Pair(NamedTuple):
    """A client and a server with the proxy between them: what each reads and writes."""

    link: FaultProxy
    near: tuple[asyncio.StreamReader, asyncio.StreamWriter]
    far: tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def pair() -> AsyncIterator[Pair]:
    coming: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue(1)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await coming.put((reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    link = FaultProxy(server.sockets[0].getsockname()[1], random.Random(9))
    proxy = await asyncio.start_server(link.serve, "127.0.0.1", 0)
    near = await asyncio.open_connection("127.0.0.1", proxy.sockets[0].getsockname()[1])
    far = await coming.get()
    try:
        async with asyncio.timeout(DEADLINE_S):
            yield Pair(link, near, far)
    finally:
        link.heal()
        link.reset_peer()
        for listening in (proxy, server):
            listening.close()
        for _, writer in (near, far):
            writer.transport.abort()
        await asyncio.sleep(0.01)


async def rest(reader: asyncio.StreamReader) -> bytes:
    """Everything that comes until the connection ends, however it ends."""
    got = b""
    try:
        while data := await reader.read(4096):
            got += data
    except ConnectionResetError:
        return got + b"<reset>"
    return got


async def quiet(reader: asyncio.StreamReader) -> bool:
    """Whether nothing comes for a moment, not even an end."""
    try:
        async with asyncio.timeout(0.2):
            await reader.read(1)
    except TimeoutError:
        return True
    return False


def text(count: int) -> bytes:
    return bytes(number % 251 for number in range(count))


async def test_a_good_link_carries_both_ways_and_passes_an_end_on() -> None:
    async with pair() as (_, near, far):
        near[1].write(text(300_000))
        near[1].write_eof()
        assert await rest(far[0]) == text(300_000)
        far[1].write(b"answer")
        far[1].close()
        assert await rest(near[0]) == b"answer"


@pytest.mark.parametrize("toxic", ["latency", "rate", "slicer"])
async def test_a_slow_link_keeps_every_byte_in_order(toxic: str) -> None:
    async with pair() as (link, near, far):
        {"latency": lambda: link.latency(20, 20), "rate": lambda: link.rate(2_000_000),
         "slicer": lambda: link.slicer(50, 0)}[toxic]()  # fmt: skip
        for start in range(0, 40_000, 4_000):
            near[1].write(text(40_000)[start : start + 4_000])
            await asyncio.sleep(0.001)
        assert await far[0].readexactly(40_000) == text(40_000)


async def test_sliced_means_small_pieces() -> None:
    async with pair() as (link, near, far):
        link.slicer(3, 5)
        near[1].write(text(30))
        pieces = [await far[0].read(100) for _ in range(5)]
        assert max(map(len, pieces)) <= 6  # two may have met on the way


@pytest.mark.parametrize("count", [1, 10, 20_000])
async def test_limited_data_is_cut_behind_that_byte_once(count: int) -> None:
    async with pair() as (link, near, far):
        link.limit_data(count)
        near[1].write(text(count + 100))
        assert await rest(far[0]) == text(count) + b"<reset>"
        assert await rest(near[0]) == b"<reset>"
        assert link.cuts == 1


async def test_a_reset_reaches_both_ends() -> None:
    async with pair() as (link, near, far):
        link.reset_peer()
        assert await rest(near[0]) == await rest(far[0]) == b"<reset>"


async def test_a_black_hole_holds_one_direction_and_lets_it_through_later() -> None:
    async with pair() as (link, near, far):
        link.blackhole("up")
        near[1].write(b"question")
        far[1].write(b"news")
        assert await near[0].readexactly(4) == b"news"
        assert await quiet(far[0])
        link.heal()
        assert await far[0].readexactly(8) == b"question"


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("direction", ["up", "down"])
async def test_a_half_open_link_tells_one_end_only(direction: Direction, how: str) -> None:
    async with pair() as (link, near, far):
        cut, kept = (far, near) if direction == "up" else (near, far)
        assert link.half_open(direction) == 1
        assert await rest(cut[0]) == b"<reset>"
        kept[1].write(b"is anybody there?")
        assert await quiet(kept[0])
        if how == "reset":
            no_linger = struct.pack("ii", 1, 0)
            kept[1].get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_linger)
        kept[1].transport.abort()
        await eventually(lambda: link.noticed_s)


async def test_who_is_refused_is_cut_until_the_link_is_good_again() -> None:
    async with pair() as (link, near, far):
        port = near[1].get_extra_info("peername")[1]
        link.refuse()
        assert await rest(near[0]) == await rest(far[0]) == b"<reset>"
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await rest(reader) == b"<reset>"
        writer.close()
        link.heal()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await quiet(reader)
        writer.close()


async def test_a_server_that_is_away_is_a_cut_for_its_clients() -> None:
    async with pair() as (link, near, _):
        link._target = 1
        port = near[1].get_extra_info("peername")[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await rest(reader) == b"<reset>"
        writer.close()
