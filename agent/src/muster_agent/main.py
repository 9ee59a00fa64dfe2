"""The only builder: makes the parts of an agent, runs them, and stops them in the right order."""

import asyncio
import gc
from dataclasses import dataclass

import structlog

from muster_agent.agent import Agent
from muster_agent.commands.reporter import Reporter
from muster_agent.commands.service import Commands
from muster_agent.commands.stream import CommandStream
from muster_agent.control.access import Access
from muster_agent.control.board import Board
from muster_agent.control.claims import Claims
from muster_agent.control.heartbeat import HeartbeatThread
from muster_agent.control.registration import Joiner
from muster_agent.control.state import StateFolder
from muster_agent.errors import BadSetting, JoinedAnew
from muster_agent.inbox import transport
from muster_agent.inbox.desk import Desk
from muster_agent.inbox.receiver import OpenBus, Receiver
from muster_agent.inbox.upkeep import Upkeep
from muster_agent.journal.commands import CommandRows
from muster_agent.journal.database import Journal
from muster_agent.journal.effects import Effects
from muster_agent.journal.messages import MessageRows
from muster_agent.log import set_up_logs
from muster_agent.machine import end_leftovers
from muster_agent.policy.store import policy_of
from muster_agent.pulse import Pulse
from muster_agent.runs.lease import Lease
from muster_agent.runs.publisher import Publisher
from muster_agent.runs.runner import Runner
from muster_agent.settings import AgentSettings, child_environment
from muster_agent.signals import stopping_signals
from muster_agent.tasks import cancel, first_error, for_ever, unless
from muster_agent.tools.registry import TOOL_NAMES, build_tools
from muster_agent.tools.toolbox import Toolbox
from muster_protos.v1.registration_pb2 import AgentDescription
from muster_protos.v1.status_pb2 import LIFECYCLE_DRAINING, LIFECYCLE_FAILED

__all__ = ["run_agent"]

log = structlog.get_logger()

Task = asyncio.Task[None]

#: Thresholds of the garbage collector: with Python's own (700, 10, 10) it takes a third of a busy agent's time.
GARBAGE = (20_000, 20, 50)

#: How long the last answers may wait for the queue server's confirm.
SETTLE_S = 5.0
#: Deliveries in hand for each slot: the next one is here when the one before it ends.
AHEAD = 2


async def run_agent(
    settings: AgentSettings,
    agent: Agent,
    *,
    stop: asyncio.Event | None = None,
    open_bus: OpenBus = transport.open_bus,
) -> None:
    """Run `agent` until `stop` is set, SIGINT or SIGTERM; raises MusterError when it cannot go on.

    A second signal cancels what is still at work, a third ends the process at once.
    """
    if agent.handler is None:
        raise BadSetting("The agent has no handler.", "Decorate a function with @agent.on_message.")
    agent.describe(settings, accepts_commands=True)  # a name that is not valid must not become a path
    set_up_logs(settings.log_level)
    _calm_garbage_collector()
    stop = stop or asyncio.Event()
    try:
        with stopping_signals(stop), StateFolder(settings.state_of(settings.name or agent.name)) as folder:
            while await _Life(settings, agent, folder, stop, open_bus).ended_anew():
                log.warning("the server knows this agent under another id now: beginning anew")
    finally:
        for close in agent.closers:
            await close()


@dataclass(frozen=True, slots=True)
class _Parts:
    """What an agent consists of while it is joined."""

    board: Board
    publisher: Publisher
    runner: Runner
    desk: Desk
    pulse: Pulse
    upkeep: Upkeep
    commands: Commands
    stream: CommandStream
    receiver: Receiver
    heartbeat: HeartbeatThread


