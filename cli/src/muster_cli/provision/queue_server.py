"""Finds a way to a private RabbitMQ: installed, else Debian's package, else Docker, else says what to do."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from muster_cli.provision import debian
from muster_cli.provision.docker_rabbitmq import DockerRabbit, engine_answers
from muster_cli.provision.node_files import find_installation
from muster_cli.provision.rabbitmq import RabbitNode
from muster_shared_models.problems import MusterError, Reason

__all__ = ["PrivateRabbit", "private_rabbitmq"]


class PrivateRabbit(Protocol):
    """A queue server of our own. All methods block."""

    @property
    def amqp_url(self) -> str:
        """Where buses connect. Holds the password: do not print it."""
        ...

    @property
    def management_url(self) -> str:
        """The management HTTP API. Holds the password: do not print it."""
        ...

    @property
    def shown_url(self) -> str:
        """Where it listens, fit for people's eyes."""
        ...

    def start(self) -> None:
        """Return when it is ready."""
        ...

    def stop(self) -> None:
        """End it in order."""
        ...

    def kill(self) -> None:
        """Kill -9."""
        ...

    def restart(self) -> None:
        """Kill -9, then start again on what is on disk; the URLs stay the same."""
        ...


def private_rabbitmq(folder: Path, say: Callable[[str], None]) -> PrivateRabbit:
    """Return a queue server on `folder`, not yet started; `say` is told about what takes long.

    Raises MusterError(TOOL_MISSING) that says exactly what to do when this machine offers no way.
    """
    installation = find_installation()
    refused = ""
    if installation is None and debian.may_install():
        say("Installing RabbitMQ (the Debian package rabbitmq-server); this takes a minute.")
        try:
            debian.install("rabbitmq-server")
        except MusterError as error:
            refused = f" {error.detail}"
        installation = find_installation()
    if installation is not None:
        return RabbitNode(folder, installation)
    if engine_answers():
        say("RabbitMQ is not installed here; starting it with Docker.")
        return DockerRabbit(folder)
    raise MusterError(
        Reason.TOOL_MISSING,
        f"RabbitMQ is not installed, and neither a Debian package nor Docker can provide it here.{refused}",
        "One of these helps:\n"
        "  - install it: `sudo apt-get install rabbitmq-server` (Debian, Ubuntu) or `brew install rabbitmq` (macOS)\n"
        "  - start Docker, and this runs it in a container\n"
        "  - use a RabbitMQ you have: MUSTER_BUS=amqp://user:password@host:5672/vhost\n"
        "  - do without: BUS=embedded gives the same guarantees on one machine",
    )
