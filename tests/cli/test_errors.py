"""Whatever is asked wrongly, or cannot be: words on stderr, a reason for programs, an exit code, and no data."""

import asyncio
import http.server
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from muster_cli import settings
from muster_cli.connection import Announcement, announce
from muster_cli.output import ago
from muster_cli.provision.ports import free_ports
from muster_cli.verbs import agent as agent_verb
from muster_cli.verbs import broker as broker_verb
from muster_cli.verbs import server as server_verb
from muster_shared_models.problems import Problem, Reason, meaning
from tests.cli.conftest import Here
from tests.cli.stack import COMMAND, Done, Up, clean_environment, muster, until

PIN = "A" * 43


def told(done: Done, reason: Reason) -> Problem:
    """Return the problem that a program reads; people read the same, see `test_people_...`."""
    assert not done.out
    problem = Problem.model_validate_json(done.err.splitlines()[-1])
    assert problem.reason is reason, problem
    assert problem.detail
    assert done.code == meaning(reason).exit_code != 0
    return problem


def join(words: object) -> str | None:
    return " ".join(words) if isinstance(words, tuple) else None


BAD_REQUESTS = [
    (("send", "nobody", "hi"), Reason.AGENT_NOT_FOUND),
    (("send", "any:env=nowhere", "hi"), Reason.NO_TARGET),
    (("send", "all:env=nowhere", "hi"), Reason.NO_TARGET),
    (("send", "agent:", "hi"), Reason.INVALID_ADDRESS),
    (("send", "any:env", "hi"), Reason.INVALID_ADDRESS),
    (("send", "nonsense:echo", "hi"), Reason.INVALID_ADDRESS),
    (("send", "echo", "   "), Reason.INVALID_REQUEST),
    (("send", "echo", "hi", "--conversation", "cnv_none"), Reason.CONVERSATION_NOT_FOUND),
    (("send", "echo"), Reason.INVALID_REQUEST),
    (("send", "echo", "hi", "--timeout", "0"), Reason.INVALID_REQUEST),
    (("run", "nobody", "-c", "true"), Reason.AGENT_NOT_FOUND),
    (("run", "all:env=nowhere", "-c", "true"), Reason.NO_TARGET),
    (("run", "agent:", "-c", "true"), Reason.INVALID_ADDRESS),
    (("run", "echo"), Reason.INVALID_REQUEST),
    (("run", "echo", "-c", "true", "true"), Reason.INVALID_REQUEST),
    (("run", "echo", "-c", "true", "--timeout", "x"), Reason.INVALID_REQUEST),
    (("token", "create", "--name", "two words"), Reason.INVALID_REQUEST),
    (("token", "create", "--kind", "king"), Reason.INVALID_REQUEST),
    (("token", "create", "--minutes", "0"), Reason.INVALID_REQUEST),
    (("agents", "--yaml"), Reason.INVALID_REQUEST),
    (("nonsense",), Reason.INVALID_REQUEST),
]


@pytest.mark.parametrize(("arguments", "reason"), BAD_REQUESTS, ids=join)
def test_programs_are_told_the_reason(muster: Here, arguments: tuple[str, ...], reason: Reason) -> None:
    told(muster(*arguments, "--json"), reason)


def test_people_are_told_in_words(muster: Here) -> None:
    done = muster("send", "nobody", "hi")

    assert (done.code, done.out) == (3, "")
    assert done.err.splitlines()[0] == "No such agent"
    assert "nobody" in done.err
    assert "reason: agent_not_found" in done.err


def test_people_who_ask_wrongly_see_how_it_is_asked(muster: Here) -> None:
    done = muster("run")

    assert (done.code, done.out) == (2, "")
    assert "Usage: muster run" in done.err


def test_json_after_the_dashes_is_the_programs_own(muster: Here) -> None:
    done = muster("run", "nobody", "--", "ls", "--json")

    assert done.err.splitlines()[0] == "No such agent"


def test_a_text_that_is_too_large_is_refused_and_nothing_of_it_sent(muster: Here) -> None:
    problem = told(muster("send", "echo", "x" * 300_000, "--json"), Reason.MESSAGE_TOO_LARGE)

    assert problem.status == 413


@pytest.fixture
def away(running: Up, here: Here, tmp_path: Path) -> Iterator[str]:
    """The name of an agent that was here; retired at the end."""
    here.use(running)
    announced = Announcement.read(running.data)
    assert announced is not None
    environment = clean_environment(MUSTER_JOIN=running("token", "create").out.strip(), HOME=str(tmp_path))
    command = [*COMMAND, "agent", "echo", "--name", "far", "--server", announced.grpc_address]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        view = until(lambda: [each for each in here.objects("agents") if each["description"]["name"] == "far"])[0]
        until(lambda: "far       idle" in here("agents").out, "it is attached")
        process.terminate()
        process.wait(20)
    yield "far"
    key = {"authorization": f"Bearer {(running.data / 'admin.token').read_text()}"}
    gone = httpx2.delete(f"{announced.url}/api/v1/agents/{view['id']}", headers=key, trust_env=False)
    assert gone.status_code == 204


