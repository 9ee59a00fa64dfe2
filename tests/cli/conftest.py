"""One running Muster for all tests that only talk to it, and the command line in this process."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from muster_cli.main import main
from tests.cli.stack import Done, Up, up


class Here:
    """The command line in this process: quicker, and its inside can be replaced."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys = capsys
        self._monkeypatch = monkeypatch

    def use(self, running: Up) -> None:
        """Speak to this Muster from now on."""
        self._monkeypatch.setenv("MUSTER_DATA_DIR", str(running.data))

    def __call__(self, *arguments: str) -> Done:
        self._monkeypatch.setattr(sys, "argv", ["muster", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        told = self._capsys.readouterr()
        code = ended.value.code
        return Done(code if isinstance(code, int) else 0, told.out, told.err)

    def objects(self, *arguments: str) -> list[dict[str, Any]]:
        """Return the JSON objects that a command prints; it must succeed."""
        done = self(*arguments, "--json") if "--" not in arguments else self(*arguments)
        assert done.code == 0, done.err
        assert not done.err
        return [json.loads(line) for line in done.out.splitlines()]


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """Everything, with an echo and an operator."""
    with up(tmp_path_factory.mktemp("muster")) as everything:
        yield everything


@pytest.fixture(autouse=True)
def _fresh_shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("MUSTER_DATA_DIR", "MUSTER_URL", "MUSTER_TOKEN", "MUSTER_BUS", "MISTRAL_API_KEY", "MUSTER_JOIN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GRPC_VERBOSITY", "NONE")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def here(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Here:
    return Here(capsys, monkeypatch)


@pytest.fixture
def muster(here: Here, running: Up) -> Here:
    """The command line in this process, speaking to `running`."""
    here.use(running)
    return here