class _Life:
    """From joining the server to leaving it."""

    def __init__(
        self, settings: AgentSettings, agent: Agent, folder: StateFolder, stop: asyncio.Event, open_bus: OpenBus
    ) -> None:
        self._settings = settings
        self._agent = agent
        self._folder = folder
        self._stop = stop
        self._open_bus = open_bus
        self._policy = policy_of(settings, agent.tools, TOOL_NAMES, folder.policy)
        self._journal = Journal(folder.journal)
        self._rows = MessageRows(self._journal)

    async def ended_anew(self) -> bool:
        """Live to the end; return whether another life is to follow."""
        try:
            await self._live()
        except JoinedAnew:
            return not self._stop.is_set()
        finally:
            await self._journal.close()
        return False

    async def _live(self) -> None:
        description = self._agent.describe(self._settings, accepts_commands=self._policy.takes_commands)
        joiner = Joiner(
            self._settings.server,
            self._settings.join.get_secret_value(),
            description,
            self._folder,
            lambda: [row.run_id for row in self._rows.unfinished()],
        )
        registration = await unless(self._stop, joiner.join())
        if registration is None:
            return
        access = Access(joiner, registration)
        self._journal.belongs_to(registration.agent_id)
        log.info("joined", server=access.address, agent=description.name, id=registration.agent_id)
        try:
            await self._work(access, description)
        except BaseExceptionGroup as group:
            raise first_error(group) from None
        finally:
            await access.close()

    async def _work(self, access: Access, description: AgentDescription) -> None:
        parts = self._build(access, Board(slots=description.slots))
        await asyncio.to_thread(end_leftovers, parts.desk.in_doubt())
        parts.desk.resume()
        parts.commands.resume()
        parts.heartbeat.start()
        work = (
            access.keep_fresh(),
            parts.pulse.run(),
            parts.upkeep.run(),
            self._journal.failed,
            parts.heartbeat.failed,
        )
        try:
            async with asyncio.TaskGroup() as group:
                receiving = group.create_task(parts.receiver.run())
                instructed = group.create_task(parts.stream.run())
                others = [group.create_task(for_ever(forever)) for forever in work]
                await self._stop.wait()
                await self._stop_in_order(parts, receiving, instructed)
                for task in others:
                    task.cancel()
        except Exception:  # whatever it is, the server is told with the last heartbeat that it was no orderly end
            parts.board.lifecycle = LIFECYCLE_FAILED
            raise
        finally:
            # 4. Also after a failure: end what is left, leave the bus, then say goodbye to the server.
            await asyncio.gather(parts.runner.drain(0), parts.commands.close())
            parts.publisher.close()
            await parts.receiver.close()
            await parts.heartbeat.stop()

    async def _stop_in_order(self, parts: "_Parts", receiving: Task, instructed: Task) -> None:
        """Each step needs what is stopped after it; the fourth is in `_work`."""
        # 1. Say so, and take no more messages and instructions.
        parts.board.lifecycle = LIFECYCLE_DRAINING
        parts.board.news.set()
        await cancel(receiving)
        await cancel(instructed)
        await parts.receiver.stop()
        # 2. Let runs end, then cancel what is left: it comes again at the next start. End programs.
        await asyncio.gather(parts.runner.drain(self._settings.grace_s), parts.commands.close())
        # 3. Bring the answers onto the bus.
        await parts.publisher.all_settled(SETTLE_S)
        parts.upkeep.note_confirmed()

    def _build(self, access: Access, board: Board) -> "_Parts":
        assert self._agent.handler is not None
        effects = Effects(self._journal)
        publisher = Publisher(self._rows, access.registration.partitions, access.registration.agent_id)
        tools = Toolbox(build_tools(self._settings, self._folder.path), self._policy)
        pulse = Pulse()
        lease = Lease(board, pulse, Claims(access))
        runner = Runner(self._agent.handler, board.slots, publisher, effects, board, tools, lease)
        desk = Desk(self._rows, effects, publisher, runner)
        publisher.settled = runner.dropped = desk.settled
        commands = self._build_commands(access, board)
        prefetch = AHEAD * board.slots
        receiver = Receiver(access, desk, publisher, prefetch, self._open_bus)
        receiver.changed = board.news.set
        board.notes, board.unacked = desk.notes, desk.unacknowledged
        board.consumer_attached = lambda: receiver.attached
        return _Parts(
            board=board,
            publisher=publisher,
            runner=runner,
            desk=desk,
            pulse=pulse,
            upkeep=Upkeep(desk, runner, self._rows, board, prefetch, self._settings.run_timeout_s),
            commands=commands,
            stream=CommandStream(access, commands, board, runner.stop),
            receiver=receiver,
            heartbeat=HeartbeatThread(access, board, runner.stop_known),
        )

    def _build_commands(self, access: Access, board: Board) -> Commands:
        settings = self._settings
        rows = CommandRows(self._journal)
        policy = self._policy
        return Commands(
            rows,
            Reporter(access, rows),
            board,
            agent_id=access.registration.agent_id,
            workdir=settings.workdir.resolve(),
            environment=lambda: child_environment(settings.pass_environment, {}),
            refuses=lambda program: policy.refuses_command(program.argv, program.shell),
        )


def _calm_garbage_collector() -> None:
    """Spare it what lives as long as the process: each message makes objects that go by themselves, hardly a cycle."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE)
