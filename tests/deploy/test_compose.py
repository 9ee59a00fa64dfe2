"""What a machine without Docker can say of the compose file: its parts exist, fit together and are safe by default."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from muster_agent.settings import AgentSettings
from muster_broker.settings import BrokerSettings
from muster_cli.settings import CliSettings
from muster_server.settings import ServerSettings

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILES = sorted((ROOT / "deploy").glob("*.Dockerfile"))

PREFIXED = (ServerSettings, BrokerSettings, CliSettings)
KNOWN_SETTINGS = {f"MUSTER_{name}".upper() for settings in PREFIXED for name in settings.model_fields}
KNOWN_SETTINGS |= {str(field.validation_alias) for field in AgentSettings.model_fields.values()}


def judged(path: Path) -> "subprocess.CompletedProcess[str]":
    """Hold a compose file against the specification's own schema."""
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(path)]
    return subprocess.run(check, capture_output=True, text=True, check=False)


def test_it_is_a_compose_file_by_the_specification() -> None:
    done = judged(ROOT / "docker-compose.yml")
    assert done.returncode == 0, done.stdout


def test_the_specification_sees_a_mistake(tmp_path: Path) -> None:
    broken = tmp_path / "compose.yaml"
    broken.write_text(yaml.safe_dump({**COMPOSE, "services": {"server": {"imagine": "muster"}}}))
    assert judged(broken).returncode == 1


def test_everything_that_issue_and_readme_promise_is_there() -> None:
    assert set(SERVICES) == {"rabbitmq", "postgres", "server", "enrol", "broker", "echo", "operator"}


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_service_says_whether_it_is_well(name: str) -> None:
    service = SERVICES[name]
    if "healthcheck" in service:
        assert service["healthcheck"].get("test") or service["healthcheck"] == {"disable": True}
    else:
        dockerfile = (ROOT / service["build"]["dockerfile"]).read_text()
        assert "HEALTHCHECK" in dockerfile


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_services_wait_for_services_that_can_say_so(name: str) -> None:
    for other, wanted in SERVICES[name].get("depends_on", {}).items():
        assert other in SERVICES
        if wanted["condition"] == "service_completed_successfully":
            assert SERVICES[other]["restart"] == "no"
        else:
            assert wanted["condition"] == "service_healthy"


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_images_are_named_with_a_version_or_built_here(name: str) -> None:
    service = SERVICES[name]
    if "build" in service:
        assert (ROOT / service["build"]["dockerfile"]).is_file()
    else:
        assert re.fullmatch(r"[a-z]+:\d+[a-z0-9.-]*", service["image"])


def test_ports_are_open_to_this_machine_only_unless_somebody_asks() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(ports) == 2
    assert all(port.startswith(("127.0.0.1:", "${MUSTER_GRPC_BIND:-127.0.0.1}:")) for port in ports)


def test_passwords_come_from_outside_and_are_demanded() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    example = (ROOT / "deploy" / "env.example").read_text()
    for name in ("RABBITMQ_PASSWORD", "POSTGRES_PASSWORD"):
        assert f"${{{name}:?" in text
        assert f"\n{name}=\n" in example
    assert not re.search(r"^\s*\w*pass(word)?:\s*[^$\s{]", text, re.IGNORECASE | re.MULTILINE)


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_settings_exist_under_the_names_that_are_used(name: str) -> None:
    used = {key for key in SERVICES[name].get("environment", {}) if key.startswith("MUSTER_")}
    used |= set(
        re.findall(
            r"(MUSTER_[A-Z_]+)=", str(SERVICES[name].get("entrypoint", "")) + str(SERVICES[name].get("command", ""))
        )
    )
    assert used <= KNOWN_SETTINGS


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_volumes_are_declared_and_files_exist(name: str) -> None:
    for volume in SERVICES[name].get("volumes", []):
        source = volume.split(":")[0]
        assert (ROOT / source).exists() if source.startswith("./") else source in COMPOSE["volumes"]


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.stem)
def test_dockerfiles_copy_what_exists_and_do_not_run_as_root(dockerfile: Path) -> None:
    text = dockerfile.read_text()
    stages = set(re.findall(r"^FROM \S+ AS (\w+)", text, re.MULTILINE))
    last = text[text.rindex("\nFROM ") :]
    assert re.search(r"^USER (?!root)\w+", last, re.MULTILINE)
    for line in re.findall(r"^COPY (.+)$", text, re.MULTILINE):
        words = line.split()
        stage = next((word.removeprefix("--from=") for word in words if word.startswith("--from=")), None)
        if stage:
            assert stage in stages
        else:
            assert all((ROOT / source).exists() for source in words[:-1])
    settings = set(re.findall(r"(MUSTER_[A-Z_]+)=", text))
    assert settings <= KNOWN_SETTINGS


def test_what_must_not_go_into_an_image_is_kept_out() -> None:
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert {".git", ".env", ".muster", ".venv"} <= set(ignored)
