"""RabbitMQ in a container of the local Docker engine: for machines where the server cannot be installed.

Its messages live in a volume of its own, so that stopping the container, or a kill -9 of it, loses nothing.
"""

import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

from muster_cli.provision.node_files import LIMITS, settle_password, write_private
from muster_cli.provision.node_processes import wait_until
from muster_cli.provision.ports import LOOPBACK, free_ports
from muster_shared_models.problems import MusterError, Reason

__all__ = ["DockerRabbit", "engine_answers"]

IMAGE = "rabbitmq:4-management"
USER = "muster"
#: Seconds. The image may have to be pulled first.
PULL_TIMEOUT_S = 600
COMMAND_TIMEOUT_S = 60
START_TIMEOUT_S = 120.0


def engine_answers() -> bool:
    """Whether there is a Docker client and an engine behind it."""
    if shutil.which("docker") is None:
        return False
    try:
        asked = ["docker", "version", "--format", "{{.Server.Version}}"]
        return subprocess.run(asked, capture_output=True, timeout=10, check=False).returncode == 0  # noqa: S603
    except subprocess.TimeoutExpired:
        return False


class DockerRabbit:
    """A container that belongs to `folder`; the same methods as RabbitNode. Methods block."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._name = f"muster-rabbitmq-{sha256(str(self.folder).encode()).hexdigest()[:12]}"
        self._password = ""
        self._amqp = self._management = 0

    @property
    def amqp_url(self) -> str:
        """Where buses connect. Holds the password: do not print it."""
        return f"amqp://{USER}:{self._password}@{LOOPBACK}:{self._amqp}/%2F"

    @property
    def management_url(self) -> str:
        """The management HTTP API. Holds the password: do not print it."""
        return f"http://{USER}:{self._password}@{LOOPBACK}:{self._management}"

    @property
    def shown_url(self) -> str:
        """Where it listens, fit for people's eyes."""
        return f"amqp://{LOOPBACK}:{self._amqp} (container {self._name})"

    def start(self) -> None:
        """Return when the server in the container is ready; raises MusterError(TOOL_FAILED) with the engine's words."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._password = settle_password(self.folder)
        if self._docker("container", "inspect", self._name, check=False).returncode == 0:
            self._docker("start", self._name)
        else:
            self._create()
        self._amqp, self._management = self._port(5672), self._port(15672)
        if not wait_until(self._is_ready, START_TIMEOUT_S):
            said = self._docker("logs", "--tail", "25", self._name, check=False)
            self.kill()
            raise MusterError(
                Reason.TOOL_FAILED,
                f"RabbitMQ in the container {self._name} was not ready within {START_TIMEOUT_S:.0f} s:\n"
                f"{(said.stdout + said.stderr).replace(self._password, '***')}",
                f"See `docker logs {self._name}`; remove it with `docker rm -f {self._name}` and try again.",
            )

    def stop(self) -> None:
        """Stop the container in order; its volume stays."""
        self._docker("stop", "--time", "10", self._name, check=False)

    def kill(self) -> None:
        """Kill -9 the server in the container."""
        self._docker("kill", self._name, check=False)

    def restart(self) -> None:
        """Kill -9, then start on what is in the volume; the URLs stay the same."""
        self.kill()
        self.start()

    def _create(self) -> None:
        amqp, management = free_ports(2)
        # By file, not by argument: arguments are visible to every user of the machine.
        secrets = self.folder / "container.env"
        write_private(secrets, f"RABBITMQ_DEFAULT_USER={USER}\nRABBITMQ_DEFAULT_PASS={self._password}\n")
        settings = self.folder / "limits.conf"
        settings.write_text("\n".join((*LIMITS, "loopback_users = none")) + "\n")
        settings.chmod(0o644)  # the server in the container is another user
        self._docker(
            "run", "--detach", "--name", self._name,
            "--hostname", "muster",  # the node's name, and so the path of its data, is made of it
            "--env-file", str(secrets),
            "--publish", f"{LOOPBACK}:{amqp}:5672", "--publish", f"{LOOPBACK}:{management}:15672",
            "--volume", f"{self._name}:/var/lib/rabbitmq",
            "--volume", f"{settings}:/etc/rabbitmq/conf.d/90-muster.conf:ro",
            IMAGE, timeout=PULL_TIMEOUT_S,
        )  # fmt: skip

    def _port(self, inside: int) -> int:
        return int(self._docker("port", self._name, f"{inside}/tcp").stdout.split()[0].rpartition(":")[2])

    def _is_ready(self) -> bool:
        return (
            self._docker("exec", self._name, "rabbitmq-diagnostics", "-q", "check_running", check=False).returncode == 0
        )

    def _docker(
        self, *arguments: str, check: bool = True, timeout: int = COMMAND_TIMEOUT_S
    ) -> "subprocess.CompletedProcess[str]":
        try:
            done = subprocess.run(  # noqa: S603 - no shell, our own arguments
                ["docker", *arguments],  # noqa: S607 - wherever this machine has it
                stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout,
                check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise MusterError(Reason.TOOL_FAILED, f"`docker {arguments[0]}` took longer than {timeout} s.") from error
        if check and done.returncode != 0:
            raise MusterError(
                Reason.TOOL_FAILED,
                f"`docker {arguments[0]}` failed: {done.stderr.strip()[-1000:]}",
                "Is the engine running, and may this user use it?",
            )
        return done
