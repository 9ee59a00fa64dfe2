"""Found by R13: the server lets go of a browser that reads nothing, whoever finds it out first."""

import json
import os
import socket
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from muster_server import listening
from tests.server.running import eventually, running_server

#: Nonsense, a hundred lines at a time: the refusals are more than the system keeps for a socket.
NONSENSE, TIMES = "\n".join(["{}"] * 100), 300


@pytest.mark.parametrize("finder", ["writer", "keepalive"])
async def test_who_reads_nothing_is_let_go(finder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a server that is not patient, in one of the two ways in which it finds out
    if finder == "writer":
        monkeypatch.setattr("muster_server.edge.outgoing.SEND_TIMEOUT_S", 0.2)
    else:
        configured = listening.uvicorn.Config
        monkeypatch.setattr(
            listening.uvicorn, "Config",
            lambda app, **given: configured(app, **{**given, "ws_ping_interval": 0.2, "ws_ping_timeout": 0.2}),
        )  # fmt: skip
    async with running_server(tmp_path) as server:
        plain = socket.create_connection(("127.0.0.1", int(server.started.url.rpartition(":")[2])))
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        port = plain.getsockname()[1]
        ticket = (await server.post("/api/v1/ws-tickets", status=201))["ticket"]
        url = server.started.url.replace("http", "ws", 1) + "/ws"
        socket_ = await connect(url, sock=plain, compression=None, proxy=None, ping_interval=None)
        socket_.transport.pause_reading()
        await socket_.send(json.dumps({"op": "hello", "ticket": ticket}))

        # When a browser says much and reads nothing
        for _ in range(TIMES):
            await socket_.send(NONSENSE)

        # Then the server does not keep its socket
        async def let_go() -> bool:
            with suppress(ConnectionClosed):
                await socket_.send("{}")  # whose answer has no room
            own = psutil.Process(os.getpid()).net_connections("tcp4")
            return not any(each.raddr and each.raddr.port == port for each in own)

        await eventually(let_go)
        socket_.transport.abort()
