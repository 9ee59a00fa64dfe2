"""Every door has a row in the table of who may do what, and behaves as the table says."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import httpx2
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from muster_messaging.link.channel import fetch_certificate, open_channel
from muster_messaging.link.problems import read_problem
from muster_protos.v1 import broker_pb2, commands_pb2, registration_pb2, relay_pb2, runs_pb2, status_pb2
from muster_server import doors
from muster_server.access.core import OPERATIONS, Role
from muster_server.edge.guard import Check
from muster_server.edge.rpc import METHODS
from muster_shared_models.frames import CLIENT_FRAME
from muster_shared_models.problems import Reason
from tests.server.puppet import puppet
from tests.server.running import RunningServer, running_server

SERVICES = [
    module.DESCRIPTOR.services_by_name[name]
    for module in (broker_pb2, commands_pb2, registration_pb2, relay_pb2, runs_pb2, status_pb2)
    for name in module.DESCRIPTOR.services_by_name
]
PUBLIC = {"/health", "/ready", "/api/v1/session", "/{path:path}"}


def routes_of(app: Any) -> list[tuple[str, str, Check]]:
    found = []
    for route in app.routes:
        inner = getattr(route, "original_router", None) or getattr(route, "router", None)
        if inner is not None:
            found += routes_of(inner)
        if isinstance(route, APIRoute):
            checks = [d.call for d in route.dependant.dependencies if isinstance(d.call, Check)]
            found += [(method, route.path, checks[0] if checks else None) for method in route.methods]  # type: ignore[misc]
    return found


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[FastAPI]:
    """The applications that servers have built since."""
    apps: list[FastAPI] = []

    def build(*args: Any, **kwargs: Any) -> FastAPI:
        apps.append(FastAPI(*args, **kwargs))
        return apps[-1]

    monkeypatch.setattr(doors, "FastAPI", build)
    return apps


@pytest.fixture
async def server(built: list[FastAPI], tmp_path: Path) -> AsyncIterator[RunningServer]:
    async with running_server(tmp_path / "data") as running:
        yield running


@pytest.fixture
def routes(built: list[FastAPI], server: RunningServer) -> list[tuple[str, str, Check]]:
    [app] = built
    return routes_of(app)


async def test_every_http_route_names_its_operation(routes: list[tuple[str, str, Check]]) -> None:
    assert len(routes) >= 20
    assert [(method, path) for method, path, check in routes if check is None] == []


async def test_who_is_unknown_gets_401_everywhere_but_at_the_public_doors(
    server: RunningServer, routes: list[tuple[str, str, Check]]
) -> None:
    async with httpx2.AsyncClient(base_url=server.started.url, trust_env=False) as anonymous:
        for method, path, check in routes:
            public = None in OPERATIONS[check.operation]
            assert public == (path in PUBLIC and not (path == "/api/v1/session" and method != "POST")), (method, path)
            if not public:
                url = path.replace("{agent_id}", "a").replace("{conversation_id}", "c").replace("{run_id}", "r")
                answer = await anonymous.request(method, url.replace("{command_id}", "c"), json={})
                assert (answer.status_code, answer.json()["reason"]) == (401, "unauthenticated"), (method, path)
                assert answer.headers["content-type"] == "application/problem+json"


async def test_an_agents_token_is_worth_nothing_over_http(
    server: RunningServer, routes: list[tuple[str, str, Check]], tmp_path: Path
) -> None:
    async with puppet(server.started.grpc_address, await server.join_token(), tmp_path) as agent:
        headers = {"authorization": f"Bearer {agent.registered.credentials.access_token}"}
        async with httpx2.AsyncClient(base_url=server.started.url, headers=headers, trust_env=False) as http:
            for method, path, check in routes:
                if Role.AGENT not in OPERATIONS[check.operation]:
                    answer = await http.request(method, path.replace("{", "").replace("}", ""), json={})
                    assert answer.status_code == 403, (method, path, answer.text)


def test_every_rpc_has_a_row() -> None:
    methods = {f"/{service.full_name}/{method.name}" for service in SERVICES for method in service.methods}
    assert methods == set(METHODS)


@pytest.mark.parametrize("credentials", ["none", "nonsense", "the administrator's"])
async def test_rpcs_refuse_who_may_not(server: RunningServer, credentials: str) -> None:
    pin = (await server.join_token()).rpartition(".")[2]
    certificate = await fetch_certificate(server.started.grpc_address, pin)
    tokens = {"none": (), "nonsense": (("authorization", "Bearer ma_x"),),
              "the administrator's": (("authorization", f"Bearer {server.token}"),)}  # fmt: skip
    async with open_channel(server.started.grpc_address, certificate) as channel:
        for path, operation in METHODS.items():
            if None in OPERATIONS[operation]:
                continue
            call = channel.stream_stream(path)(iter([b""]), metadata=tokens[credentials], timeout=10)
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                async for _ in call:
                    pass
            expected = Reason.PERMISSION_DENIED if "admin" in credentials else Reason.UNAUTHENTICATED
            assert read_problem(refused.value).reason is expected, path


async def test_every_frame_that_asks_for_something_is_authorized(server: RunningServer) -> None:
    from muster_server.commands.frames import command_frames
    from muster_server.conversations.frames import conversation_frames

    routes = conversation_frames(None, None) | command_frames(None)  # type: ignore[arg-type]
    schema = CLIENT_FRAME.core_schema
    names = {frame.__name__ for frame in routes} | {"Hello", "Subscribe", "Unsubscribe", "Ping"}
    assert {choice["cls"].__name__ for choice in _choices(schema)} == names


def _choices(schema: Any) -> list[Any]:
    while schema["type"] != "tagged-union":
        schema = schema["schema"]
    return [_model(choice) for choice in schema["choices"].values()]


def _model(schema: Any) -> Any:
    return schema if schema["type"] == "model" else _model(schema["schema"])


HOSTS = ["evil.example", "127.0.0.1.evil.example", "127.0.0.1", "localhost:1", "", "127.0.0.1:{port}.evil"]


@pytest.mark.parametrize("host", HOSTS)
async def test_names_that_are_not_ours_are_not_served(server: RunningServer, host: str) -> None:
    port = server.started.url.rpartition(":")[2]
    answer = await server.http.get("/health", headers={"host": host.format(port=port)})
    assert answer.status_code in (400, 421)


async def test_every_answer_carries_the_headers_that_keep_browsers_safe(server: RunningServer) -> None:
    for path in ("/", "/health", "/api/v1/agents", "/nothing/here", "/api/v1/nothing"):
        headers = (await server.http.get(path)).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe-eval" not in headers["content-security-policy"]
        assert (headers["x-content-type-options"], headers["x-frame-options"]) == ("nosniff", "DENY")


async def test_a_request_that_is_too_large_is_refused_in_words(server: RunningServer) -> None:
    answer = await server.http.post(
        "/api/v1/messages", content=b"x" * (3 << 20), headers={"content-type": "application/json"}
    )
    assert (answer.status_code, answer.json()["reason"]) == (413, "message_too_large")
