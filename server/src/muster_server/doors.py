"""The transports, with the parts behind them: one HTTP application, one gRPC server."""

import asyncio
import socket
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

import grpc
from fastapi import APIRouter, Depends, FastAPI
from starlette.types import ASGIApp

from muster_protos.v1.broker_pb2_grpc import add_BrokerRegistrationServicer_to_server
from muster_protos.v1.commands_pb2_grpc import add_AgentCommandsServicer_to_server
from muster_protos.v1.registration_pb2_grpc import add_AgentRegistrationServicer_to_server
from muster_protos.v1.relay_pb2_grpc import add_MessageRelayServicer_to_server
from muster_protos.v1.runs_pb2_grpc import add_AgentRunsServicer_to_server
from muster_protos.v1.status_pb2_grpc import add_AgentStatusServicer_to_server
from muster_server.access.core import Operation, Principal
from muster_server.access.http import access_routes
from muster_server.agents.grpc import RegistrationService
from muster_server.agents.http import agent_routes
from muster_server.agents.status_grpc import AgentStatusService
from muster_server.brokers.grpc import BrokerService
from muster_server.commands.frames import command_frames
from muster_server.commands.grpc import CommandsService
from muster_server.commands.http import command_routes
from muster_server.conversations.frames import conversation_frames
from muster_server.conversations.grpc import RunsService
from muster_server.conversations.http import conversation_routes
from muster_server.deadletters.http import dead_letter_routes
from muster_server.edge.console import console_routes
from muster_server.edge.guard import Guard
from muster_server.edge.problems import answer_problems
from muster_server.edge.rpc import RpcGuard
from muster_server.edge.shield import Shield
from muster_server.edge.websocket import Sockets
from muster_server.parts import Parts
from muster_server.permits import GuardedRelay
from muster_server.queues.http import queue_routes
from muster_server.settings import LOOPBACK
from muster_server.system.http import system_routes
from muster_server.system.view import Unready, system_view
from muster_shared_models.frames import Welcome
from muster_shared_models.model import from_ms

__all__ = ["add_services", "make_app", "own_address", "public_url"]


def public_url(parts: Parts, port: int) -> str:
    """Return how browsers reach the console."""
    settings = parts.settings
    if settings.public_url:
        return settings.public_url.rstrip("/")
    host = settings.http_host if settings.http_host in LOOPBACK else own_address()
    return f"{'https' if settings.tls_cert else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"


def own_address() -> str:
    """Return the address of this machine that others most likely reach; nothing is sent to find out."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return str(probe.getsockname()[0])
        except OSError:
            return socket.gethostname()


def _hosts(parts: Parts, url: str, port: int) -> frozenset[str]:
    names = {urlsplit(url).netloc.lower(), f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}"}
    return frozenset(names | {parts.settings.http_host + f":{port}"})


def make_app(parts: Parts, url: str, http_port: int, join_address: str, pin: str) -> tuple[ASGIApp, Sockets]:
    """Return the HTTP application and its sockets."""
    scheme = urlsplit(url).scheme
    hosts = _hosts(parts, url, http_port)
    guard = Guard(
        parts.access, frozenset({f"{scheme}://{host}" for host in hosts} | {url}), secure=parts.settings.secure
    )
    app = FastAPI(title="Muster", version=version("muster-server"), openapi_url=None, docs_url=None, redoc_url=None)
    answer_problems(app)

    def welcome(principal: Principal) -> Welcome:
        now = from_ms(parts.clock())
        return Welcome(epoch=parts.boot, user=principal.id, version=app.version, now=now)

    frames = conversation_frames(parts.conversations, parts.sender) | command_frames(parts.commands)
    sockets = Sockets(parts.hub, guard, parts.access, frames, welcome, parts.settings.max_sockets)
    unready = Unready(parts)
    for routes in (
        access_routes(parts.access, guard, public_url=url, join_address=join_address, pin=pin),
        agent_routes(parts.agents, parts.quarantines, guard),
        conversation_routes(parts.conversations, parts.conversation_streams, parts.sender, guard),
        command_routes(parts.commands, parts.command_streams, guard),
        dead_letter_routes(parts.dead_letters, guard),
        queue_routes(parts.queue_watch, guard),
        system_routes(lambda: system_view(parts, app.version, join_address), unready, guard),
        _openapi(app, guard),
        sockets.routes(),
        console_routes(Path(__file__).parent / "console", guard),
    ):
        app.include_router(routes)
    return Shield(app, hosts), sockets


def _openapi(app: FastAPI, guard: Guard) -> APIRouter:
    routes = APIRouter(include_in_schema=False)

    @routes.get("/api/v1/openapi.json", dependencies=[Depends(guard.may(Operation.READ_API))])
    async def openapi() -> dict[str, object]:
        return await asyncio.to_thread(app.openapi)

    return routes


def add_services(server: grpc.aio.Server, parts: Parts) -> None:
    """Add every gRPC service."""
    guard = RpcGuard(parts.access, parts.quarantines, parts.streams)
    partitions = parts.queues.partitions
    registration = RegistrationService(
        parts.agents, guard, parts.clock, parts.queues.agent_transport, partitions, parts.settings.heartbeat_interval_ms
    )
    add_AgentRegistrationServicer_to_server(registration, server)
    way = parts.queues.agent_way
    status = AgentStatusService(parts.agents, parts.hearing, parts.brokers, guard, parts.clock, way)
    add_AgentStatusServicer_to_server(status, server)
    add_AgentCommandsServicer_to_server(CommandsService(parts.commands, parts.progress, parts.hearing, guard), server)
    add_AgentRunsServicer_to_server(RunsService(parts.claims, guard), server)
    add_BrokerRegistrationServicer_to_server(
        BrokerService(parts.brokers, parts.quarantines, guard, parts.clock, parts.queues.broker_transport, partitions),
        server,
    )
    add_MessageRelayServicer_to_server(GuardedRelay(parts.queues.frames, guard, partitions), server)
