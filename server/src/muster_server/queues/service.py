"""Opens the queue server, declares what Muster needs on it, and tells others how to reach it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from muster_messaging.amqp.bus import AmqpBus
from muster_messaging.bus import BusAdmin
from muster_messaging.embedded.bus import EmbeddedBus
from muster_messaging.embedded.server import EmbeddedQueueServer
from muster_messaging.frames import FrameBus
from muster_messaging.relay.adapter import FrameAdapter
from muster_messaging.topology import DEFAULT_PARTITIONS, agent_queue, agent_topology, base_topology
from muster_protos.v1.transport_pb2 import AmqpTransport, RelayTransport, Transport
from muster_server.settings import LOOPBACK

__all__ = ["AgentWay", "QueueSide", "open_queues"]

#: Which way agents take to RabbitMQ: straight, through the server, or straight on the server's own machine only.
AgentWay = Literal["auto", "amqp", "relay"]

#: The sender's name on what the server itself publishes.
SERVER_NAME = "server"


@dataclass(frozen=True, slots=True)
class QueueSide:
    """The server's bus, the frames that its relay serves, and the way that others are told to take."""

    bus: BusAdmin
    frames: FrameBus
    kind: Literal["embedded", "rabbitmq"]
    partitions: int
    url: str
    agents_direct: bool
    embedded: EmbeddedQueueServer | None = None

    async def declare_for(self, agent_id: str) -> None:
        """Create an agent's queue."""
        await self.bus.declare(agent_topology(agent_id))

    async def delete_for(self, agent_id: str) -> None:
        """Delete an agent's queue and what is in it."""
        await self.bus.delete_queue(agent_queue(agent_id))

    def broker_transport(self) -> Transport:
        """Return which way brokers take."""
        return _amqp(self.url) if self.url else _relay()

    def agent_transport(self) -> Transport:
        """Return which way agents take."""
        return _amqp(self.url) if self.url and self.agents_direct else _relay()

    async def close(self) -> None:
        """Disconnect; the embedded queue server writes what waits."""
        await self.bus.close()
        if self.embedded:
            await self.embedded.close()


def _amqp(url: str) -> Transport:
    return Transport(amqp=AmqpTransport(url=url))


def _relay() -> Transport:
    return Transport(relay=RelayTransport())


def _on_this_machine(url: str) -> bool:
    return (urlsplit(url).hostname or "") in LOOPBACK


async def open_queues(bus: str, data_dir: Path, agent_transport: AgentWay) -> QueueSide:
    """Return the queue server that `bus` names, with everything declared.

    Raises BUS_UNREACHABLE, or TOPOLOGY_MISMATCH when a queue exists with foreign arguments.
    """
    topology = base_topology(DEFAULT_PARTITIONS)
    if bus == "embedded":
        server = EmbeddedQueueServer(data_dir / "queues.db")
        local = EmbeddedBus(server, SERVER_NAME)
        await local.declare(topology)
        return QueueSide(local, server, "embedded", DEFAULT_PARTITIONS, "", False, server)
    remote = await AmqpBus.open(bus, name="muster server")
    try:
        await remote.declare(topology)
    except BaseException:
        await remote.close()
        raise
    # The login is the server's own: it is not handed to agents on other machines.
    direct = agent_transport == "amqp" or (agent_transport == "auto" and _on_this_machine(bus))
    return QueueSide(remote, FrameAdapter(remote), "rabbitmq", DEFAULT_PARTITIONS, bus, direct)