def test_what_an_agent_that_is_away_does_not_fetch_expires_or_waits(here: Here, away: str) -> None:
    done = here("run", away, "--expires", "1", "-c", "true")
    assert (done.code, done.out) == (meaning(Reason.EXPIRED).exit_code, "")
    assert "expired" in done.err

    done = here("send", away, "hi", "--timeout", "1", "--json")
    assert done.code == meaning(Reason.TIMED_OUT).exit_code
    kinds = [json.loads(line)["kind"] for line in done.out.splitlines()]
    assert kinds == ["USER_MESSAGE", "RUN_QUEUED"]


# ---- the server is not there, or is not ours


def test_without_a_server_it_says_how_to_start_one(here: Here) -> None:
    problem = told(here("agents", "--json"), Reason.UNAVAILABLE)

    assert "muster up" in problem.hint


def test_a_server_that_died_is_named(here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (port,) = free_ports(1)
    announce(tmp_path, Announcement(url=f"http://127.0.0.1:{port}", grpc_address="127.0.0.1:1", pid=1))
    (tmp_path / "admin.token").write_text("key")
    monkeypatch.setenv("MUSTER_DATA_DIR", str(tmp_path))

    for arguments in (("agents",), ("send", "echo", "hi"), ("run", "echo", "-c", "true"), ("token", "login")):
        assert str(port) in told(here(*arguments, "--json"), Reason.UNAVAILABLE).detail


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("nonsense", Reason.INVALID_SETTING),
        ("ftp://host", Reason.INVALID_SETTING),
        ("http://[::1", Reason.INVALID_SETTING),
    ],
)
def test_an_address_that_is_none_is_named(
    here: Here, monkeypatch: pytest.MonkeyPatch, url: str, reason: Reason
) -> None:
    monkeypatch.setenv("MUSTER_URL", url)
    monkeypatch.setenv("MUSTER_TOKEN", "key")

    assert url in told(here("agents", "--json"), reason).detail


