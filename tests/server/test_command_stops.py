"""A command that is shown as withdrawn was never sent to its agent; one that was sent is stopped there."""

import asyncio
from typing import Any

import pytest

from muster_protos.v1.commands_pb2 import Instruction
from muster_server.access.core import Principal, Role
from muster_server.agents import store as agents
from muster_server.agents.store import AgentRow
from muster_server.commands import core
from muster_server.commands.core import Result, Target
from muster_server.commands.feed import CommandFeed, Feed
from muster_server.commands.progress import Progress
from muster_server.commands.service import Commands
from muster_server.store.store import Store
from muster_server.store.transaction import Transaction
from muster_shared_models.agents import AgentDescription
from muster_shared_models.commands import CommandView, PushCommand, TargetState, TargetView
from muster_shared_models.problems import MusterError, Reason

ADA = Principal(id="usr_1", name="Ada", role=Role.ADMIN)
AGENT = "agt_1"
STOPPED = Result(TargetState.STOPPED, -15, 10, "", 1, 1, 1)


class Nearby:
    """Browsers that follow nothing, and a fleet of one."""

    gone = False

    def command_targets(self, _address: Any) -> list[tuple[str, str]]:
        if self.gone:
            raise MusterError(Reason.AGENT_NOT_FOUND, "gone")
        return [(AGENT, "one")]

    def followed(self, _stream: str) -> bool:
        return False


class Slow:
    """A database whose answers to readers can be held back, and which may refuse to write."""

    def __init__(self, db: Store) -> None:
        self._db, self.busy = db, False
        self.goes_on = asyncio.Event()
        self.goes_on.set()
        self.held = asyncio.Event()

    async def read(self, unit: Any) -> Any:
        read = await self._db.read(unit)
        if not self.goes_on.is_set():
            self.held.set()
            await self.goes_on.wait()
        return read

    def write(self, unit: Any) -> Any:
        if self.busy:
            refused = asyncio.get_running_loop().create_future()
            refused.set_exception(MusterError(Reason.DATABASE_BUSY, "busy"))
            return refused
        return self._db.write(unit)


class Desk:
    """Where operators push and stop; `now` is the time."""

    def __init__(self, store: Store) -> None:
        near: Any = Nearby()
        self.near = near
        self.db: Any = Slow(store)
        self.now = 1_000
        self.progress = Progress(self.db, self.clock, near, lambda _: None)
        self.feeds = CommandFeed()
        self.commands = Commands(self.db, self.clock, near, self.feeds, self.progress, lambda *_: [])

    def clock(self) -> int:
        return self.now

    async def push(self, **more: Any) -> CommandView:
        return await self.commands.push(ADA, f"key {self.now}", PushCommand(to="agent:one", shell="deploy", **more))

    async def stop(self, pushed: CommandView, *, kill: bool = False) -> None:
        await self.commands.stop(ADA, pushed.id, "", kill=kill)

    async def target(self, pushed: CommandView) -> TargetView:
        return (await self.commands.get(pushed.id)).targets[0]


@pytest.fixture
def desk(store: Store) -> Desk:
    return Desk(store)


async def told(feed: Feed) -> list[str]:
    """Return what an agent is told until its stream ends."""
    feed.end()
    said: list[str] = []
    while (instruction := await feed.next()) is not None:
        said.append(str(Instruction.WhichOneof(instruction, "what")))
    return said


async def test_what_is_withdrawn_while_its_agent_comes_is_not_sent(desk: Desk) -> None:
    pushed = await desk.push()
    desk.db.goes_on.clear()
    opening = asyncio.create_task(desk.commands.open_feed(AGENT, []))
    await desk.db.held.wait()  # what the agent will be told has been read
    withdrawn = desk.progress.request_stop(pushed.id, AGENT, "Ada")
    desk.db.goes_on.set()
    assert (await withdrawn).state is TargetState.EXPIRED
    assert await told(await opening) == []
    assert (await desk.target(pushed)).detail == "Withdrawn by Ada."


async def test_a_stop_right_behind_the_push_reaches_the_agent(desk: Desk) -> None:
    feed = await desk.commands.open_feed(AGENT, [])
    pushed = await desk.push()
    await desk.stop(pushed)
    target = await desk.target(pushed)
    assert (target.state, target.stop_requested_by) == (TargetState.DELIVERED, "Ada")
    assert await told(feed) == ["run_program", "stop_command"]
    await desk.progress.finished(pushed.id, AGENT, STOPPED)
    assert (await desk.target(pushed)).state is TargetState.STOPPED


