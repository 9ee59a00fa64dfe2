"""The parts of a server, made and handed to each other. No part is made anywhere else."""

import secrets

from muster_messaging.topology import base_topology
from muster_server.access.enrolment import Enrolment
from muster_server.access.service import Access
from muster_server.agents.directory import Directory
from muster_server.agents.hearing import Hearing
from muster_server.agents.quarantine import Quarantines
from muster_server.agents.registry import Registry
from muster_server.agents.service import Agents
from muster_server.brokers.service import Brokers
from muster_server.clock import system_clock
from muster_server.commands.feed import CommandFeed
from muster_server.commands.following import CommandStreams
from muster_server.commands.progress import Progress
from muster_server.commands.service import Commands
from muster_server.conversations.claiming import Claims, ended_runs, runs_to_stop
from muster_server.conversations.drafts import Drafts
from muster_server.conversations.dying import RunEnds
from muster_server.conversations.following import ConversationStreams
from muster_server.conversations.noticing import Notices
from muster_server.conversations.passing import Passing
from muster_server.conversations.receiving import Receiver
from muster_server.conversations.sending import Sender
from muster_server.conversations.service import Conversations
from muster_server.conversations.waiting import Waiting
from muster_server.deadletters.collecting import Collector
from muster_server.deadletters.service import DeadLetters
from muster_server.edge.hub import Hub, ListStream
from muster_server.edge.streams import OpenStreams
from muster_server.flow.doubles import Doubles
from muster_server.flow.inbox import Handler, Inbox
from muster_server.flow.outbox import Outbox
from muster_server.queues.healing import Healing
from muster_server.queues.service import QueueSide
from muster_server.queues.watching import QueueWatch
from muster_server.settings import ServerSettings
from muster_server.store.store import Store
from muster_server.work import WorkReports
from muster_shared_models.bodies import MessageType
from muster_shared_models.streams import CommandsSnapshot, ConversationsSnapshot, FleetSnapshot

__all__ = ["Parts"]


class Parts:
    """Everything that lives as long as the server; `epoch` is the database's."""

    def __init__(self, settings: ServerSettings, store: Store, queues: QueueSide, epoch: str) -> None:
        self.settings, self.store, self.queues = settings, store, queues
        self.clock = clock = system_clock()
        self.started_at, self.boot = clock(), secrets.token_hex(8)
        hub, streams = self.hub, self.streams = Hub(), OpenStreams()
        fleet, talks, orders = (
            ListStream(hub, name, self.boot, clock) for name in ("fleet", "conversations", "commands")
        )
        self.access = Access(store, clock)
        enrolment = Enrolment(self.access)
        registry = Registry(settings.heartbeat_interval_ms)
        self.hearing = Hearing(store, clock, registry, fleet.announce, ended_runs)
        self.quarantines = Quarantines(store, clock, registry, self.hearing, queues, streams)
        self.agents = Agents(store, clock, registry, self.hearing, enrolment, queues, streams)
        self.brokers = Brokers(store, clock, enrolment, queues.partitions)
        directory = Directory(registry, clock)
        self.outbox = Outbox(store, queues.bus, clock)

        self.progress = Progress(store, clock, hub, orders.announce)
        self.commands = Commands(store, clock, directory, CommandFeed(), self.progress, runs_to_stop)

        changed, drafts = dict[str, None](), Drafts()
        self.waiting = waiting = Waiting(store)
        work = WorkReports(self.hearing, self.commands)
        passing = Passing(store, hub, drafts, self.quarantines)
        receiver = Receiver(store, clock, directory, work, hub, passing, changed, waiting, conduct=self.quarantines)
        self.claims = Claims(store, clock, receiver, waiting)
        notices = Notices(store, clock, directory, receiver)
        self.sender = Sender(store, clock, directory, self.outbox, hub, queues.partitions, changed, waiting)
        self.conversations = Conversations(store, clock, directory, work, receiver, changed, talks.announce)
        self.inbox = Inbox(queues.bus, _handlers(receiver, passing, notices))
        ends = RunEnds(clock, receiver)
        self.dead_letters = letters = DeadLetters(store, clock, self.outbox, ends, queues.partitions)
        self.collector = Collector(queues.bus, store, clock, queues.partitions, ends)
        told = (self.agents.names, letters.waiting_by_queue, queues.figures)
        self.queue_watch = QueueWatch(queues.bus, clock, queues.partitions, *told)
        self.healing = Healing(queues.bus, base_topology(queues.partitions))

        self.conversation_streams = ConversationStreams(store, epoch, drafts)
        self.command_streams, self.doubles = CommandStreams(store, epoch), Doubles(store, clock)
        self._connect(fleet, talks, orders)

    def _connect(self, fleet: ListStream, talks: ListStream, orders: ListStream) -> None:
        self.outbox.tells(self.collector.keep)
        self.hub.serve("conversation", self.conversation_streams)
        self.hub.serve("command", self.command_streams)
        fleet.shows(lambda: FleetSnapshot(agents=self.agents.views()))
        talks.shows(lambda: ConversationsSnapshot(conversations=self.conversations.latest()))
        orders.shows(lambda: CommandsSnapshot(commands=self.progress.latest()))

    async def load(self) -> None:
        """Know what the database knows, then publish what an earlier process left."""
        await self.agents.load()
        self.quarantines.load()
        await self.brokers.load()
        if self.queues.logins:
            await self.queues.logins.restore(self.quarantines.at_large(), self.brokers.ids())
        await self.conversations.load()
        await self.waiting.load()
        await self.commands.load()
        await self.outbox.recover()

    async def tick(self) -> None:
        """Four times a second: what browsers have not been told yet, and agents of runs that have ended."""
        self.hearing.tick()
        await self.conversations.tick()
        for agent_id, run_id in await self.hearing.look_up():
            self.commands.stop_run(agent_id, run_id)

    async def sweep(self) -> None:
        """Every few seconds: deadlines, and what is written down late."""
        await self.conversations.sweep()
        await self.commands.sweep()
        await self.hearing.write_heard()
        await self.quarantines.sweep()
        await self.access.sweep()
        await self.doubles.sweep()
        await self.dead_letters.sweep()


def _handlers(receiver: Receiver, passing: Passing, notices: Notices) -> dict[str, Handler]:
    """Return who takes which messages off the bus."""
    return {
        MessageType.RUN_EVENTS.value: receiver.take_run_events,
        MessageType.RUN_PIECES.value: passing.take,
        MessageType.NOTICE.value: notices.take,
    }
