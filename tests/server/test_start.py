"""A server that cannot start says why and what to do."""

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest

from muster_server.main import run_server
from muster_server.settings import ServerSettings
from muster_shared_models.problems import MusterError, Reason
from tests.server.running import running_server


async def start(folder: Path, **settings: Any) -> MusterError:
    given = {"http_port": 0, "grpc_port": 0, **settings}
    with pytest.raises(MusterError) as refused:
        async with asyncio.timeout(30):
            await run_server(ServerSettings(data_dir=folder, **given))
    assert refused.value.detail
    assert refused.value.hint
    return refused.value


async def test_a_second_server_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    async with running_server(tmp_path):
        assert (await start(tmp_path)).reason is Reason.DATA_DIR_IN_USE
    async with running_server(tmp_path):
        pass


@pytest.mark.parametrize("port", ["http_port", "grpc_port"])
async def test_a_busy_port_is_named(tmp_path: Path, port: str) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        number = busy.getsockname()[1]
        error = await start(tmp_path, **{port: number})
    assert error.reason is Reason.PORT_IN_USE
    assert str(number) in error.detail
    assert f"MUSTER_{port.upper()}" in error.hint


async def test_plain_http_is_not_offered_to_a_network(tmp_path: Path) -> None:
    assert (await start(tmp_path, http_host="0.0.0.0")).reason is Reason.INVALID_SETTING


async def test_a_queue_server_that_is_not_there_is_told_without_the_password(tmp_path: Path) -> None:
    error = await start(tmp_path, bus="amqp://muster:hunter2@127.0.0.1:1/")
    assert error.reason is Reason.BUS_UNREACHABLE
    assert "hunter2" not in str(error) + error.hint


@pytest.mark.rabbitmq
async def test_a_queue_with_foreign_arguments_is_named_and_left_alone(tmp_path: Path, rabbitmq_url: str) -> None:
    from muster_messaging.amqp.bus import AmqpBus
    from muster_messaging.topology import SERVER_INPUT, Queue, Topology

    bus = await AmqpBus.open(rabbitmq_url)
    await bus.declare(Topology((), (Queue(SERVER_INPUT, max_length=7),), ()))
    error = await start(tmp_path, bus=rabbitmq_url)
    assert error.reason is Reason.TOPOLOGY_MISMATCH
    assert SERVER_INPUT in error.detail
    assert await bus.queue_info(SERVER_INPUT) is not None
    await bus.close()


async def test_keys_and_tokens_are_for_their_user_only(tmp_path: Path) -> None:
    async with running_server(tmp_path / "data"):
        loose = [path.name for path in (tmp_path / "data").iterdir() if path.stat().st_mode & 0o077]
        assert {"server.key", "admin.token", "muster.db"}.isdisjoint(loose)
        assert (tmp_path / "data").stat().st_mode & 0o077 == 0
