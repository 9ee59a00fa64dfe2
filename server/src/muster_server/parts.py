"""The parts of a server, made and handed to each other. No part is made anywhere else."""

import secrets
from dataclasses import dataclass

from muster_messaging.errors import BusError
from muster_messaging.message import Message
from muster_server.access.enrolment import Enrolment
from muster_server.access.service import Access
from muster_server.agents.directory import Directory
from muster_server.agents.hearing import Hearing
from muster_server.agents.registry import Registry
from muster_server.agents.service import Agents
from muster_server.brokers.service import Brokers
from muster_server.clock import Clock, system_clock
from muster_server.commands.feed import CommandFeed
from muster_server.commands.following import CommandStreams
from muster_server.commands.progress import Progress
from muster_server.commands.service import Commands
from muster_server.conversations.drafts import Drafts
from muster_server.conversations.following import ConversationStreams
from muster_server.conversations.receiving import Receiver
from muster_server.conversations.sending import Sender
from muster_server.conversations.service import Conversations
from muster_server.edge.hub import Hub, ListStream
from muster_server.flow.inbox import Inbox
from muster_server.flow.outbox import Outbox
from muster_server.queues.service import QueueSide
from muster_server.settings import ServerSettings
from muster_server.store.store import Store
from muster_server.work import WorkReports
from muster_shared_models.bodies import MessageType
from muster_shared_models.streams import CommandsSnapshot, ConversationsSnapshot, FleetSnapshot

__all__ = ["Parts", "make_parts"]


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that lives as long as the server."""

    settings: ServerSettings
    clock: Clock
    boot: str
    started_at: int
    store: Store
    queues: QueueSide
    access: Access
    hub: Hub
    agents: Agents
    hearing: Hearing
    brokers: Brokers
    outbox: Outbox
    inbox: Inbox
    sender: Sender
    conversations: Conversations
    conversation_streams: ConversationStreams
    commands: Commands
    progress: Progress
    command_streams: CommandStreams

    async def load(self) -> None:
        """Know what the database knows, then publish what an earlier process left."""
        await self.agents.load()
        await self.brokers.load()
        await self.conversations.load()
        await self.commands.load()
        await self.outbox.recover()

    async def tick(self) -> None:
        """Four times a second: what browsers have not been told yet."""
        self.hearing.tick()
        await self.conversations.tick()

    async def sweep(self) -> None:
        """Every few seconds: deadlines, and what is written down late."""
        await self.conversations.sweep()
        await self.commands.sweep()
        await self.hearing.write_heard()
        await self.access.sweep()


def make_parts(settings: ServerSettings, store: Store, queues: QueueSide, epoch: str) -> Parts:
    """Make the parts; `epoch` is the database's."""
    clock = system_clock()
    boot = secrets.token_hex(8)
    hub = Hub()
    fleet, talks, orders = (ListStream(hub, name, boot, clock) for name in ("fleet", "conversations", "commands"))
    access = Access(store, clock)
    enrolment = Enrolment(access)
    registry = Registry(settings.heartbeat_interval_ms)
    hearing = Hearing(store, clock, registry, fleet.announce)
    agents = Agents(store, clock, registry, hearing, enrolment, queues)
    directory = Directory(registry)
    outbox = Outbox(store, queues.bus, clock)

    feed = CommandFeed()
    progress = Progress(store, clock, hub, orders.announce)
    commands = Commands(store, clock, directory, feed, progress)

    changed: dict[str, None] = {}
    drafts = Drafts()
    work = WorkReports(hearing, commands)
    receiver = Receiver(store, clock, directory, work, hub, drafts, changed)
    sender = Sender(store, clock, directory, outbox, hub, queues.partitions, changed)
    conversations = Conversations(store, clock, directory, work, receiver, changed, talks.announce)
    inbox = Inbox(
        queues.bus,
        {MessageType.RUN_EVENTS.value: receiver.take_run_events, MessageType.NOTICE.value: receiver.take_notice},
    )

    def undeliverable(message: Message, error: BusError) -> None:
        conversations.undeliverable(message.run, error)

    outbox.tells(undeliverable)
    conversation_streams = ConversationStreams(store, epoch, drafts)
    command_streams = CommandStreams(store, epoch)
    hub.serve("conversation", conversation_streams)
    hub.serve("command", command_streams)
    fleet.shows(lambda: FleetSnapshot(agents=agents.views()))
    talks.shows(lambda: ConversationsSnapshot(conversations=conversations.latest()))
    orders.shows(lambda: CommandsSnapshot(commands=progress.latest()))
    return Parts(
        settings=settings,
        clock=clock,
        boot=boot,
        started_at=clock(),
        store=store,
        queues=queues,
        access=access,
        hub=hub,
        agents=agents,
        hearing=hearing,
        brokers=Brokers(store, clock, enrolment, queues.partitions),
        outbox=outbox,
        inbox=inbox,
        sender=sender,
        conversations=conversations,
        conversation_streams=conversation_streams,
        commands=commands,
        progress=progress,
        command_streams=command_streams,
    )