def test_the_key_of_this_machine_is_not_given_to_another(
    here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "admin.token").write_text("key")
    monkeypatch.setenv("MUSTER_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("MUSTER_URL", "http://muster.example:8000")

    assert "MUSTER_TOKEN" in told(here("agents", "--json"), Reason.UNAUTHENTICATED).hint


def test_a_wrong_key_is_refused(running: Up, here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    here.use(running)
    monkeypatch.setenv("MUSTER_TOKEN", "nonsense")

    for arguments in (("agents",), ("send", "echo", "hi"), ("token", "create")):
        told(here(*arguments, "--json"), Reason.UNAUTHENTICATED)


class Stranger(http.server.BaseHTTPRequestHandler):
    """Some other web server."""

    def _answer(self) -> None:
        status, body = (404, b"<h1>no</h1>") if self.path.startswith("/no") else (200, b"<h1>Welcome!</h1>")
        if self.path == "/api/v1/agents":
            body = b'{"items": [{"name": "of another version"}]}'
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _answer  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def stranger(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stranger) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("MUSTER_URL", url)
        monkeypatch.setenv("MUSTER_TOKEN", "key")
        yield url
        server.shutdown()
        thread.join()


def test_another_web_server_is_recognised(here: Here, stranger: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert stranger in told(here("send", "echo", "hi", "--json"), Reason.UNAVAILABLE).detail
    assert "version" in told(here("agents", "--json"), Reason.INTERNAL).hint
    monkeypatch.setenv("MUSTER_URL", f"{stranger}/no")
    assert "404" in told(here("token", "login", "--json"), Reason.INTERNAL).detail


# ---- settings, and the processes themselves


@pytest.mark.parametrize(
    ("name", "value"),
    [("HTTP_PORT", "abc"), ("GRPC_PORT", "99999"), ("LOG_LEVEL", "loud")],
)
def test_a_setting_that_cannot_be_is_named_without_its_value(
    here: Here, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"MUSTER_{name}", value)
    for verb in ("agents", "doctor"):
        problem = told(here(verb, "--json"), Reason.INVALID_SETTING)
        assert f"MUSTER_{name}" in problem.detail
        assert value not in problem.detail


@pytest.fixture
def tame(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers, brokers and agents that end before they begin may do so here, if they leave this process alone."""
    for verb in (server_verb, broker_verb, agent_verb):
        monkeypatch.setattr(verb, "run_loop", asyncio.run)
    monkeypatch.setattr("muster_server.log.set_up_logs", lambda _: None)
    monkeypatch.setattr("muster_agent.main.set_up_logs", lambda _: None)
    monkeypatch.setattr("muster_agent.main._calm_garbage_collector", lambda: None)


PROCESSES = [
    (("server", "--http-port", "99999"), Reason.INVALID_SETTING),
    (("server", "--bus", "bogus", "--http-port", "0", "--grpc-port", "0"), Reason.INVALID_SETTING),
    (("broker",), Reason.JOIN_TOKEN_INVALID),
    (("broker", "--join", "nonsense"), Reason.JOIN_TOKEN_INVALID),
    (("broker", "--name", "two words"), Reason.INVALID_SETTING),
    (("broker", "--server", "nonsense"), Reason.INVALID_SETTING),
    (("agent", "echo"), Reason.JOIN_TOKEN_INVALID),
    (("agent", "echo", "--name", "two words"), Reason.INVALID_SETTING),
    (("agent", "nonsense"), Reason.INVALID_SETTING),
    (("agent", "chat"), Reason.MODEL_KEY_MISSING),
]


@pytest.mark.parametrize(("arguments", "reason"), PROCESSES, ids=join)
def test_a_process_that_cannot_work_says_why(
    here: Here, tame: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], reason: Reason
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MUSTER_DATA_DIR", str(tmp_path))
    done = here(*arguments)

    assert done.code == meaning(reason).exit_code
    assert done.err.splitlines()[-1].strip() == f"reason: {reason.value}"
    assert not done.out


def test_a_process_that_cannot_work_ends_with_its_code() -> None:
    done = muster("broker", "--server", "nonsense")

    assert done.code == 2
    assert "MUSTER_SERVER" in done.err
    assert "Traceback" not in done.err


def test_an_agent_whose_server_does_not_answer_says_so(
    here: Here, tame: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (port,) = free_ports(1)
    done = here("agent", "echo", "--join", f"mj_x.{PIN}", "--server", f"127.0.0.1:{port}")

    assert done.code == 1
    assert f"127.0.0.1:{port}" in done.err


def test_a_second_server_a_busy_port_and_a_taken_name_are_told(
    running: Up, here: Here, tame: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.use(running)
    assert "reason: data_dir_in_use" in here("server").err
    token = here("token", "create").out.strip()
    announced = Announcement.read(running.data)
    assert announced is not None
    monkeypatch.setenv("HOME", str(tmp_path))
    done = here("agent", "echo", "--name", "operator", "--join", token, "--server", announced.grpc_address)
    assert (done.code, "reason: name_taken" in done.err) == (1, True)
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = str(busy.getsockname()[1])
        done = here("server", "--http-port", port, "--data-dir", str(tmp_path / "data"))
    assert "reason: port_in_use" in done.err
    assert port in done.err


def test_a_mistake_in_the_settings_file_is_named(here: Here, tame: None, tmp_path: Path) -> None:
    (tmp_path / "muster.toml").write_text("http_port = = 1")
    done = here("server", "--data-dir", str(tmp_path / "data"))

    assert done.code == 2
    assert "muster.toml" in done.err


# ---- small things


def test_grpc_is_silenced_before_it_is_loaded_and_only_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = "import sys, muster_cli.main; print(any(name.split('.')[0] == 'grpc' for name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"

    monkeypatch.setenv("GRPC_VERBOSITY", "DEBUG")
    settings.silence_grpc()
    assert os.environ["GRPC_VERBOSITY"] == "DEBUG"
    monkeypatch.delenv("GRPC_VERBOSITY")
    settings.silence_grpc()
    assert os.environ["GRPC_VERBOSITY"] == "NONE"


@pytest.mark.parametrize("verb", ["up", "server", "broker", "agent", "agents", "send", "run", "doctor", "token create"])
def test_help_says_what_it_is_for_and_gives_an_example(here: Here, verb: str) -> None:
    done = here(*verb.split(), "--help")

    assert done.code == 0
    assert f"Usage: muster {verb}" in done.out
    assert "Example: " in done.out


def test_help_lists_the_verbs_and_where_to_start(here: Here) -> None:
    done = here("--help")

    assert "Start here: muster up" in done.out
    for verb in ("up", "server", "broker", "agent", "agents", "send", "run", "doctor", "token"):
        assert f"│ {verb} " in done.out
    assert here("--version").out.count(".") == 2


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s ago"), (59, "59 s ago"), (61, "1 m ago"), (7200, "2 h ago"), (200_000, "2 d ago")]
)
def test_how_long_ago_in_words(seconds: int, words: str) -> None:
    assert ago(datetime.now(UTC) - timedelta(seconds=seconds, milliseconds=1)) == words


def test_never_is_long_ago() -> None:
    assert ago(None) == "never"
