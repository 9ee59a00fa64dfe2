"""What a private RabbitMQ node is told: its configuration file and its environment."""

import os
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from muster_cli.provision.ports import LOOPBACK
from muster_messaging.message import MAX_BODY_BYTES

__all__ = [
    "LIMITS", "Installation", "environment", "find_installation", "settle_password",
    "write_configuration", "write_private",
]  # fmt: skip

#: Six hours in milliseconds. The default of 30 minutes closes the channel under a long run and redelivers everything.
CONSUMER_TIMEOUT_MS = 21_600_000
#: What every queue server of ours is told, a private node and a container alike.
LIMITS = (
    f"max_message_size = {MAX_BODY_BYTES}",
    f"consumer_timeout = {CONSUMER_TIMEOUT_MS}",
    "heartbeat = 20",
    "disk_free_limit.absolute = 200MB",
)
#: The directories of Debian's, Homebrew's and the generic package. The wrapper in /usr/sbin changes to the user
#: rabbitmq and could not write our folders.
_SERVER_FOLDERS = ("/usr/lib/rabbitmq/bin", "/usr/local/opt/rabbitmq/sbin", "/opt/homebrew/opt/rabbitmq/sbin")
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/opt/homebrew/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Installation(NamedTuple):
    """The programs of an installed RabbitMQ."""

    server: str
    epmd: str


def find_installation() -> Installation | None:
    """Return the installed RabbitMQ, or None."""
    server = next((f"{each}/rabbitmq-server" for each in _SERVER_FOLDERS if Path(each, "rabbitmq-server").exists()), "")
    erts = sorted(str(path) for path in Path("/usr/lib/erlang").glob("erts-*/bin/epmd"))
    epmd = shutil.which("epmd", path=_SYSTEM_PATH) or (erts[-1] if erts else "")
    return Installation(server, epmd) if server and epmd else None


def settle_password(folder: Path) -> str:
    """Return the password kept in `folder`; makes one (readable by its owner only) when there is none."""
    path = folder / "password"
    if not path.exists():
        write_private(path, secrets.token_urlsafe(32))
    return path.read_text()


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whatever its mode was before."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


def environment(folder: Path, installation: Installation, name: str, distribution: int, epmd: int) -> dict[str, str]:
    """Return the whole environment of the node: nothing of the caller's leaks into it."""
    return {
        "PATH": f"{Path(installation.epmd).parent}:{_SYSTEM_PATH}",
        "HOME": str(folder / "home"),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "ERL_EPMD_PORT": str(epmd),
        "ERL_EPMD_ADDRESS": LOOPBACK,
        "RABBITMQ_NODENAME": name,
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        # Empty on purpose: the machine's own would be read otherwise.
        "RABBITMQ_CONF_ENV_FILE": str(folder / "environment.conf"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_PID_FILE": str(folder / "node.pid"),
        # Idle schedulers would spin for a while, and take the processor from Muster's own processes beside them.
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}"
        " +sbwt none +sbwtdcpu none +sbwtdio none",
    }


def write_configuration(
    folder: Path, user: str, password: str, amqp: int, management: int, plugins: Sequence[str] = ()
) -> None:
    """Write the node's files below `folder`; the one that holds the password is readable by its owner only."""
    for name in ("home", "mnesia", "log"):
        (folder / name).mkdir(exist_ok=True, mode=0o700)
    lines = [
        f"listeners.tcp.local = {LOOPBACK}:{amqp}",
        f"management.tcp.ip = {LOOPBACK}",
        f"management.tcp.port = {management}",
        # The famous guest/guest never comes to exist: this user takes its place.
        f"default_user = {user}",
        f"default_pass = {password}",
        "default_user_tags.administrator = true",
        "loopback_users = none",
        *LIMITS,
        "log.file.level = info",
        "log.console = false",
    ]
    write_private(folder / "rabbitmq.conf", "\n".join(lines) + "\n")
    (folder / "enabled_plugins").write_text(f"[{','.join(('rabbitmq_management', *plugins))}].\n")
    (folder / "advanced.config").write_text("[].\n")
    (folder / "environment.conf").write_text("")
