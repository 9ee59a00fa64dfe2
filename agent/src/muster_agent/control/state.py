"""The state folder of one agent: its key, whom it joined, its journal. Only its own user may read it.

key.pem       the agent's private key            server.pem   the certificate of the server that it joined
joined.json   its id and its name there          journal.db   what it received, did and still has to tell
lock          held by the running process        policy.toml  what its tools may do, if there is one
"""

import json
import os
from pathlib import Path
from typing import IO, NamedTuple, Self

from muster_agent.errors import BadSetting, StateInUse
from muster_agent.machine import this_system

__all__ = ["Joined", "StateFolder"]


class Joined(NamedTuple):
    """A server that knows us: its certificate, and who we are there."""

    certificate: str
    agent_id: str
    name: str


class StateFolder:
    """The files of one agent. Use as a context manager: within, no other process can use the same folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: IO[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = this_system().lock(self.path / "lock")
        except OSError as error:
            raise BadSetting(
                f"The state folder {self.path} cannot be used: {error.strerror}.",
                "Set MUSTER_STATE_DIR to a folder that this user may write.",
            ) from error
        if self._lock is None:
            raise StateInUse(
                f"Another process runs the agent in {self.path}.",
                "Stop it first, or give this one another name or another MUSTER_STATE_DIR.",
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    @property
    def key(self) -> Path:
        """Where the private key is."""
        return self.path / "key.pem"

    @property
    def journal(self) -> Path:
        """Where the journal is."""
        return self.path / "journal.db"

    @property
    def policy(self) -> Path:
        """Where the tools' policy may be."""
        return self.path / "policy.toml"

    def joined(self) -> Joined | None:
        """Return whom we joined, or None at the first start."""
        try:
            certificate = (self.path / "server.pem").read_text()
            known = json.loads((self.path / "joined.json").read_text())
            return Joined(certificate, str(known["agent_id"]), str(known["name"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep(self, joined: Joined) -> None:
        """Remember whom we joined."""
        _write(self.path / "server.pem", joined.certificate)
        _write(self.path / "joined.json", json.dumps({"agent_id": joined.agent_id, "name": joined.name}))


def _write(path: Path, text: str) -> None:
    """Replace a file whole: a reader sees the old text or the new one."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
