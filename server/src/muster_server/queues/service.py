"""Opens the queue server, declares what Muster needs on it, and tells others how to reach it."""

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

import structlog

from muster_messaging.bus import BusAdmin
from muster_messaging.embedded.bus import EmbeddedBus
from muster_messaging.embedded.server import EmbeddedQueueServer
from muster_messaging.frames import FrameBus
from muster_messaging.relay.adapter import FrameAdapter
from muster_messaging.topology import DEFAULT_PARTITIONS, agent_queue, agent_topology, base_topology
from muster_protos.v1.transport_pb2 import AmqpTransport, RelayTransport, Transport
from muster_server.queues.checking import check
from muster_server.queues.logins import Logins, load_key
from muster_server.queues.management import Management
from muster_server.queues.watching import Tell
from muster_server.settings import LOOPBACK, ServerSettings

__all__ = ["AgentWay", "QueueSide", "on_this_machine", "open_queues"]

log = structlog.get_logger()

#: Which way agents take to RabbitMQ: straight, through the server, or straight on the server's own machine only.
AgentWay = Literal["auto", "amqp", "relay"]

#: The sender's name on what the server itself publishes.
SERVER_NAME = "server"


@dataclass(frozen=True, slots=True)
class QueueSide:
    """The server's bus, the frames that its relay serves, and the way that others are told to take.

    Without `logins` there is one login for everybody: it goes to processes on the server's own machine only.
    """

    bus: BusAdmin
    frames: FrameBus
    kind: Literal["embedded", "rabbitmq"]
    partitions: int
    url: str = ""
    wanted: AgentWay = "relay"
    embedded: EmbeddedQueueServer | None = None
    management: Management | None = None
    logins: Logins | None = None

    async def declare_for(self, agent_id: str) -> None:
        """Create an agent's queue."""
        await self.bus.declare(agent_topology(agent_id))

    async def delete_for(self, agent_id: str) -> None:
        """Close the agent's connections, delete its login, its queue and what is in it."""
        if self.logins:
            await self.logins.end(agent_id)
        await self.bus.delete_queue(agent_queue(agent_id))

    async def shut_out(self, agent_id: str) -> None:
        """End an agent's login, and with it its connections; its queue and what waits in it stay."""
        if self.logins:
            await self.logins.end(agent_id)

    async def let_in(self, agent_id: str) -> None:
        """Make an agent's login anew."""
        if self.logins:
            await self.logins.for_agent(agent_id)

    @property
    def figures(self) -> Tell | None:
        """What tells of queues more than the bus does."""
        return self.management.figures if self.management else None

    @property
    def shares_login(self) -> bool:
        """Whether agents may come to hold the server's own login."""
        return bool(self.url) and self.logins is None and self.agent_way(local=True) == "amqp"

    def agent_way(self, *, local: bool) -> Literal["amqp", "relay"]:
        """Return which way an agent takes; `local`: it is on the server's own machine."""
        if not self.url or self.wanted == "relay":
            return "relay"
        near = on_this_machine(self.url)
        if self.logins is not None and self.wanted == "amqp":
            return "amqp" if local or not near else "relay"
        return "amqp" if local and (near or self.wanted == "amqp") else "relay"

    async def agent_transport(self, agent_id: str, *, local: bool) -> Transport:
        """Return which way an agent takes, with its login; raises BUS_UNREACHABLE."""
        if self.agent_way(local=local) == "relay":
            return _relay()
        return _amqp(await self.logins.for_agent(agent_id) if self.logins else self.url)

    async def broker_transport(self, broker_id: str, *, local: bool) -> Transport:
        """Return which way a broker takes, with its login; raises BUS_UNREACHABLE."""
        if self.logins is not None and (local or not on_this_machine(self.url)):
            return _amqp(await self.logins.for_broker(broker_id))
        return _amqp(self.url) if self.url and self.logins is None and local else _relay()

    async def close(self) -> None:
        """Disconnect; the embedded queue server writes what waits."""
        await self.bus.close()
        if self.management:
            await self.management.close()
        if self.embedded:
            await self.embedded.close()


def _amqp(url: str) -> Transport:
    return Transport(amqp=AmqpTransport(url=url))


def _relay() -> Transport:
    return Transport(relay=RelayTransport())


def on_this_machine(url: str) -> bool:
    """Tell whether an address is of this machine alone."""
    return (urlsplit(url).hostname or "") in LOOPBACK


async def open_queues(settings: ServerSettings) -> QueueSide:
    """Return the queue server that the settings name, with everything declared.

    Raises BUS_UNREACHABLE, INVALID_SETTING, or TOPOLOGY_MISMATCH when a queue exists with foreign arguments.
    """
    if settings.bus == "embedded":
        server = EmbeddedQueueServer(settings.data_dir / "queues.db")
        local = EmbeddedBus(server, SERVER_NAME)
        await local.declare(base_topology(DEFAULT_PARTITIONS))
        return QueueSide(local, server, "embedded", DEFAULT_PARTITIONS, embedded=server)
    return await _open_rabbitmq(settings, settings.bus)


async def _open_rabbitmq(settings: ServerSettings, url: str) -> QueueSide:
    from muster_messaging.amqp.bus import AmqpBus  # noqa: PLC0415 - pika is loaded only where it is used
    from muster_messaging.amqp.url import parse_url  # noqa: PLC0415

    topology = base_topology(DEFAULT_PARTITIONS)
    remote = await AmqpBus.open(url, name="muster server")
    management = None
    try:
        await remote.declare(topology)
        logins = None
        if settings.bus_api:
            management = Management(settings.bus_api, parse_url(url).vhost)
            await check(management, topology)
            logins = Logins(management, url, DEFAULT_PARTITIONS, load_key(settings.data_dir))
        else:
            log.warning("one RabbitMQ login for all", hint="Set MUSTER_BUS_API to RabbitMQ's management API.")
    except BaseException:
        await remote.close()
        if management:
            await management.close()
        raise
    frames = FrameAdapter(remote)
    wanted = settings.agent_transport
    return QueueSide(remote, frames, "rabbitmq", DEFAULT_PARTITIONS, url, wanted, management=management, logins=logins)
