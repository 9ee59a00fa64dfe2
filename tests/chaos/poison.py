"""R12: messages that nobody can take, among good ones: each is put aside with its reason, or answered; no good one is.

A registered agent sends them, as any agent could: through the broker to the server, and to the bench's agent.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, NamedTuple

from muster_messaging.frames import decode
from muster_messaging.message import Message
from muster_messaging.relay.client import RelayBus
from muster_messaging.topology import TO_BROKER, partition_key, partition_of
from muster_protos.v1.relay_pb2 import Publish, RelayUp
from muster_protos.v1.relay_pb2_grpc import MessageRelayStub
from muster_server.agents.strikes import STRIKES
from muster_shared_models.bodies import NOTICE, ChatBody, MessageType
from tests.chaos.checker import Problem
from tests.chaos.crowd import Crowd, Plan, Report, talk_through
from tests.chaos.fleet import ChaosFleet
from tests.server.puppet import Puppet, puppet

__all__ = ["KINDS", "poison_chaos"]

CHAT, EVENTS, NEWS = MessageType.CHAT.value, MessageType.RUN_EVENTS.value, MessageType.NOTICE.value
ANSWERS_S = 15.0
BAD_JSON, WRONG_FIELDS = b'{"run_id": 7', b'{"text": 7}'
FUTURE_KIND = b'{"run_id": "run_x", "events": [{"kind": "RUN_TRANSCENDED", "run_id": "run_x"}]}'
#: Where a dead letter is said to have died; the agent's queue has its id behind it.
PARKED, SERVER, AGENT = "parking_queue", "server_input_queue", "agent_queue_"


class Kind(NamedTuple):
    """One kind of poison: what is sent, and where it ends. `queue` empty: the sender is told `reason`."""

    name: str
    reason: str
    queue: str = ""
    fields: dict[str, Any] = {}  # noqa: RUF012 - a NamedTuple's default, never changed
    #: Through another partition than its conversation's.
    misplaced: bool = False

    @property
    def forged(self) -> bool:
        """Whether it claims what is not an agent's to claim: who does that thrice is cut off."""
        return self.misplaced or self.fields.get("type") == NEWS


KINDS = (
    Kind("a frame that is none", "frame_malformed", PARKED),
    Kind("a number out of range", "frame_malformed", PARKED, {"seq": 2**64 - 1, "to": "server"}),
    Kind("a zero byte", "frame_malformed", PARKED, {"to": "ser\0ver"}),
    Kind("too much of control fields", "frame_malformed", PARKED, {"to": "server", "trace": "x" * 5000}),
    Kind("a schema of the future", "schema_unknown", PARKED, {"schema": 99, "to": "server"}),
    Kind("the wrong partition", "invalid_address", PARKED, {"to": "server", "type": EVENTS}, misplaced=True),
    Kind("an address that is none", "invalid_address", "", {"to": "over there"}),
    Kind("an agent that is none", "agent_not_found", "", {"to": "agent:nobody"}),
    Kind("a selector that nobody matches", "no_target", "", {"to": "any:skill=levitate"}),
    Kind("expired", "expired", "", {"to": "agent:parrot", "expires_at_ms": 1}),
    Kind("a loop of agents", "unroutable", "", {"to": "agent:parrot", "hops": 9}),
    Kind("run events that are no JSON", "rejected", SERVER, {"to": "server", "type": EVENTS, "body": BAD_JSON}),
    Kind("an event of the future", "rejected", SERVER, {"to": "server", "type": EVENTS, "body": FUTURE_KIND}),
    Kind("a type the server does not know", "rejected", SERVER, {"to": "server", "type": "poem"}),
    Kind("a notice that is no JSON", "rejected", SERVER, {"to": "server", "type": NEWS, "body": BAD_JSON}),
    Kind("a chat that is no JSON", "rejected", AGENT, {"to": "agent:parrot", "body": BAD_JSON}),
    Kind("a chat with wrong fields", "rejected", AGENT, {"to": "agent:parrot", "body": WRONG_FIELDS}),
    Kind("a type the agent does not know", "rejected", AGENT, {"to": "agent:parrot", "type": "poem"}),
)  # fmt: skip


class Voice(NamedTuple):
    """One registered agent, and its way to the queues."""

    agent: Puppet
    bus: RelayBus


