"""A private RabbitMQ node: kept in one folder, hidden from others, ended without leftovers."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from muster_cli.provision import debian, docker_rabbitmq, queue_server
from muster_cli.provision.node_files import Installation, find_installation
from muster_cli.provision.node_processes import wait_until
from muster_cli.provision.ports import answers, free_ports, is_free
from muster_cli.provision.rabbitmq import RabbitNode
from muster_messaging.amqp.bus import AmqpBus
from muster_messaging.message import Message
from muster_messaging.topology import Binding, Exchange, Queue, Topology
from muster_shared_models.problems import MusterError, Reason
from tests.messaging.transcript import ids, take

pytestmark = [
    pytest.mark.rabbitmq, pytest.mark.timeout(240),
    pytest.mark.skipif(find_installation() is None, reason="no RabbitMQ is installed"),
]  # fmt: skip
DESK = Topology((Exchange("desk", "direct"),), (Queue("desk"),), (Binding("desk", "in", "desk"),))


@pytest.fixture
def node(tmp_path: Path) -> Iterator[RabbitNode]:
    installation = find_installation()
    assert installation is not None
    node = RabbitNode(tmp_path / "rabbitmq", installation)
    yield node
    node.kill()


def of_folder(folder: Path) -> list[psutil.Process]:
    """Every living process that works in `folder`."""
    return [
        process
        for process in psutil.process_iter(["cwd", "status"])
        if process.info["status"] != psutil.STATUS_ZOMBIE and process.info["cwd"] == str(folder)
    ]


def expect_reachable_from_here_only(node: RabbitNode) -> None:
    own = {process.pid for process in of_folder(node.folder)}
    listening = {
        next(iter(each.laddr)) for each in psutil.net_connections("tcp") if each.pid in own and each.status == "LISTEN"
    }
    assert urlsplit(node.amqp_url).hostname == "127.0.0.1"
    assert listening
    assert listening <= {"127.0.0.1", "::1"}


def expect_secret_password(node: RabbitNode) -> None:
    password = urlsplit(node.amqp_url).password
    assert password
    assert len(password) > 30
    assert password not in node.shown_url
    for name in ("password", "rabbitmq.conf"):
        assert stat.S_IMODE((node.folder / name).stat().st_mode) == 0o600
    own = of_folder(node.folder)
    assert own
    assert not [process for process in own if password in " ".join(process.cmdline())]
    for process in own:
        assert process.uids().real == os.getuid()
        assert process.environ()["HOME"] == str(node.folder / "home")


async def test_a_node_keeps_its_queues_its_address_and_its_secrets(node: RabbitNode) -> None:
    # Given a node with a message in it
    node.start()
    url = node.amqp_url
    bus = await AmqpBus.open(url)
    await bus.declare(DESK)
    await bus.publish("desk", "in", Message("m1", "note"))
    await bus.close()

    # Then only this machine reaches it, and only its user the password
    expect_reachable_from_here_only(node)
    expect_secret_password(node)

    # And a second one cannot be started on the same folder
    installation = find_installation()
    assert installation is not None
    with pytest.raises(MusterError) as refused:
        RabbitNode(node.folder, installation).start()
    assert refused.value.reason is Reason.DATA_DIR_IN_USE

    # And after an orderly end nothing of it runs, and the next start has everything as it was
    node.stop()
    assert wait_until(lambda: not of_folder(node.folder), 10.0)
    assert not list(node.folder.glob("*.group"))
    node.start()
    assert node.amqp_url == url
    bus = await AmqpBus.open(url)
    assert ids(await take(await bus.subscribe("desk", 1), 1)) == ["m1"]
    await bus.close()


def test_a_node_whose_owner_was_killed_ends_too_and_the_folder_can_be_used_again(
    node: RabbitNode, tmp_path: Path
) -> None:
    script = (
        "import os, sys; from pathlib import Path\n"
        "from muster_cli.provision.node_files import find_installation\n"
        "from muster_cli.provision.rabbitmq import RabbitNode\n"
        "node = RabbitNode(Path(sys.argv[1]), find_installation()); node.start(); print('up', flush=True)\n"
        f"os.kill(os.getpid(), {int(signal.SIGKILL)})\n"
    )
    owner = subprocess.run(
        [sys.executable, "-c", script, str(node.folder)], capture_output=True, text=True, check=False
    )
    assert owner.stdout == "up\n", owner.stderr

    assert wait_until(lambda: not of_folder(node.folder), 10.0)
    node.start()
    assert node.running


def test_a_server_that_does_not_start_is_explained_with_the_end_of_its_log(tmp_path: Path) -> None:
    broken = tmp_path / "rabbitmq-server"
    broken.write_text("#!/bin/sh\necho 'BOOT FAILED: the disk is made of cheese'\nexit 1\n")
    broken.chmod(0o755)
    installation = find_installation()
    assert installation is not None
    node = RabbitNode(tmp_path / "node", Installation(str(broken), installation.epmd))

    with pytest.raises(MusterError) as failed:
        node.start()

    assert failed.value.reason is Reason.TOOL_FAILED
    assert "made of cheese" in failed.value.detail
    assert str(tmp_path / "node") in failed.value.hint
    assert not of_folder(tmp_path / "node")


def test_ports_are_free_and_different() -> None:
    ports = free_ports(20)

    assert len(set(ports)) == 20
    assert all(is_free(port) and not answers(port) for port in ports[:3])


def test_without_any_way_to_a_queue_server_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_server, "find_installation", lambda: None)
    monkeypatch.setattr(debian, "may_install", lambda: False)
    monkeypatch.setattr(queue_server, "engine_answers", lambda: False)

    with pytest.raises(MusterError) as refused:
        queue_server.private_rabbitmq(tmp_path, print)

    assert refused.value.reason is Reason.TOOL_MISSING
    for way in ("apt-get install rabbitmq-server", "Docker", "MUSTER_BUS=amqp://", "BUS=embedded"):
        assert way in refused.value.hint


def test_a_package_that_cannot_be_installed_is_part_of_the_explanation_and_docker_is_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(package: str) -> None:
        raise MusterError(Reason.TOOL_MISSING, f"{package}: no mirror")

    said: list[str] = []
    monkeypatch.setattr(queue_server, "find_installation", lambda: None)
    monkeypatch.setattr(debian, "may_install", lambda: True)
    monkeypatch.setattr(debian, "install", fails)
    monkeypatch.setattr(queue_server, "engine_answers", lambda: True)

    found = queue_server.private_rabbitmq(tmp_path, said.append)

    assert isinstance(found, docker_rabbitmq.DockerRabbit)
    assert [text.split()[0] for text in said] == ["Installing", "RabbitMQ"]
    monkeypatch.setattr(queue_server, "engine_answers", lambda: False)
    with pytest.raises(MusterError, match="no mirror"):
        queue_server.private_rabbitmq(tmp_path, said.append)
