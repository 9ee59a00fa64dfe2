"""Agents over gRPC: registration, heartbeats, and the status stream for brokers."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Protocol

import grpc
from pydantic import ValidationError

from muster_messaging.topology import agent_queue
from muster_protos.v1 import registration_pb2 as registration
from muster_protos.v1 import status_pb2 as status
from muster_protos.v1.registration_pb2_grpc import AgentRegistrationServicer
from muster_protos.v1.status_pb2_grpc import AgentStatusServicer
from muster_protos.v1.transport_pb2 import Credentials, Transport
from muster_server.access.core import Operation
from muster_server.agents.core import Beat
from muster_server.agents.hearing import Hearing
from muster_server.agents.registry import Agent
from muster_server.agents.service import Agents, Registered
from muster_server.clock import Clock
from muster_server.edge.rpc import RpcGuard, answering, check_proof
from muster_shared_models.agents import AgentDescription, AgentState, Machine, RunBrief
from muster_shared_models.model import from_ms
from muster_shared_models.problems import MusterError, Reason

__all__ = ["AgentStatusService", "RegistrationService"]

#: Changes that may wait for a slow broker before it has to begin anew.
MAX_CHANGES = 10_000

_LIFECYCLES = {
    status.LIFECYCLE_PAUSED: "paused",
    status.LIFECYCLE_DRAINING: "draining",
    status.LIFECYCLE_STOPPING: "stopping",
    status.LIFECYCLE_FAILED: "failed",
}


class RegistrationService(AgentRegistrationServicer):
    """Lets agents in."""

    def __init__(
        self,
        agents: Agents,
        guard: RpcGuard,
        clock: Clock,
        transport: Callable[[], Transport],
        partitions: int,
        heartbeat_interval_ms: int,
    ) -> None:
        self._agents = agents
        self._guard = guard
        self._clock = clock
        self._transport = transport
        self._partitions = partitions
        self._interval_ms = heartbeat_interval_ms

    async def RegisterAgent(
        self, request: registration.RegisterAgentRequest, context: grpc.aio.ServicerContext
    ) -> registration.RegisterAgentResponse:
        """Let an agent in, or back in."""
        async with answering(context):
            check_proof(request.proof, "agent", request.description.name, self._clock())
            description = _description(request.description)
            registered = await self._agents.register(request.join_token, request.proof.public_key, description)
            return registration.RegisterAgentResponse(
                agent_id=registered.agent_id,
                credentials=_credentials(registered),
                transport=self._transport(),
                queue=agent_queue(registered.agent_id),
                partitions=self._partitions,
                heartbeat_interval_ms=self._interval_ms,
            )
        raise AssertionError

    async def RenewCredentials(
        self, request: registration.RenewCredentialsRequest, context: grpc.aio.ServicerContext
    ) -> registration.RenewCredentialsResponse:
        """Return new credentials."""
        async with answering(context):
            principal = await self._guard.need(context, Operation.RENEW_CREDENTIALS)
            renewed = await self._agents.renew(principal.id)
            return registration.RenewCredentialsResponse(credentials=_credentials(renewed))
        raise AssertionError

    async def DeregisterAgent(
        self, request: registration.DeregisterAgentRequest, context: grpc.aio.ServicerContext
    ) -> registration.DeregisterAgentResponse:
        """Let an agent leave for good."""
        async with answering(context):
            principal = await self._guard.need(context, Operation.DEREGISTER_AGENT)
            await self._agents.retire(principal.id)
        return registration.DeregisterAgentResponse()


def _credentials(registered: Registered) -> Credentials:
    return Credentials(access_token=registered.secret, expires_at_ms=registered.expires_at)


def _description(said: registration.AgentDescription) -> AgentDescription:
    machine = said.machine
    try:
        return AgentDescription(
            name=said.name,
            about=said.about,
            labels=dict(said.labels),
            skills=list(said.skills),
            examples=list(said.examples),
            model=said.model,
            slots=max(1, said.slots),
            history=said.history,
            accepts_commands=said.accepts_commands,
            machine=Machine(
                hostname=machine.hostname,
                os=machine.os,
                python=machine.python,
                version=machine.version,
                pid=machine.pid,
            ),
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise MusterError(
            Reason.INVALID_REQUEST,
            f"The agent's {where} cannot be taken: {first['msg']}.",
            "Names: letters, digits, dot, dash, underscore; at most 64.",
        ) from error


class Routers(Protocol):
    """Who is told that a broker follows the fleet."""

    def connected(self, broker_id: str) -> None:
        """It does."""
        ...

    def disconnected(self, broker_id: str) -> None:
        """It does no longer."""
        ...


class AgentStatusService(AgentStatusServicer):
    """Heartbeats in, presence out."""

    def __init__(
        self, agents: Agents, hearing: Hearing, brokers: Routers, guard: RpcGuard, clock: Clock, transport: str
    ) -> None:
        self._agents = agents
        self._hearing = hearing
        self._brokers = brokers
        self._transport = transport
        self._guard = guard
        self._clock = clock

    async def ReportStatus(
        self, requests: AsyncIterator[status.Heartbeat], context: grpc.aio.ServicerContext
    ) -> AsyncIterator[status.HeartbeatReply]:
        """Take an agent's heartbeats and say what the server believes."""
        async with answering(context):
            agent_id = (await self._guard.need(context, Operation.REPORT_STATUS)).id
            self._hearing.status_opened(agent_id, self._transport)
            try:
                async for said in requests:
                    stale = self._hearing.beat(agent_id, _beat(said))
                    yield status.HeartbeatReply(
                        number=said.number,
                        server_time_ms=self._clock(),
                        commands_attached=bool(self._agents.need(agent_id).facts.commands_since),
                        runs_to_stop=stale,
                    )
            finally:
                self._hearing.status_closed(agent_id)

    async def SubscribeToAgentStatus(
        self, request: status.SubscribeToAgentStatusRequest, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[status.AgentStatusChange]:
        """Send every agent, then changes."""
        async with answering(context):
            broker_id = (await self._guard.need(context, Operation.FOLLOW_STATUS)).id
            changes: asyncio.Queue[Agent | str] = asyncio.Queue(MAX_CHANGES)
            slow = asyncio.Event()

            def follow(change: Agent | str) -> None:
                try:
                    changes.put_nowait(change)
                except asyncio.QueueFull:
                    slow.set()

            unfollow = self._hearing.follow(follow)
            self._brokers.connected(broker_id)
            try:
                snapshot = status.AgentStatusSnapshot(agents=[_record(agent) for agent in self._agents.everyone()])
                yield status.AgentStatusChange(sequence=1, snapshot=snapshot)
                sequence = 1
                while not slow.is_set():
                    change = await changes.get()
                    sequence += 1
                    if isinstance(change, str):
                        yield status.AgentStatusChange(sequence=sequence, removed=change)
                    else:
                        yield status.AgentStatusChange(sequence=sequence, changed=_record(change))
            finally:
                unfollow()
                self._brokers.disconnected(broker_id)
            raise MusterError(Reason.OVERLOADED, "Too many changes waited for you.", "Subscribe again.")


def _beat(said: status.Heartbeat) -> Beat:
    runs = [
        RunBrief(
            run_id=run.run_id,
            conversation=run.conversation,
            title=run.title[:200],
            started_at=from_ms(run.started_at_ms) if run.started_at_ms else None,
        )
        for run in said.runs[:1024]
    ]
    return Beat(
        started_at=said.started_at_ms,
        load=min(100, said.load_percent),
        consumer=said.consumer_attached,
        slots=said.slots,
        runs=tuple(runs),
        last_line=said.last_line[:200],
        lag_ms=said.loop_lag_ms,
        lifecycle=_LIFECYCLES.get(said.lifecycle, "running"),
    )


def _record(agent: Agent) -> status.AgentRecord:
    facts = agent.facts
    beat = facts.beat
    return status.AgentRecord(
        agent_id=agent.id,
        name=agent.description.name,
        labels=agent.description.labels,
        skills=agent.description.skills,
        attached=agent.attached,
        accepts_work=agent.shown.state not in (AgentState.PAUSED, AgentState.DRAINING),
        runs=len(beat.runs) if beat else 0,
        slots=agent.description.slots,
        last_heard_ms=facts.last_beat_at or agent.row.last_heard_at,
    )
