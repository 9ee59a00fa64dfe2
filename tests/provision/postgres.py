"""A PostgreSQL for the tests: MUSTER_TEST_POSTGRES_URL, or a private server from installed or Debian's binaries.

fsync stays on: tests that kill it mean it.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from muster_cli.provision import debian
from muster_cli.provision.ports import LOOPBACK, free_ports
from muster_shared_models.problems import MusterError, Reason
from tests.provision.provisions import Provision

__all__ = ["TestPostgres", "postgres_provision"]

USER = "postgres"
START_TIMEOUT_S = 30.0


class TestPostgres:
    """A running server. `kill` and `restart` exist where it is ours."""

    __test__ = False

    def __init__(self, url: str, server: "PrivatePostgres | None") -> None:
        self.url = url
        self.server = server

    def new_database(self) -> str:
        """Return the address of a new, empty database."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        self._run(f'CREATE DATABASE "{name}"')
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{name}"))

    def drop_database(self, url: str) -> None:
        """Delete it, whoever is still connected."""
        self._run(f'DROP DATABASE IF EXISTS "{urlsplit(url).path[1:]}" WITH (FORCE)')

    def _run(self, statement: str) -> None:
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement.encode())


class PrivatePostgres:
    """A server in a folder of its own, on loopback, trusting whoever reaches it."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        # Not below pytest's own folder: the user postgres could not enter it.
        self.folder = Path(tempfile.mkdtemp(prefix="muster-test-postgres-"))
        self.port = free_ports(1)[0]
        self._process: subprocess.Popen[bytes] | None = None
        #: What starts it as somebody else: it refuses to run as root. Not `user=` of subprocess, which forks, and gRPC,
        #: when it is loaded, may then abort the child.
        self._as: list[str] = []
        if os.geteuid() == 0:
            account = pwd.getpwnam(USER)
            os.chown(self.folder, account.pw_uid, account.pw_gid)
            self._as = ["setpriv", f"--reuid={USER}", f"--regid={account.pw_gid}", "--init-groups", "--"]

    @property
    def url(self) -> str:
        return f"postgresql://{USER}@{LOOPBACK}:{self.port}/postgres"

    def create(self) -> None:
        made = subprocess.run(
            [*self._as, self._programs / "initdb", "-D", self.folder / "data", "-U", USER, "-A", "trust", "-E", "UTF8",
             "--locale=C", "--no-sync"],
            cwd=self.folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if made.returncode:
            raise MusterError(Reason.TOOL_FAILED, f"initdb failed: {made.stderr[-1000:]}")

    def start(self) -> None:
        """Return when it answers."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._as, self._programs / "postgres", "-D", self.folder / "data", "-p", str(self.port),
                 "-h", LOOPBACK, "-k", self.folder, "-c", "max_connections=200"],
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise MusterError(
                    Reason.TOOL_FAILED,
                    f"PostgreSQL did not start: {(self.folder / 'log').read_text(errors='replace')[-1000:]}",
                )
            time.sleep(0.05)

    def stop(self) -> None:
        """End it at once but in order."""
        self._end(signal.SIGINT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def kill(self) -> None:
        """End it as a crash would."""
        self._end(signal.SIGQUIT)  # "immediate": no checkpoint, recovery at the next start

    def restart(self) -> None:
        """Crash, then recover."""
        self.kill()
        self.start()

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(START_TIMEOUT_S)
            self._process = None

    def _is_ready(self) -> bool:
        asked: list[str | Path] = [
            self._programs / "pg_isready",
            "-q",
            "-h",
            LOOPBACK,
            "-p",
            str(self.port),
            "-U",
            USER,
        ]
        return subprocess.run(asked, capture_output=True, check=False).returncode == 0


def _find_programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    anywhere = shutil.which("postgres")
    return Path(anywhere).parent if anywhere and shutil.which("initdb") else None


def _start(install: Callable[[str], None] = debian.install) -> TestPostgres:
    if url := os.environ.get("MUSTER_TEST_POSTGRES_URL"):
        return TestPostgres(url, None)
    programs = _find_programs()
    if programs is None:
        install("postgresql")
        programs = _find_programs()
    if programs is None:
        raise MusterError(Reason.TOOL_MISSING, "PostgreSQL was installed, but its programs are nowhere to be found.")
    server = PrivatePostgres(programs)
    server.create()
    server.start()
    return TestPostgres(server.url, server)


def _stop(postgres: TestPostgres) -> None:
    if postgres.server is not None:
        postgres.server.stop()


postgres_provision = Provision("PostgreSQL", _start, _stop)
