"""Starts a server in this process and speaks to it as browsers, agents and brokers do."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from websockets.asyncio.client import ClientConnection, connect

from muster_broker.main import run_broker
from muster_broker.settings import BrokerSettings
from muster_server.main import Started, run_server
from muster_server.settings import ServerSettings

__all__ = ["Browser", "RunningServer", "eventually", "running_server"]

DEADLINE_S = 20.0


async def eventually(condition: Any, what: str = "") -> Any:
    """Return what `condition` (plain or async) says as soon as it is true."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            said = condition()
            said = await said if asyncio.iscoroutine(said) else said
            if said:
                return said
            await asyncio.sleep(0.02)
    raise AssertionError(what)


@dataclass
class RunningServer:
    """Where it is, and a client with the administrator's key."""

    folder: Path
    started: Started
    http: httpx2.AsyncClient
    token: str
    stop: asyncio.Event

    async def get(self, path: str, **parameters: Any) -> Any:
        answer = await self.http.get(path, params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, body: Any = None, status: int = 200, **headers: str) -> Any:
        answer = await self.http.post(path, json=body or {}, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    async def join_token(self, kind: str = "agent", **more: Any) -> str:
        return str((await self.post("/api/v1/join-tokens", {"kind": kind, **more}, 201))["token"])

    @asynccontextmanager
    async def browser(self, **headers: str) -> AsyncIterator["Browser"]:
        """An open WebSocket that has said hello."""
        ticket = (await self.post("/api/v1/ws-tickets", status=201))["ticket"]
        async with self.socket(**headers) as socket:
            browser = Browser(socket)
            await browser.send(op="hello", ticket=ticket)
            assert (await browser.next())["op"] == "welcome"
            yield browser

    def socket(self, **headers: str) -> Any:
        url = self.started.url.replace("http", "ws", 1) + "/ws"
        return connect(url, compression=None, proxy=None, additional_headers=headers, max_size=None)

    @asynccontextmanager
    async def broker(self, **more: Any) -> AsyncIterator[None]:
        """A broker in this process."""
        settings = BrokerSettings(
            server=self.started.grpc_address,
            join=await self.join_token("broker"),
            broker_state_dir=self.folder / "broker",
            **more,
        )
        stop = asyncio.Event()
        task = asyncio.create_task(run_broker(settings, stop))

        async def connected() -> bool:
            if task.done():
                task.result()
            views = (await self.get("/api/v1/system"))["brokers"]
            return any(view["connected"] for view in views)

        try:
            await eventually(connected)
            yield
        finally:
            stop.set()
            await task


class Browser:
    """A socket that reads frame by frame."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self._ready: list[dict[str, Any]] = []

    async def send(self, **frame: Any) -> None:
        await self.socket.send(json.dumps(frame))

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(DEADLINE_S):
            while not self._ready:
                text = await self.socket.recv(decode=True)
                self._ready = [json.loads(line) for line in str(text).split("\n")]
        return self._ready.pop(0)

    async def until(self, condition: Any) -> dict[str, Any]:
        """Return the next frame for which `condition` holds."""
        while not condition(frame := await self.next()):
            pass
        return frame

    async def op(self, op: str) -> dict[str, Any]:
        return await self.until(lambda frame: frame["op"] == op)

    async def event(self, kind: str) -> dict[str, Any]:
        """Return the next event of a kind."""
        return (await self.until(lambda f: f["op"] in ("event", "passing") and f["event"]["kind"] == kind))["event"]


@asynccontextmanager
async def running_server(folder: Path, **settings: Any) -> AsyncIterator[RunningServer]:
    """Run a server on `folder` until the block ends."""
    stop = asyncio.Event()
    began: asyncio.Future[Started] = asyncio.get_running_loop().create_future()
    given = {"http_port": 0, "grpc_port": 0, "heartbeat_interval_ms": 500, "stop_grace_s": 1.0, **settings}
    task = asyncio.create_task(run_server(ServerSettings(data_dir=folder, **given), began.set_result, stop))
    await asyncio.wait((task, began), return_when=asyncio.FIRST_COMPLETED)
    if not began.done():
        await task
    token = (folder / "admin.token").read_text()
    headers = {"authorization": f"Bearer {token}"}
    try:
        async with httpx2.AsyncClient(base_url=began.result().url, headers=headers, trust_env=False) as http:
            yield RunningServer(folder, began.result(), http, token, stop)
    finally:
        stop.set()
        await task
