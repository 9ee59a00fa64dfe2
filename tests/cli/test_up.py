"""`muster up`: one link, everything watched over, and nothing left behind however it ends."""

import signal
import socket
from pathlib import Path

import httpx2
import pytest

from muster_cli.connection import Announcement
from muster_cli.provision import console
from muster_cli.up import everything
from muster_shared_models.problems import Reason
from tests.cli.stack import LINK, Up, all_gone, muster, started, until, up


def console_of(running: Up) -> str:
    announced = Announcement.read(running.data)
    assert announced is not None
    return announced.url


def test_it_prints_one_link_starts_again_what_is_killed_and_ends_everything(tmp_path: Path) -> None:
    with up(tmp_path) as running:
        assert len(running.out.splitlines()) == len(running.links) == 1
        assert httpx2.get(f"{console_of(running)}/ready", trust_env=False).status_code == 200
        victims = {name: until(lambda name=name: running.child(name), name) for name in ("broker", "echo")}
        assert {running.child(name) for name in ("server", "operator")} < set(running.family())

        # When two of them are killed, a message waits for those that take their place
        for victim in victims.values():
            victim.kill()
        assert running("send", "echo", "still here").out == "still here\n"
        for name, victim in victims.items():
            reborn = running.child(name)
            assert reborn is not None
            assert reborn.pid != victim.pid
        assert running.err.count("starting it again") == 2
        assert len(running.links) == 1

        # And when the server is killed in the middle of an answer, whoever reads it reads on
        answer = started("send", "operator", "/shell printf one; sleep 4; printf two", folder=tmp_path / "answer",
                         MUSTER_DATA_DIR=str(running.data))  # fmt: skip
        with answer as reading:
            until(lambda: "one" in (tmp_path / "answer" / "out.txt").read_text(), "the beginning of the answer")
            server = running.child("server")
            assert server is not None
            server.kill()
            assert reading.wait(60) == 0
        assert (tmp_path / "answer" / "out.txt").read_text().startswith("onetwo\n")
        assert "trying again" in (tmp_path / "answer" / "err.txt").read_text()

        # And Ctrl-C ends all of them
        family = running.family()
        assert running.signal(signal.SIGINT) == 0
        assert all_gone(family)
        assert not (running.data / "server.json").exists()
        assert "Traceback" not in running.err


def test_nothing_survives_when_it_is_killed_and_the_next_one_goes_on(tmp_path: Path) -> None:
    with up(tmp_path) as running:
        family = running.family()
        assert len(family) >= 4
        running.signal(signal.SIGKILL)
        until(lambda: all_gone(family), "the end of all children")

    # Also when its ports have been taken meanwhile
    with socket.create_server(("127.0.0.1", 0)) as http, socket.create_server(("127.0.0.1", 0)) as rpc:
        busy = [str(each.getsockname()[1]) for each in (http, rpc)]
        with up(tmp_path, MUSTER_HTTP_PORT=busy[0], MUSTER_GRPC_PORT=busy[1]) as again:
            for port, name in zip(busy, ("MUSTER_HTTP_PORT", "MUSTER_GRPC_PORT"), strict=True):
                assert f"Port {port} is in use" in again.err
                assert name in again.err
            assert f":{busy[0]}/" not in again.links[0]
            expect_server_to_come_back(again)
            family = again.family()
            assert again.signal(signal.SIGTERM) == 0
            assert all_gone(family)


def expect_server_to_come_back(running: Up) -> None:
    """See that a server that was ended in order comes back where the others expect it."""
    before = console_of(running)
    first = until(lambda: running.child("server"))
    first.terminate()
    until(lambda: (running.child("server") or first).pid != first.pid, "another server")
    until(lambda: running("send", "echo", "hi").code == 0, "an answer")
    assert console_of(running) == before
    # That its end was in order is no news
    logs = "".join((running.data / "logs" / f"{name}.log").read_text() for name in ("broker-1", "echo"))
    assert logs
    assert "goaway" not in logs.lower()


def test_a_second_one_on_the_same_folder_says_so_and_harms_nothing(running: Up) -> None:
    second = running("up")

    assert second.code == 1
    assert console_of(running) in second.err
    assert "reason: data_dir_in_use" in second.err
    assert not second.out
    assert running("send", "echo", "unharmed").out == "unharmed\n"


def test_a_server_that_does_not_start_is_explained_once(tmp_path: Path) -> None:
    bus = "amqps://muster:hunter2@"
    done = muster("up", "--bus", bus, environment={"MUSTER_DATA_DIR": str(tmp_path), "MUSTER_HTTP_PORT": "0"})

    assert done.code == 2
    assert "reason: invalid_setting" in done.err
    assert "starting it again" not in done.err
    assert "hunter2" not in done.err + (tmp_path / "logs" / "server.log").read_text()
    assert not LINK.search(done.out)


@pytest.mark.parametrize(
    ("tail", "reason"),
    [
        ("Traceback\nValueError: 7", Reason.UNAVAILABLE),
        ("", Reason.UNAVAILABLE),
        ("A queue has other arguments\n  reason: topology_mismatch", Reason.TOPOLOGY_MISMATCH),
        ("  reason: of_another_version", Reason.UNAVAILABLE),
    ],
)
def test_the_servers_own_reason_is_passed_on(tail: str, reason: Reason) -> None:
    error = everything._did_not_start(tail, Path("server.log"))

    assert error.reason is reason
    assert tail in error.detail
    assert "server.log" in error.hint


def test_a_folder_that_cannot_be_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = muster("up", "--data-dir", str(tmp_path / "file"))

    assert done.code == 2
    assert str(tmp_path / "file") in done.err
    assert "Traceback" not in done.err


def test_a_console_that_is_not_built_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console.importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(console.shutil, "which", lambda _: "/usr/bin/npm")
    assert console.how_to_build_the_console() == "make console"
    monkeypatch.setattr(console.shutil, "which", lambda _: None)
    assert "Node.js 20" in console.how_to_build_the_console()
    monkeypatch.undo()
    assert console.how_to_build_the_console() == ""


def test_what_is_not_right_is_said_under_the_link(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    class Server:
        def get(self, _: str) -> dict[str, object]:
            return {"version": "1", "warnings": ["No broker is connected."]}

        def post(self, _: str) -> dict[str, str]:
            return {"url": "http://127.0.0.1:1/login#code=x"}

    monkeypatch.setattr(everything, "how_to_build_the_console", lambda: "make console")
    settings = everything.CliSettings(data_dir=tmp_path)
    everything._welcome(settings, Server(), "embedded")  # type: ignore[arg-type]
    told = capsys.readouterr()

    assert told.out.split() == ["http://127.0.0.1:1/login#code=x"]
    assert "No broker is connected." in told.err
    assert "make console" in told.err


@pytest.mark.rabbitmq
@pytest.mark.timeout(240)
def test_on_a_private_rabbitmq_it_works_the_same_and_nothing_survives_its_death(tmp_path: Path) -> None:
    with up(tmp_path, "--bus", "rabbitmq") as running:
        assert "RabbitMQ" in running.err
        assert running("send", "echo", "over RabbitMQ").out == "over RabbitMQ\n"
        family = running.family()
        assert any("beam" in process.name() for process in family)
        running.signal(signal.SIGKILL)
        until(lambda: all_gone(family), "the end of the node")
