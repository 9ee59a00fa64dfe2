"""A puppet at work on the queues."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from muster_messaging.bus import Subscription
from muster_messaging.message import Delivery, Message
from muster_messaging.relay.client import RelayBus
from muster_shared_models.bodies import CHAT, ChatBody, MessageType
from muster_shared_models.run_events import RunEvent, RunFinished, RunStarted, TextEnd
from tests.server.puppet import Puppet, puppet
from tests.server.running import RunningServer, eventually

__all__ = ["Desk", "at_work"]


class Desk:
    """A puppet at work: takes messages, reports events."""

    def __init__(self, agent: Puppet, bus: RelayBus, inbox: Subscription) -> None:
        self.agent = agent
        self.bus = bus
        self.inbox = inbox
        self._ready: list[Delivery] = []

    async def take(self) -> tuple[Message, ChatBody]:
        delivery = await self._next()
        self.inbox.ack([delivery.tag])
        if delivery.message.type == MessageType.NOTICE.value:
            return await self.take()
        return delivery.message, CHAT.validate_json(delivery.message.body)

    async def reject(self) -> Message:
        delivery = await self._next()
        self.inbox.reject(delivery.tag)
        return delivery.message

    async def _next(self) -> Delivery:
        async with asyncio.timeout(20):
            while not self._ready:
                self._ready = await self.inbox.next_batch()
        return self._ready.pop(0)

    async def report(self, asked: Message, *events: RunEvent, message_id: str = "") -> None:
        await self.bus.publish(*self.agent.report(asked, *events, message_id=message_id))

    async def answer(self, asked: Message, text: str) -> None:
        run = asked.run
        said = TextEnd(run_id=run, message_id=f"msg_{run[4:]}", text=text)
        await self.report(asked, RunStarted(run_id=run), said, RunFinished(run_id=run))


@asynccontextmanager
async def at_work(server: RunningServer, folder: Path, name: str = "puppet", **more: Any) -> AsyncIterator[Desk]:
    token = await server.join_token()
    async with puppet(server.started.grpc_address, token, folder, name, **more) as agent, agent.beating() as again:
        bus = await agent.bus()
        inbox = await bus.subscribe(agent.registered.queue, 100)

        async def attached() -> bool:
            await again()
            return bool((await server.get(f"/api/v1/agents/{name}"))["presence"]["consumer"]["state"] == "holds")

        await eventually(attached)
        try:
            yield Desk(agent, bus, inbox)
        finally:
            await bus.close()
