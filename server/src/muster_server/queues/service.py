"""Opens the queue server, declares what Muster needs on it, and tells others how to reach it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from muster_messaging.amqp.bus import AmqpBus
from muster_messaging.bus import BusAdmin
from muster_messaging.embedded.bus import EmbeddedBus
from muster_messaging.embedded.server import EmbeddedQueueServer
from muster_messaging.frames import FrameBus
from muster_messaging.relay.adapter import FrameAdapter
from muster_messaging.topology import DEFAULT_PARTITIONS, agent_queue, agent_topology, base_topology
from muster_protos.v1.transport_pb2 import AmqpTransport, RelayTransport, Transport

__all__ = ["QueueSide", "open_queues"]

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
    embedded: EmbeddedQueueServer | None = None

    async def declare_for(self, agent_id: str) -> None:
        """Create an agent's queue."""
        await self.bus.declare(agent_topology(agent_id))

    async def delete_for(self, agent_id: str) -> None:
        """Delete an agent's queue and what is in it."""
        await self.bus.delete_queue(agent_queue(agent_id))

    def transport(self) -> Transport:
        """Return which way agents and brokers take."""
        if self.url:
            return Transport(amqp=AmqpTransport(url=self.url))
        return Transport(relay=RelayTransport())

    async def close(self) -> None:
        """Disconnect; the embedded queue server writes what waits."""
        await self.bus.close()
        if self.embedded:
            await self.embedded.close()


async def open_queues(bus: str, data_dir: Path, *, relay_only: bool) -> QueueSide:
    """Return the queue server that `bus` names, with everything declared.

    Raises BUS_UNREACHABLE, or TOPOLOGY_MISMATCH when a queue exists with foreign arguments.
    """
    topology = base_topology(DEFAULT_PARTITIONS)
    if bus == "embedded":
        server = EmbeddedQueueServer(data_dir / "queues.db")
        local = EmbeddedBus(server, SERVER_NAME)
        await local.declare(topology)
        return QueueSide(local, server, "embedded", DEFAULT_PARTITIONS, "", server)
    remote = await AmqpBus.open(bus, name="muster server")
    try:
        await remote.declare(topology)
    except BaseException:
        await remote.close()
        raise
    return QueueSide(remote, FrameAdapter(remote), "rabbitmq", DEFAULT_PARTITIONS, "" if relay_only else bus)
