"""`muster doctor`: each thing it looks at, when it is well and when it is not."""

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from muster_cli.connection import Announcement, Connection, announce
from muster_cli.provision.ports import free_ports
from muster_cli.verbs import doctor
from muster_shared_models.problems import MusterError, Reason
from tests.cli.conftest import Here
from tests.cli.stack import Up

SYSTEM = {
    "version": "1.2", "bus": "embedded", "database": "sqlite", "started_at": "2026-11-21T10:00:00Z", "brokers": [],
    "grpc_address": "127.0.0.1:1", "reachable_from_outside": False, "queued_in_outbox": 0, "warnings": [],
}  # fmt: skip


def findings(here: Here, *, code: int) -> dict[str, tuple[str, str, str]]:
    """Return what it found: name to state, words, help."""
    done = here("doctor", "--json")
    assert done.code == code, done.out
    found = [json.loads(line) for line in done.out.splitlines()]
    return {each["what"]: (each["state"], each["says"], each["help"]) for each in found}


@pytest.fixture
def ports(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Free ports that the settings name."""
    free = free_ports(2)
    for name, port in zip(("HTTP", "GRPC"), free, strict=True):
        monkeypatch.setenv(f"MUSTER_{name}_PORT", str(port))
    return free


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """A server that answers what the test puts here."""
    answers: dict[str, Any] = {"/api/v1/system": SYSTEM, "/api/v1/agents": {"items": []}}
    announce(tmp_path, Announcement(url="http://127.0.0.1:1", grpc_address="127.0.0.1:1", pid=1))
    (tmp_path / "admin.token").write_text("key")
    monkeypatch.setenv("MUSTER_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(Connection, "get", lambda _, path: answers[path])
    return answers


def test_where_everything_runs_everything_is_well(running: Up, here: Here) -> None:
    here.use(running)
    found = findings(here, code=0)

    assert found["Python"][0] == found["Server"][0] == found["Brokers"][0] == "ok"
    assert "embedded" in found["Server"][1]
    assert found["Brokers"][1] == "1 connected"
    assert found["Agents"][1] == "2 registered"
    assert "HTTP port" not in found


def test_people_get_a_table_with_a_sign_and_help(here: Here, ports: list[int]) -> None:
    done = here("doctor")

    assert done.code == 0
    lines = {line[3:].split("  ")[0]: line for line in done.out.splitlines() if line.strip()}
    assert lines["Python"].startswith("✓")
    assert lines["Server"].startswith("-")
    assert "muster up" in lines["Server"]


def test_without_a_server_its_ports_are_looked_at(here: Here, ports: list[int]) -> None:
    found = findings(here, code=0)
    assert found["HTTP port"] == ("ok", f"{ports[0]} is free", "")

    with socket.create_server(("127.0.0.1", ports[1])):
        found = findings(here, code=1)
    assert found["gRPC port"] == ("missing", f"{ports[1]} is in use", "choose another with MUSTER_GRPC_PORT")


def test_a_server_that_does_not_answer_is_missing(here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (port,) = free_ports(1)
    announce(tmp_path, Announcement(url=f"http://127.0.0.1:{port}", grpc_address="127.0.0.1:1", pid=1))
    monkeypatch.setenv("MUSTER_DATA_DIR", str(tmp_path))
    assert "admin.token" in findings(here, code=1)["Server"][1]

    (tmp_path / "admin.token").write_text("key")
    state, says, how = findings(here, code=1)["Server"]
    assert state == "missing"
    assert str(port) in says
    assert how


def test_a_server_that_will_not_have_us_is_missing(
    here: Here, answering: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise MusterError(Reason.UNAUTHENTICATED, "Who are you?", "Log in.")

    monkeypatch.setattr(Connection, "get", refuse)
    assert findings(here, code=1)["Server"] == ("missing", "Who are you?", "Log in.")


def test_a_server_without_brokers_is_told_and_its_warnings_passed_on(here: Here, answering: dict[str, Any]) -> None:
    answering["/api/v1/system"] = {**SYSTEM, "warnings": ["No broker is connected."]}
    found = findings(here, code=1)

    assert found["Brokers"] == ("missing", "0 connected", "muster broker")
    assert found["Note"] == ("optional", "No broker is connected.", "")


def test_a_console_that_is_not_built_is_missing(here: Here, ports: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "how_to_build_the_console", lambda: "make console")
    assert findings(here, code=1)["Web console"] == ("missing", "not built", "make console")
    monkeypatch.setattr(doctor, "how_to_build_the_console", lambda: "")
    assert findings(here, code=0)["Web console"] == ("ok", "built", "")


def test_rabbitmq_and_a_model_are_optional(here: Here, ports: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "find_installation", lambda: None)
    found = findings(here, code=0)
    assert (found["RabbitMQ"][0], found["RabbitMQ"][2]) == ("optional", "apt-get install rabbitmq-server")
    assert found["Mistral"][0] == "optional"

    monkeypatch.setattr(doctor, "find_installation", object)
    monkeypatch.setenv("MISTRAL_API_KEY", "secret")
    found = findings(here, code=0)
    assert found["RabbitMQ"][0] == found["Mistral"][0] == "ok"
    assert "secret" not in str(found)
