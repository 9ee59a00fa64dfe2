"""Virtual environments of the peers: made on demand, apart from ours, since their dependencies contradict ours."""

import subprocess
import sys
from pathlib import Path

__all__ = ["ROOT", "NotInstalledError", "python_of"]

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".venv-peers"
INSTALL_TIMEOUT_S = 180


class NotInstalledError(Exception):
    """A peer cannot be had on this machine."""


def python_of(peer: str) -> Path:
    """Return the interpreter of a peer's environment, which holds exactly what its pinned file says."""
    wanted = Path(__file__).with_name(f"{peer}.txt").read_text()
    folder = FOLDER / peer
    python, stamp = folder / "bin" / "python", folder / "installed.txt"
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return python
    sys.stderr.write(f"installing {peer} into {folder.relative_to(ROOT)}\n")
    _uv("venv", "--clear", "--no-python-downloads", "--python", sys.executable, str(folder))
    _uv("pip", "sync", "--python", str(python), str(Path(__file__).with_name(f"{peer}.txt")))
    stamp.write_text(wanted)
    return python


def _uv(*arguments: str) -> None:
    command = [str(Path(sys.executable).with_name("uv")), "--quiet", "--no-progress", *arguments]
    try:
        # Elsewhere than in the repository: uv would read our workspace's settings.
        FOLDER.mkdir(exist_ok=True)
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, check=False, cwd=FOLDER
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotInstalledError(str(error)) from error
    if done.returncode != 0:
        raise NotInstalledError(done.stderr.strip()[-500:])
