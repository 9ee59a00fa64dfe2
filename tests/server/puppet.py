"""An agent whose strings the test holds: it registers and speaks over the real wire, and does nothing by itself."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc

from muster_messaging.link.channel import fetch_certificate, open_channel
from muster_messaging.link.identity import Identity
from muster_messaging.link.problems import read_problem
from muster_messaging.message import Message
from muster_messaging.relay.client import RelayBus
from muster_messaging.topology import TO_BROKER, partition_key, partition_of
from muster_protos.v1.registration_pb2 import AgentDescription, RegisterAgentRequest, RegisterAgentResponse
from muster_protos.v1.registration_pb2_grpc import AgentRegistrationStub
from muster_protos.v1.status_pb2 import Heartbeat
from muster_protos.v1.status_pb2_grpc import AgentStatusStub
from muster_shared_models.bodies import MessageType, RunEventsBody
from muster_shared_models.ids import IdKind, new_id
from muster_shared_models.run_events import RunEvent
from muster_shared_models.system import split_join_token

__all__ = ["Puppet", "puppet"]


class Puppet:
    """A registered agent."""

    def __init__(self, channel: grpc.aio.Channel, identity: Identity, name: str) -> None:
        self.channel = channel
        self.identity = identity
        self.name = name
        self.registered = RegisterAgentResponse()
        self._beats = 0

    @property
    def id(self) -> str:
        return self.registered.agent_id

    def metadata(self) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self.registered.credentials.access_token}"),)

    async def register(self, secret: str = "", unfinished: Sequence[str] = (), **description: Any) -> None:
        request = RegisterAgentRequest(
            join_token=secret,
            description=AgentDescription(name=self.name, slots=4, accepts_commands=True, **description),
            proof=self.identity.prove("agent", self.name),
            unfinished_runs=unfinished,
        )
        try:
            self.registered = await AgentRegistrationStub(self.channel).RegisterAgent(request, timeout=10)
        except grpc.aio.AioRpcError as error:
            raise read_problem(error) from error

    @asynccontextmanager
    async def beating(self, **beat: Any) -> AsyncIterator[Any]:
        """An open status stream after a first heartbeat; the value sends further ones."""
        call = AgentStatusStub(self.channel).ReportStatus(metadata=self.metadata())

        async def again(**more: Any) -> Any:
            self._beats += 1
            now = time.time_ns() // 1_000_000
            facts = {"consumer_attached": True, "slots": 4, "started_at_ms": now, **beat, **more}
            await call.write(Heartbeat(number=self._beats, sent_at_ms=now, **facts))
            return await call.read()

        try:
            await again()
            yield again
        finally:
            call.cancel()

    async def bus(self) -> RelayBus:
        return await RelayBus.open(self.channel, self.metadata)

    def report(self, asked: Message, *events: RunEvent, message_id: str = "") -> tuple[str, str, Message]:
        """Return what to publish to report events of the run that `asked` began."""
        message = Message(
            id=message_id or new_id(IdKind.MESSAGE),
            type=MessageType.RUN_EVENTS.value,
            body=RunEventsBody(run_id=asked.run, events=list(events)).model_dump_json().encode(),
            to="server",
            conversation=asked.conversation,
            run=asked.run,
            correlation_id=asked.id,
        )
        return TO_BROKER, partition_key(partition_of(asked.conversation, self.registered.partitions)), message


@asynccontextmanager
async def puppet(
    address: str, token: str, folder: Path, name: str = "puppet", **description: Any
) -> AsyncIterator[Puppet]:
    """A registered puppet; `token` as the server shows it."""
    secret, pin = split_join_token(token)
    channel = open_channel(address, await fetch_certificate(address, pin))
    agent = Puppet(channel, Identity.load_or_create(folder / f"{name}.key"), name)
    try:
        await agent.register(secret, **description)
        yield agent
    finally:
        await channel.close()
