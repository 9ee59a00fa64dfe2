"""Agents join, renew and leave over gRPC."""

import grpc
from pydantic import ValidationError

from muster_messaging.topology import agent_queue
from muster_protos.v1 import registration_pb2 as registration
from muster_protos.v1.registration_pb2_grpc import AgentRegistrationServicer
from muster_protos.v1.transport_pb2 import Credentials
from muster_server.access.core import Operation
from muster_server.agents.service import Agents, Registered
from muster_server.clock import Clock
from muster_server.edge.rpc import MakeTransport, RpcGuard, answering, check_proof, is_local
from muster_shared_models.agents import AgentDescription, Machine
from muster_shared_models.problems import MusterError, Reason

__all__ = ["RegistrationService"]


class RegistrationService(AgentRegistrationServicer):
    """Lets agents in."""

    def __init__(
        self,
        agents: Agents,
        guard: RpcGuard,
        clock: Clock,
        transport: MakeTransport,
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
            registered = await self._agents.register(
                request.join_token, request.proof.public_key, description, request.unfinished_runs
            )
            return registration.RegisterAgentResponse(
                agent_id=registered.agent_id,
                credentials=_credentials(registered),
                transport=await self._transport(registered.agent_id, local=is_local(context)),
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
