"""What a private RabbitMQ node can suffer: alarms, in which it takes nothing more from publishers, and being frozen."""

import os
import signal
import time
from urllib.parse import unquote, urlsplit

import httpx2

from muster_cli.provision.queue_server import PrivateRabbit
from muster_cli.provision.rabbitmq import RabbitNode

__all__ = ["ALARMS", "alarm", "can_alarm", "freeze", "thaw"]

#: What rabbitmqctl is told to begin and to end an alarm, and the alarm's name in the management API.
ALARMS = {
    "memory_alarm": (
        ("set_vm_memory_high_watermark", "absolute", "1MB"),
        ("set_vm_memory_high_watermark", "0.4"),
        "mem_alarm",
    ),
    "disk_alarm": (("set_disk_free_limit", "10000GB"), ("set_disk_free_limit", "200MB"), "disk_free_alarm"),
}
#: Seconds until the node has noticed: it looks at its disk every ten.
NOTICED_S = 40.0
LOOK_S = 0.2


def can_alarm(node: PrivateRabbit | None) -> bool:
    """Tell whether this node has a rabbitmqctl of ours: not so in a container, or where it is somebody else's."""
    return isinstance(node, RabbitNode)


def alarm(node: PrivateRabbit, name: str, *, on: bool) -> None:
    """Begin or end an alarm; returns when the node says that it is so."""
    assert isinstance(node, RabbitNode)
    begin, end, told_as = ALARMS[name]
    node.control(*(begin if on else end))
    give_up_at = time.monotonic() + NOTICED_S
    while _is_on(node, told_as) is not on:
        assert time.monotonic() < give_up_at, f"{name} did not become {on}"
        time.sleep(LOOK_S)


def freeze(node: PrivateRabbit) -> None:
    """Let its process stand still, with all of its connections open."""
    os.kill(_pid(node), signal.SIGSTOP)


def thaw(node: PrivateRabbit) -> None:
    """Let it go on."""
    os.kill(_pid(node), signal.SIGCONT)


def _pid(node: PrivateRabbit) -> int:
    assert isinstance(node, RabbitNode), "the process of a node in a container is not ours"
    return int((node.folder / "node.pid").read_text())


def _is_on(node: RabbitNode, told_as: str) -> bool:
    parts = urlsplit(node.management_url)
    answer = httpx2.get(
        f"http://{parts.hostname}:{parts.port}/api/nodes", auth=(parts.username or "", unquote(parts.password or "")),
        timeout=10, trust_env=False,
    )  # fmt: skip
    answer.raise_for_status()
    return bool(answer.json()[0][told_as])
