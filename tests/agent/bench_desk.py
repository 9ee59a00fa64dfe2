"""A desk over a bus in memory: messages in, published answers out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from muster_agent.agent import Agent
from muster_agent.control.board import Board
from muster_agent.inbox.desk import Desk
from muster_agent.inbox.upkeep import Upkeep
from muster_agent.journal.database import Journal
from muster_agent.journal.effects import Effects
from muster_agent.journal.messages import MessageRows
from muster_agent.policy.core import Policy
from muster_agent.pulse import Pulse
from muster_agent.runs.lease import Lease
from muster_agent.runs.publisher import Publisher
from muster_agent.runs.runner import Runner
from muster_agent.tools.contract import Tool
from muster_agent.tools.toolbox import Toolbox
from muster_messaging.message import Message
from muster_shared_models.bodies import ChatBody
from muster_shared_models.ids import IdKind, new_id
from muster_shared_models.run_events import RunEvent
from tests.agent.fake_bus import FakeBus, FakeSubscription
from tests.agent.reading import events_in
from tests.agent.waiting import until


def chat(text: str, *, conversation: str = "cnv_1", **fields: Any) -> Message:
    """Return a chat message for an agent."""
    run_id = fields.pop("run", "") or new_id(IdKind.RUN)
    body = ChatBody(text=text, run_id=run_id, sender_name="Ada").model_dump_json().encode()
    message = Message(
        id=new_id(IdKind.MESSAGE), type="chat.message", body=body, to="agent:a", conversation=conversation, run=run_id
    )
    return message._replace(**fields)


class Bench:
    """The parts, wired as `main` wires them, without a server."""

    def __init__(
        self, folder: Path, agent: Agent, *, slots: int, tools: list[Tool[Any]], run_timeout_s: float,
        prefetch: int = 1000,
    ) -> None:  # fmt: skip
        assert agent.handler is not None
        self.journal = Journal(folder / "journal.db")
        self.rows = MessageRows(self.journal)
        self.effects = effects = Effects(self.journal)
        self.board = Board(slots=slots)
        self.board.heard_at = float("inf")
        self.publisher = Publisher(self.rows, 4, "agt_bench")
        policy = Policy(tools={tool.spec.name: "allow" for tool in tools})
        #: What the server says to claims: by run, True when a test has not said otherwise; None: no answer yet.
        self.claims: dict[str, bool | None] = {}
        self.claimed: list[str] = []
        toolbox = Toolbox(tools, policy)
        #: Move it on by more than a moment, and the process has stood still.
        self.clock = 0.0
        lease = Lease(self.board, Pulse(lambda: self.clock), self._claim)
        self.runner = Runner(agent.handler, slots, self.publisher, effects, self.board, toolbox, lease)
        self.desk = Desk(self.rows, effects, self.publisher, self.runner)
        self.publisher.settled = self.runner.dropped = self.desk.settled
        self.board.consumer_attached = lambda: True
        self.upkeep = Upkeep(self.desk, self.runner, self.rows, self.board, prefetch, run_timeout_s)
        self.bus = FakeBus()
        self.subscription = FakeSubscription()
        self.publisher.attach(self.bus)

    async def _claim(self, run_id: str) -> bool:
        self.claimed.append(run_id)
        await until(lambda: self.claims.get(run_id, True) is not None)
        return bool(self.claims.get(run_id, True))

    def take(self, *messages: Message) -> list[int]:
        """Deliver; return the tags."""
        tags = [self.subscription.deliver(message) for message in messages]
        batch = [self.subscription.queue.get_nowait() for _ in messages]
        self.desk.take(self.subscription, batch)
        return tags

    def events(self, run_id: str) -> list[RunEvent]:
        """Return the events of a run that are durable on the bus."""
        return [event for message in self.bus.published for event in events_in(message) if event.run_id == run_id]

    def kinds(self, run_id: str) -> list[str]:
        """Return their kinds."""
        return [event.kind for event in self.events(run_id)]

    async def end(self, message: Message) -> RunEvent:
        """Return the last event of the run that answers this message, once it is there."""

        def ended() -> list[RunEvent]:
            return [one for one in self.events(message.run) if one.kind in ("RUN_FINISHED", "RUN_ERROR")]

        return (await until(ended, what=f"the end of {message.run}"))[0]

    async def close(self) -> None:
        """End everything."""
        await self.runner.drain(0)
        self.publisher.close()
        await self.journal.close()


@asynccontextmanager
async def bench(
    folder: Path, handler: Any, *, slots: int = 4, tools: list[Tool[Any]] | None = None, run_timeout_s: float = 1800,
    clean: bool = True, prefetch: int = 1000,
) -> AsyncIterator[Bench]:  # fmt: skip
    """Yield a bench whose agent answers with `handler`; with `clean=False` it is left as a crash leaves it."""
    agent = Agent("bench")
    agent.on_message(handler)
    made = Bench(folder, agent, slots=slots, tools=tools or [], run_timeout_s=run_timeout_s, prefetch=prefetch)
    upkeep = asyncio.create_task(made.upkeep.run())
    try:
        yield made
    finally:
        upkeep.cancel()
        if clean:
            await made.close()
        else:
            made.publisher.detach()
            await made.runner.drain(0)
            await made.journal.close()