@pytest.mark.parametrize("stop_first", [True, False])
async def test_whoever_comes_first_a_withdrawn_command_was_not_sent(desk: Desk, *, stop_first: bool) -> None:
    pushed = await desk.push()
    both: Any = [desk.stop(pushed), desk.commands.open_feed(AGENT, [])]
    done = await asyncio.gather(*(both if stop_first else both[::-1]))
    feed = done[1 if stop_first else 0]
    withdrawn = (await desk.target(pushed)).state is TargetState.EXPIRED
    assert await told(feed) == ([] if withdrawn else ["run_program", "stop_command"])


async def test_a_stream_ends_when_it_cannot_be_written_down_what_it_was_sent(desk: Desk) -> None:
    await desk.push()
    desk.db.busy = True
    with pytest.raises(MusterError):
        await desk.commands.open_feed(AGENT, [])
    assert desk.feeds.of(AGENT) is None
    desk.db.busy = False
    assert await told(await desk.commands.open_feed(AGENT, [])) == ["run_program"]


@pytest.mark.parametrize("state", [TargetState.DELIVERED, TargetState.RUNNING])
def test_only_what_was_never_sent_expires(state: TargetState) -> None:
    sent = Target("cmd_1", AGENT, "one", state)
    assert core.expired(sent, "late", 5) == sent
    assert core.stop_requested(sent, "Ada", 5).stop_requested_at == 5
    assert core.stop_requested(Target("cmd_1", AGENT, "one"), "Ada", 5).state is TargetState.EXPIRED


async def test_a_command_that_was_accepted_is_answered_as_before(desk: Desk) -> None:
    pushed = await desk.push()
    desk.near.gone = True
    assert await desk.push() == pushed
    with pytest.raises(MusterError, match="used for another"):
        await desk.push(timeout_s=5)
    desk.now += 1
    with pytest.raises(MusterError, match="gone"):
        await desk.push()


# ---- agents that do not come back

HOUR, DAY = 3_600_000, 86_400_000


async def join(store: Store, heard: int = 0, retired: int = 0) -> None:
    row = AgentRow(AGENT, b"", AgentDescription(name="one"), 1, heard)

    def unit(tx: Transaction) -> None:
        if not agents.all_agents(tx):
            agents.add(tx, row)
        agents.note_heard(tx, {AGENT: heard})
        if retired:
            agents.retire(tx, AGENT, retired)

    await store.write(unit)


async def delivered(desk: Desk, *, running: bool) -> CommandView:
    pushed = await desk.push(expires_s=60, timeout_s=7200)
    feed = await desk.commands.open_feed(AGENT, [])
    if running:
        await desk.progress.started(pushed.id, AGENT, 42)
    desk.commands.close_feed(AGENT, feed)
    return pushed


@pytest.mark.parametrize("running", [True, False])
async def test_a_command_ends_when_its_agent_is_not_heard_for_a_day_after_its_time(
    desk: Desk, store: Store, *, running: bool
) -> None:
    await join(store, heard=desk.now)
    pushed = await delivered(desk, running=running)
    for later in (DAY, HOUR):
        desk.now += later
        await desk.commands.sweep()
        assert not (await desk.target(pushed)).ended_at
    desk.now += 2 * HOUR
    await desk.commands.sweep()
    target = await desk.target(pushed)
    assert (target.state, target.reason) == (TargetState.INTERRUPTED, Reason.INTERRUPTED)
    await desk.progress.finished(pushed.id, AGENT, STOPPED)  # too late
    assert (await desk.target(pushed)).state is TargetState.INTERRUPTED


@pytest.mark.parametrize("why", ["heard", "connected", "the server was away itself"])
async def test_an_agent_that_may_still_say_how_it_ended_is_waited_for(desk: Desk, store: Store, why: str) -> None:
    pushed = await delivered(desk, running=True)
    desk.now += 10 * DAY
    await join(store, heard=desk.now - HOUR if why == "heard" else 1)
    if why == "connected":
        await desk.commands.open_feed(AGENT, [pushed.id])
    if why == "the server was away itself":
        desk.commands._since = desk.now
    await desk.commands.sweep()
    assert not (await desk.target(pushed)).ended_at


@pytest.mark.parametrize(
    ("sent", "state"), [(False, TargetState.EXPIRED), (True, TargetState.INTERRUPTED)], ids=["stored", "delivered"]
)
async def test_what_a_retired_agent_has_not_ended_ends(
    desk: Desk, store: Store, state: TargetState, *, sent: bool
) -> None:
    pushed = await (delivered(desk, running=False) if sent else desk.push())
    await join(store, heard=desk.now, retired=desk.now)
    await desk.commands.sweep()
    assert (await desk.target(pushed)).state is state
