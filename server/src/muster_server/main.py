"""Runs a server: opens what it needs, lets the parts work, and stops everything in order."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import structlog

from muster_server.access.service import Access, TokenKind
from muster_server.doors import add_services, make_app, own_address, public_url
from muster_server.edge.certificate import Certificate, load_or_make
from muster_server.edge.rpc import make_server
from muster_server.edge.websocket import Sockets
from muster_server.listening import HttpServer, http_socket, listen_grpc
from muster_server.lock import locked
from muster_server.parts import Parts
from muster_server.queues.service import open_queues
from muster_server.settings import LOOPBACK, ServerSettings
from muster_server.store.opening import database_epoch, open_store
from muster_shared_models.problems import MusterError

__all__ = ["ADMIN_TOKEN_FILE", "Started", "run_server"]

#: Holds a key for the command line on the same machine.
ADMIN_TOKEN_FILE = "admin.token"
ADMIN = ("usr_admin", "admin")
#: Agents come back after a moment below this.
RECONNECT_MS = 500
TICK_S = 0.25
SWEEP_S = 2.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Started:
    """Where a running server is reached."""

    url: str
    grpc_address: str
    join_address: str


async def run_server(
    settings: ServerSettings, on_started: Callable[[Started], None] | None = None, stop: asyncio.Event | None = None
) -> None:
    """Run until `stop` is set or a signal comes; raises MusterError when it cannot start."""
    stop = stop or asyncio.Event()
    with locked(settings.data_dir), _signals(stop):
        store = await open_store(settings.database_url, settings.data_dir)
        try:
            queues = await open_queues(settings)
            try:
                parts = Parts(settings, store, queues, await database_epoch(store))
                await _serve(parts, load_or_make(settings.data_dir), on_started, stop)
            finally:
                await queues.close()
        finally:
            await store.close()


async def _serve(
    parts: Parts, certificate: Certificate, on_started: Callable[[Started], None] | None, stop: asyncio.Event
) -> None:
    settings = parts.settings
    with contextlib.closing(http_socket(settings)) as listening:
        rpc, credentials = make_server(certificate.key, certificate.certificate)
        add_services(rpc, parts)
        grpc_port = listen_grpc(rpc, credentials, settings)
        await parts.load()
        await _admin_token(parts.access, settings.data_dir / ADMIN_TOKEN_FILE)
        port = int(listening.getsockname()[1])
        url = public_url(parts, port)
        own = "127.0.0.1" if settings.grpc_host in LOOPBACK else own_address()
        join_address = f"{settings.grpc_public_host or own}:{grpc_port}"
        app, sockets = make_app(parts, url, port, join_address, certificate.pin)
        http = HttpServer(app, settings)
        await rpc.start()
        serving = asyncio.create_task(http.serve(sockets=[listening]), name="http")
        if on_started:
            on_started(Started(url, f"127.0.0.1:{grpc_port}", join_address))
        log.info("started", url=url, grpc=join_address, bus=parts.queues.kind)
        await _work(parts, rpc, http, sockets, serving, stop)


async def _work(
    parts: Parts,
    rpc: grpc.aio.Server,
    http: HttpServer,
    sockets: Sockets,
    serving: "asyncio.Task[None]",
    stop: asyncio.Event,
) -> None:
    working = [
        asyncio.create_task(work, name=name)
        for name, work in (
            ("database", parts.store.watch()),
            ("inbox", parts.inbox.run()),
            ("dead letters", parts.collector.run()),
            ("forgeries", parts.quarantines.run()),
            ("queues", parts.healing.run()),
            ("ticks", _every(TICK_S, parts.tick)),
            ("sweeps", _every(SWEEP_S, parts.sweep)),
        )
    ]
    stopping = asyncio.create_task(stop.wait(), name="stop")
    try:
        await asyncio.wait((serving, stopping, *working), return_when=asyncio.FIRST_COMPLETED)
    finally:
        # The stop order. Each step needs what is stopped after it.
        # 1. Say so: browsers and agents come back when the next server is there.
        sockets.say_goodbye()
        parts.commands.say_goodbye(RECONNECT_MS)
        # 2. Take nothing more in.
        http.should_exit = True
        await rpc.stop(min(1.0, parts.settings.stop_grace_s))
        await asyncio.wait((serving,), timeout=parts.settings.stop_grace_s + 1)
        # 3. What is not acknowledged comes again.
        for task in (*working, stopping, serving):
            task.cancel()
        results = await asyncio.gather(*working, serving, return_exceptions=True)
        # 4. What is not confirmed is sent again after the next start.
        await parts.outbox.close()
        log.info("stopped")
    for result in results:
        if isinstance(result, Exception):
            raise result


async def _every(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    while True:
        await asyncio.sleep(seconds)
        try:
            await work()
        except MusterError as error:  # the database is busy for a moment: the next round does it
            log.warning("a periodic task was put off", reason=error.reason.value, detail=error.detail)
        except Exception:
            # One failed round must not end the rounds.
            log.exception("a periodic task failed")


async def _admin_token(access: Access, path: Path) -> None:
    """See to it that the command line on this machine has a key that works."""
    kept = await asyncio.to_thread(_read, path)
    if kept and await access.authenticate(kept):
        return
    issued = await access.issue(TokenKind.API, *ADMIN)
    await asyncio.to_thread(_write_secret, path, issued.secret)


def _read(path: Path) -> str:
    return path.read_text().strip() if path.exists() else ""


def _write_secret(path: Path, secret: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secret)


@contextlib.contextmanager
def _signals(stop: asyncio.Event) -> Iterator[None]:
    """Let SIGINT and SIGTERM set `stop`; where loops take no signals, Ctrl-C ends the process as usual."""
    loop = asyncio.get_running_loop()
    added = []
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stop.set)
            added.append(number)
    try:
        yield
    finally:
        for number in added:
            loop.remove_signal_handler(number)
