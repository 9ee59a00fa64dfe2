"""RabbitMQ in a container: what the engine is asked, with a `docker` that notes it."""

import stat
from pathlib import Path

import pytest

from muster_cli.provision import docker_rabbitmq
from muster_cli.provision.docker_rabbitmq import DockerRabbit, engine_answers
from muster_shared_models.problems import MusterError, Reason

DOCKER = """#!/bin/sh
echo "$*" >> {folder}/calls
case "$1 $2" in
  "version --format") [ -e {folder}/engine ] && echo 27.0 || exit 1;;
  "container inspect") [ -e {folder}/created ] || exit 1;;
  "run --detach") touch {folder}/created;;
  "port "*) echo 127.0.0.1:4$(echo "$3" | tr -dc 0-9 | tail -c 4);;
  "exec "*) [ ! -e {folder}/broken ] || exit 1;;
  "logs --tail") echo "it says $(cat {folder}/rabbitmq/password)";;
esac
"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(DOCKER.format(folder=tmp_path))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    (tmp_path / "engine").touch()
    return tmp_path / "calls"


def test_an_engine_answers_or_does_not(calls: Path) -> None:
    assert engine_answers()
    (calls.parent / "engine").unlink()
    assert not engine_answers()


def test_a_container_is_made_once_and_then_started_again(calls: Path) -> None:
    rabbit = DockerRabbit(calls.parent / "rabbitmq")

    rabbit.start()
    first = rabbit.amqp_url
    rabbit.restart()
    rabbit.stop()

    assert rabbit.amqp_url == first
    assert first.endswith("@127.0.0.1:45672/%2F")
    assert rabbit.management_url.endswith("@127.0.0.1:45672")
    done = [line.split()[0] for line in calls.read_text().splitlines()]
    assert done == ["container", "run", "port", "port", "exec", "kill", "container", "start", "port", "port", "exec",
                    "stop"]  # fmt: skip


def test_the_password_is_in_a_private_file_and_no_argument_and_the_ports_are_on_loopback(calls: Path) -> None:
    rabbit = DockerRabbit(calls.parent / "rabbitmq")
    rabbit.start()

    password = (rabbit.folder / "password").read_text()
    secrets = rabbit.folder / "container.env"
    assert password in secrets.read_text()
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    assert password not in calls.read_text()
    assert password not in rabbit.shown_url
    run = next(line for line in calls.read_text().splitlines() if line.startswith("run"))
    assert run.count("--publish 127.0.0.1:") == 2
    assert "max_message_size = 1048576" in (rabbit.folder / "limits.conf").read_text()


def test_a_container_that_never_gets_ready_is_explained_without_the_password(
    calls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docker_rabbitmq, "START_TIMEOUT_S", 0.2)
    (calls.parent / "broken").touch()
    rabbit = DockerRabbit(calls.parent / "rabbitmq")

    with pytest.raises(MusterError) as failed:
        rabbit.start()

    assert failed.value.reason is Reason.TOOL_FAILED
    assert "it says ***" in failed.value.detail
