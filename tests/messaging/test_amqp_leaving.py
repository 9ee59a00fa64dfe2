"""Over RabbitMQ, an attempt to connect may be given up at any of its steps."""

import asyncio
import socket

import pika
import pytest
from pika.adapters.asyncio_connection import AsyncioConnection

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


async def test_a_heartbeat_that_finds_the_socket_gone_is_the_last(
    rabbitmq_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a link whose socket was reset, which uvloop tells only those who want to watch it again
    failed: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: failed.append(context))
    link = await Link.open(pika.URLParameters(rabbitmq_url))
    heart = link._heartbeat_checker

    def reset(_link: Link, _data: bytes) -> None:
        raise RuntimeError("the handler is closed")

    monkeypatch.setattr(AsyncioConnection, "_adapter_emit_data", reset)

    # When a heartbeat is due
    heart._send_heartbeat()

    # Then the link is lost, and no other heartbeat follows
    async with asyncio.timeout(5):
        await link.lost
    assert heart._send_timer is None
    assert not failed
