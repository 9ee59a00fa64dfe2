"""The other end of a conversation with an agent: sends messages to its queue, reads what it publishes."""

import asyncio
import time
from collections import defaultdict
from typing import Any, Self

from muster_messaging.bus import Bus, Subscription
from muster_messaging.message import Message
from muster_messaging.topology import TO_AGENT, broker_input
from muster_shared_models.bodies import ChatBody, Turn
from muster_shared_models.ids import IdKind, new_id
from muster_shared_models.run_events import RunError, RunFinished, TextContent, TextEnd
from tests.agent.reading import events_in
from tests.agent.waiting import until

TERMINAL = (RunFinished, RunError)


class Talk:
    """Use as an async context manager over a bus whose queues exist."""

    def __init__(self, bus: Bus, agent_id: str, partitions: int = 4) -> None:
        self.bus = bus
        self.agent_id = agent_id
        self.partitions = partitions
        self.messages: list[Message] = []
        self.events: dict[str, list[Any]] = defaultdict(list)
        self._subscriptions: list[Subscription] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        for partition in range(self.partitions):
            subscription = await self.bus.subscribe(broker_input(partition), 1000)
            self._subscriptions.append(subscription)
            self._tasks.append(asyncio.create_task(self._read(subscription)))
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for subscription in self._subscriptions:
            await subscription.cancel()

    async def _read(self, subscription: Subscription) -> None:
        while True:
            for delivery in await subscription.next_batch():
                self.messages.append(delivery.message)
                for event in events_in(delivery.message):
                    self.events[event.run_id].append(event)
                subscription.ack((delivery.tag,))

    async def send(
        self, text: str, *, conversation: str = "cnv_1", message_id: str = "", run_id: str = "", expires_at_ms: int = 0,
        history: tuple[Turn, ...] = (), body: bytes | None = None, **fields: Any,
    ) -> str:  # fmt: skip
        """Put a message into the agent's queue; return the run's id."""
        run_id = run_id or new_id(IdKind.RUN)
        chat = ChatBody(text=text, run_id=run_id, sender_name="Ada", history=list(history))
        message = Message(
            id=message_id or new_id(IdKind.MESSAGE), type="chat.message",
            body=chat.model_dump_json().encode() if body is None else body,
            to=f"agent:{self.agent_id}", conversation=conversation, run=run_id, expires_at_ms=expires_at_ms,
        )._replace(**fields)  # fmt: skip
        await self.bus.publish(TO_AGENT, self.agent_id, message)
        return run_id

    def ends(self, run_id: str) -> list[RunFinished | RunError]:
        """Return the terminal events of a run that have come so far."""
        return [event for event in self.events[run_id] if isinstance(event, TERMINAL)]

    async def end(self, run_id: str, timeout_s: float = 15.0) -> RunFinished | RunError:
        """Return the run's terminal event once it has come."""
        return (await until(lambda: self.ends(run_id), timeout_s, f"end of {run_id}"))[0]

    async def answer(self, run_id: str, timeout_s: float = 15.0) -> str:
        """Return the run's final text."""
        await self.end(run_id, timeout_s)
        texts = [event.text for event in self.events[run_id] if isinstance(event, TextEnd)]
        return texts[-1] if texts else ""

    async def ask(self, text: str, **fields: Any) -> str:
        """Send and return the final text."""
        return await self.answer(await self.send(text, **fields))

    def drafts(self, run_id: str) -> list[str]:
        """Return the draft after each passing event, as a reader would hold it."""
        drafts, text = [], ""
        for event in self.events[run_id]:
            if isinstance(event, TextContent) and event.offset <= len(text):
                text = text[: event.offset] + event.delta if event.offset + len(event.delta) > len(text) else text
                drafts.append(text)
        return drafts

    def kinds(self, run_id: str) -> list[str]:
        """Return the kinds of a run's events, in order."""
        return [event.kind for event in self.events[run_id]]


def soon_ms(seconds: float) -> int:
    """Return a moment from now, in milliseconds since 1970."""
    return round((time.time() + seconds) * 1000)
