"""Over RabbitMQ, an attempt to connect may be given up at any of its steps."""

import asyncio
import socket

import pika
import pytest

from muster_messaging.amqp.link import Link


@pytest.mark.parametrize("turns", range(12))
async def test_an_attempt_given_up_at_any_step_leaves_nothing_behind(
    turns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a queue server that resets every connection, and an address that is found at once
    loop = asyncio.get_running_loop()

    async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async def resolve(host: str, port: int, **_options: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port))]

    monkeypatch.setattr(loop, "getaddrinfo", resolve)
    failed: list[object] = []
    loop.set_exception_handler(lambda _loop, context: failed.append(context))
    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    # When whoever wanted a link goes away `turns` turns of the loop later
    attempt = asyncio.create_task(Link.open(pika.ConnectionParameters("127.0.0.1", port)))
    for _ in range(turns):
        await asyncio.sleep(0)
    attempt.cancel()
    await asyncio.wait([attempt])

    # Then no step of it fails, now or later
    await asyncio.sleep(0.02)
    server.close()
    assert failed == []
