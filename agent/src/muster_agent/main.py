"""The only builder: makes the parts of an agent, runs them, and stops them in the right order."""

import asyncio
import gc
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, TypeVar

import structlog

from muster_agent.agent import Agent
from muster_agent.commands.reporter import Reporter
from muster_agent.commands.service import Commands
from muster_agent.commands.stream import CommandStream
from muster_agent.control.access import Access
from muster_agent.control.board import Board
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
from muster_agent.policy.core import Policy
from muster_agent.policy.store import load_policy
from muster_agent.runs.publisher import Publisher
from muster_agent.runs.runner import Runner
from muster_agent.settings import AgentSettings, child_environment
from muster_agent.signals import stopping_signals
from muster_agent.tools.registry import TOOL_NAMES, build_tools
from muster_agent.tools.toolbox import Toolbox
from muster_protos.v1.registration_pb2 import AgentDescription
from muster_protos.v1.status_pb2 import LIFECYCLE_DRAINING
from muster_shared_models.problems import MusterError

__all__ = ["policy_of", "run_agent"]

log = structlog.get_logger()

T = TypeVar("T")

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
    set_up_logs(settings.log_level)
    _calm_garbage_collector()
    stop = stop or asyncio.Event()
    with stopping_signals(stop), StateFolder(settings.state_of(settings.name or agent.name)) as folder:
        while not stop.is_set():
            life = _Life(settings, agent, folder, stop, open_bus)
            try:
                await life.live()
            except JoinedAnew as error:
                log.warning("beginning anew", why=error.detail)
            else:
                return
            finally:
                await life.journal.close()
                for close in agent.closers:
                    await close()


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
        self._policy = policy_of(settings, agent, folder)
        self.journal = Journal(folder.journal)
        self._rows = MessageRows(self.journal)

    async def live(self) -> None:
        description = self._agent.describe(self._settings, accepts_commands=self._policy.takes_commands)
        joiner = Joiner(
            self._settings.server,
            self._settings.join.get_secret_value(),
            description,
            self._folder,
            lambda: [row.run_id for row in self._rows.unfinished()],
        )
        registration = await _unless(self._stop, joiner.join())
        if registration is None:
            return
        access = Access(joiner, registration)
        self.journal.belongs_to(registration.agent_id)
        log.info("joined", server=access.address, agent=description.name, id=registration.agent_id)
        try:
            await self._work(access, description)
        except BaseExceptionGroup as group:
            raise _first(group) from None
        finally:
            await access.close()

    async def _work(self, access: Access, description: AgentDescription) -> None:
        board = Board(slots=description.slots)
        desk, runner, publisher, upkeep = self._build_desk(access, board)
        commands = self._build_commands(access, board)
        receiver = Receiver(access, desk, publisher, AHEAD * description.slots, self._open_bus)
        heartbeat = HeartbeatThread(access, board, runner.stop_known)
        stream = CommandStream(access, commands, board, runner.stop)
        board.notes, board.unacked = desk.notes, desk.unacknowledged
        board.consumer_attached = lambda: receiver.attached
        receiver.changed = board.news.set
        heartbeat.start()
        try:
            async with asyncio.TaskGroup() as group:
                receiving = group.create_task(receiver.run())
                instructed = group.create_task(stream.run())
                others = [
                    group.create_task(_for_ever(forever))
                    for forever in (access.keep_fresh(), upkeep.run(), self.journal.failed, heartbeat.failed)
                ]
                await asyncio.to_thread(end_leftovers, desk.in_doubt())
                desk.resume()
                commands.resume()
                await self._stop.wait()
                # The stop order. Each step needs what is stopped after it.
                # 1. Say so, and take no more messages and instructions.
                board.lifecycle = LIFECYCLE_DRAINING
                board.news.set()
                await _cancel(receiving)
                await _cancel(instructed)
                await receiver.stop()
                # 2. Let runs end, then cancel what is left: it comes again at the next start. End programs.
                await asyncio.gather(runner.drain(self._settings.grace_s), commands.close())
                # 3. Bring the answers onto the bus.
                await publisher.all_settled(SETTLE_S)
                upkeep.note_confirmed()
                for task in others:
                    task.cancel()
        finally:
            # 4. Also after a failure: end what is left, leave the bus, then say goodbye to the server.
            await asyncio.gather(runner.drain(0), commands.close())
            publisher.close()
            await receiver.close()
            await heartbeat.stop()

    def _build_desk(self, access: Access, board: Board) -> tuple[Desk, Runner, Publisher, Upkeep]:
        assert self._agent.handler is not None
        effects = Effects(self.journal)
        publisher = Publisher(self._rows, access.registration.partitions)
        tools = Toolbox(build_tools(self._settings, self._folder.path), self._policy)
        runner = Runner(self._agent.handler, board.slots, publisher, effects, board, tools)
        desk = Desk(self._rows, effects, publisher, runner)
        publisher.settled = desk.settled
        return desk, runner, publisher, Upkeep(desk, runner, self._rows, self._settings.run_timeout_s)

    def _build_commands(self, access: Access, board: Board) -> Commands:
        settings = self._settings
        rows = CommandRows(self.journal)
        policy = self._policy
        return Commands(
            rows,
            Reporter(access, rows),
            board,
            workdir=settings.workdir.resolve(),
            environment=lambda: child_environment(settings.pass_environment, {}),
            refuses=lambda program: policy.refuses_command(program.argv, program.shell),
        )


def policy_of(settings: AgentSettings, agent: Agent, folder: StateFolder) -> Policy:
    """Return what the agent's code asks for, changed by the policy file; what the settings refuse stays refused."""
    unknown = set(agent.tools) - set(TOOL_NAMES)
    if unknown:
        raise BadSetting(f"There is no tool '{min(unknown)}'.", f"There are: {', '.join(TOOL_NAMES)}.")
    wanted = Policy(settings.commands, dict.fromkeys(agent.tools, "allow"))
    policy = load_policy(settings.policy or folder.policy, wanted, TOOL_NAMES, must_exist=settings.policy is not None)
    return replace(policy, commands="refuse") if settings.commands == "refuse" else policy


def _calm_garbage_collector() -> None:
    """Spare it what lives as long as the process: each message makes objects that go by themselves, hardly a cycle."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE)


async def _unless(stop: asyncio.Event, coming: Coroutine[Any, Any, T]) -> T | None:
    """Return what comes, or None when `stop` is set before."""
    task = asyncio.ensure_future(coming)
    stopped = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped.cancel()
        if not task.done():
            await _cancel(task)
    return None if task.cancelled() else task.result()


async def _cancel(task: "asyncio.Future[Any]") -> None:
    """Cancel and wait until it has ended: channels are closed only when nobody reads from them."""
    task.cancel()
    await asyncio.wait({task})


async def _for_ever(work: Any) -> None:
    await work


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the error to tell: the first that we can explain."""
    for error in group.exceptions:
        if isinstance(error, MusterError):
            return error
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
