"""What `make` says on a machine where something is missing. The rest of it is what runs these tests."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKE = shutil.which("make") or "make"
#: What every machine has.
TOOLS = ("bash", "awk", "find", "mkdir", "touch", "sed", "grep")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A fresh copy on a machine with nothing but the basics; `bin` is all that can be found."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "frontend").mkdir()
    (tmp_path / "frontend" / "package-lock.json").write_text("{}")
    (tmp_path / "uv.lock").write_text("")
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found, tool
        (tmp_path / "bin" / tool).symlink_to(found)
    return tmp_path


def program(machine: Path, name: str, script: str) -> None:
    path = machine / "bin" / name
    path.write_text(f"#!/bin/bash\n{script}\n")
    path.chmod(0o755)


def make(machine: Path, *targets: str) -> "subprocess.CompletedProcess[str]":
    environment = {"PATH": str(machine / "bin"), "HOME": str(machine)}
    return subprocess.run(
        [MAKE, *targets], cwd=machine, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("target", ["console", "setup", "run"])
def test_without_node_it_says_which_one_is_needed(machine: Path, target: str) -> None:
    for stamp in ("python-dev", "python-run"):
        (machine / ".venv" / ".stamps").mkdir(parents=True, exist_ok=True)
        (machine / ".venv" / "bin").mkdir(exist_ok=True)
        (machine / ".venv" / "bin" / "uv").touch()
        (machine / ".venv" / ".stamps" / stamp).touch()
    done = make(machine, target)

    assert done.returncode == 2
    assert "Node.js 20 or newer with npm is needed" in done.stdout
    assert "https://nodejs.org" in done.stdout


def test_an_old_node_is_named(machine: Path) -> None:
    program(machine, "npm", "exit 1")
    program(machine, "node", '[ "$1" = --version ] && echo v16.1.0; [ "$1" = --version ]')
    done = make(machine, "console")

    assert done.returncode == 2
    assert "older than 20: v16.1.0" in done.stdout


def test_without_python_it_says_which_one_is_needed(machine: Path) -> None:
    done = make(machine, "setup")

    assert done.returncode == 2
    assert "Python 3.11 or newer is needed" in done.stdout


def test_an_old_python_is_named(machine: Path) -> None:
    program(machine, "python3", "exit 1")
    done = make(machine, "setup")

    assert done.returncode == 2
    assert "python3 is older than 3.11" in done.stdout


def test_make_alone_explains_itself(machine: Path) -> None:
    done = make(machine)

    assert done.returncode == 0
    for target in ("run", "test", "setup", "lint"):
        assert f"make {target} " in done.stdout
