"""Distributions as others install them: an agent's machine gets no server code, the server's wheel has the console."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).parent / "uv"


@pytest.fixture(scope="module")
def agent_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What deploy/agent.Dockerfile installs, in an environment of its own."""
    folder = tmp_path_factory.mktemp("agent")
    subprocess.run([UV, "venv", "--quiet", folder / "env"], check=True)
    requirements = folder / "requirements.txt"
    export = ["export", "--quiet", "--frozen", "--no-dev", "--no-emit-workspace", "--package", "muster-agent"]
    subprocess.run(
        [UV, *export, "--extra", "mistral", "-o", requirements], cwd=ROOT, check=True, stdout=subprocess.DEVNULL
    )
    own = ["./protos", "./shared_models", "./messaging", "./agent"]
    python = folder / "env" / "bin" / "python"
    subprocess.run(
        [UV, "pip", "install", "--quiet", "--python", python, "--no-deps", "-r", requirements, *own],
        cwd=ROOT,
        check=True,
    )
    return python


@pytest.mark.timeout(300)
def test_an_agent_runs_where_no_server_code_is_installed(agent_python: Path) -> None:
    shown = subprocess.run([agent_python, "-m", "muster_agent", "--help"], capture_output=True, text=True, check=True)
    assert "echo" in shown.stdout
    for absent in ("muster_server", "muster_broker", "muster_cli", "sqlalchemy", "fastapi"):
        assert (
            subprocess.run([agent_python, "-c", f"import {absent}"], capture_output=True, check=False).returncode == 1
        )


@pytest.mark.timeout(300)
def test_the_servers_wheel_carries_the_console_and_its_migrations(tmp_path: Path) -> None:
    if not (ROOT / "server/src/muster_server/console/index.html").exists():
        pytest.fail("build the console first: make console")
    subprocess.run(
        [UV, "build", "--quiet", "--wheel", "--package", "muster-server", "-o", tmp_path], cwd=ROOT, check=True
    )
    names = set(zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist())
    assert "muster_server/console/index.html" in names
    assert any(name.startswith("muster_server/console/assets/") for name in names)
    assert "muster_server/store/migrations/env.py" in names
    assert any(name.startswith("muster_server/store/migrations/versions/0001") for name in names)
