"""muster doctor"""

import platform
import sys
from collections.abc import Iterator
from typing import Annotated, Literal, NamedTuple

import typer

from muster_cli.connection import Announcement, Connection
from muster_cli.output import emit, table
from muster_cli.provision.console import how_to_build_the_console
from muster_cli.provision.node_files import find_installation
from muster_cli.provision.ports import is_free
from muster_cli.settings import CliSettings
from muster_shared_models.problems import MusterError
from muster_shared_models.system import SystemView

__all__ = ["doctor"]


class Finding(NamedTuple):
    """One thing looked at. `optional` things may be missing."""

    what: str
    state: Literal["ok", "optional", "missing"]
    says: str
    help: str = ""


def doctor(as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False) -> None:
    """Say what works, what is missing, and how to get it.

    Example: muster doctor
    """
    settings = CliSettings.load()
    found = [*_machine(), *_server(settings), *_extras(settings)]
    if as_json:
        for finding in found:
            emit(dict(finding._asdict()))
    else:
        sign = {"ok": "✓", "optional": "-", "missing": "✗"}
        table(("", "", "", ""), [(sign[each.state], each.what, each.says, each.help) for each in found])
    if any(each.state == "missing" for each in found):
        raise typer.Exit(1)


def _machine() -> Iterator[Finding]:
    yield Finding("Python", "ok", f"{platform.python_version()} in {sys.prefix}")
    missing = how_to_build_the_console()
    yield Finding("Web console", "missing" if missing else "ok", "not built" if missing else "built", missing)


def _server(settings: CliSettings) -> Iterator[Finding]:
    announced = Announcement.read(settings.data_dir)
    if announced is None and not settings.url:
        yield Finding("Server", "optional", f"none runs on {settings.data_dir}", "muster up")
        for name, port, setting in (
            ("HTTP port", settings.http_port, "MUSTER_HTTP_PORT"),
            ("gRPC port", settings.grpc_port, "MUSTER_GRPC_PORT"),
        ):
            free = is_free(port)
            yield Finding(name, "ok" if free else "missing", f"{port} is {'free' if free else 'in use'}",
                          "" if free else f"choose another with {setting}")  # fmt: skip
        return
    try:
        with Connection.open(settings) as server:
            view = SystemView.model_validate(server.get("/api/v1/system"))
            agents = server.get("/api/v1/agents")["items"]
    except MusterError as error:
        yield Finding("Server", "missing", error.detail, error.hint)
        return
    yield Finding("Server", "ok", f"{view.version} with the {view.bus} queue server and {view.database}")
    connected = sum(broker.connected for broker in view.brokers)
    yield Finding(
        "Brokers", "ok" if connected else "missing", f"{connected} connected", "" if connected else "muster broker"
    )
    yield Finding("Agents", "ok", f"{len(agents)} registered")
    for warning in view.warnings:
        yield Finding("Note", "optional", warning)


def _extras(settings: CliSettings) -> Iterator[Finding]:
    if find_installation():
        yield Finding("RabbitMQ", "ok", "installed: make run BUS=rabbitmq uses it")
    else:
        yield Finding("RabbitMQ", "optional", "not installed; the embedded queue server needs nothing",
                      "apt-get install rabbitmq-server")  # fmt: skip
    if settings.mistral_api_key.get_secret_value():
        yield Finding("Mistral", "ok", "MISTRAL_API_KEY is set: the chat agent starts as well")
    else:
        yield Finding("Mistral", "optional", "MISTRAL_API_KEY is not set: no chat agent", "export MISTRAL_API_KEY=...")