class Poisoner:
    """Sends poison, hears what becomes of it. What is forged comes from agents that forge no more than they survive."""

    def __init__(self, honest: Voice, tag: str, speak: Callable[[], Awaitable[Voice]] | None = None) -> None:
        self.sent: dict[str, Kind] = {}
        self.told: dict[str, str] = {}
        self._speak = speak
        self._honest = honest
        self._forger = honest
        self._forged = STRIKES
        self._tag = tag

    async def _voice(self, kind: Kind) -> Voice:
        if not kind.forged or self._speak is None:
            return self._honest
        self._forged += 1
        if self._forged >= STRIKES:
            self._forger, self._forged = await self._speak(), 1
        return self._forger

    async def send(self, kind: Kind, number: int) -> None:
        """Send one."""
        agent, bus = await self._voice(kind)
        name = f"msg_{self._tag}_{number}"
        conversation = f"cnv_{self._tag}_{number}"
        partitions = agent.registered.partitions
        partition = (partition_of(conversation, partitions) + kind.misplaced) % partitions
        if not kind.fields:
            frame = b"\xff\xff" + name.encode()
            self.sent[decode(frame, agent.id).id] = kind
            await _publish_raw(agent, Publish(number=1, exchange=TO_BROKER, key=partition_key(partition), frame=frame))
            return
        good = ChatBody(text="poison", run_id="", sender_name="poisoner").model_dump_json().encode()
        # As agents do: where all share one login, the queue server cannot say who sent it.
        message = Message(name, CHAT, good, conversation=conversation, origin=agent.id)._replace(**kind.fields)
        self.sent[name] = kind
        await bus.publish(TO_BROKER, partition_key(partition), message)

    async def listen(self, voice: Voice) -> None:
        """Take what comes back, for ever."""
        inbox = await voice.bus.subscribe(voice.agent.registered.queue, 100)
        while True:
            batch = await inbox.next_batch()
            for delivery in batch:
                notice = NOTICE.validate_json(delivery.message.body)
                if notice.final:
                    self.told[notice.message_id] = str(notice.reason)
            inbox.ack([delivery.tag for delivery in batch])

    async def all_told(self) -> None:
        """Return when every answer that must come has come, or after ANSWERS_S."""
        wanted = {name for name, kind in self.sent.items() if not kind.queue}
        for _ in range(int(ANSWERS_S / 0.1)):
            if wanted <= self.told.keys():
                return
            await asyncio.sleep(0.1)


async def _publish_raw(agent: Puppet, publish: Publish) -> None:
    call = MessageRelayStub(agent.channel).Attach(metadata=agent.metadata())
    await call.write(RelayUp(publish=[publish]))
    async with asyncio.timeout(10):
        while not (answer := await call.read()).confirmed:
            assert not answer.refused, answer
    call.cancel()


async def poison_chaos(fleet: ChaosFleet, plan: Plan) -> Report:
    """Every kind is sent `faults` times, in a random order, while the crowd talks."""
    name = f"poisoner-{plan.seed}"
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        listening: list[asyncio.Task[None]] = []

        async def register(number: int) -> Voice:
            token = await asyncio.to_thread(fleet.join_token, "agent")
            agent = await stack.enter_async_context(puppet(fleet.grpc_address, token, fleet.folder, f"{name}-{number}"))
            await stack.enter_async_context(agent.beating())
            bus = await agent.bus()
            stack.push_async_callback(bus.close)
            return Voice(agent, bus)

        async def speak() -> Voice:
            voice = await register(len(listening))
            listening.append(group.create_task(poisoner.listen(voice)))
            return voice

        honest = await register(0)
        poisoner = Poisoner(honest, name, speak)
        listening.append(group.create_task(poisoner.listen(honest)))

        async def faults(crowd: Crowd) -> None:
            doses = [kind for kind in KINDS for _ in range(plan.faults)]
            crowd.rng.shuffle(doses)
            for number, kind in enumerate(doses):
                await asyncio.sleep(crowd.rng.uniform(*plan.pause_s))
                await poisoner.send(kind, number)
            await poisoner.all_told()

        letters = plan.faults * sum(bool(kind.queue) for kind in KINDS)
        report = await talk_through("R12", fleet, plan, faults, letters=letters)
        for task in listening:
            task.cancel()
    report.problems += await asyncio.to_thread(_judge, fleet, poisoner)
    report.numbers["poison"] = len(poisoner.sent)
    report.numbers["kinds"] = len(KINDS)
    return report


def _judge(fleet: ChaosFleet, poisoner: Poisoner) -> list[Problem]:
    letters: dict[str, tuple[str, str]] = {}
    cursor: str | None = ""
    while cursor is not None:
        page = fleet.get("/api/v1/dead-letters", limit=200, **({"cursor": cursor} if cursor else {}))
        letters |= {each["message_id"]: (each["queue"], each["reason"]) for each in page["items"]}
        cursor = page["next_cursor"]
    problems = []
    for name, kind in poisoner.sent.items():
        queue, reason = letters.pop(name, ("", poisoner.told.get(name, "nothing")))
        if reason != kind.reason or not queue.startswith(kind.queue) or bool(queue) != bool(kind.queue):
            problems.append(Problem("poison", f"{kind.name} ended as {reason} in {queue or 'an answer'}"))
    return problems + [Problem("unexpected", f"a good message is a dead letter: {name}") for name in letters]
