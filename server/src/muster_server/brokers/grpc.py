"""Brokers over gRPC."""

import re
from typing import Protocol

import grpc

from muster_protos.v1 import broker_pb2 as wire
from muster_protos.v1.broker_pb2_grpc import BrokerRegistrationServicer
from muster_protos.v1.transport_pb2 import Credentials
from muster_server.access.core import Operation
from muster_server.brokers.service import Brokers
from muster_server.clock import Clock
from muster_server.edge.rpc import MakeTransport, RpcGuard, answering, check_proof, is_local
from muster_shared_models.agents import Offence
from muster_shared_models.model import NAME_PATTERN
from muster_shared_models.problems import MusterError, Reason

__all__ = ["BrokerService", "Misconduct"]

#: Reports that one call may carry; brokers hold no more back.
MAX_REPORTS = 1000
MAX_DETAIL = 500

_OFFENCES = {wire.OFFENCE_FLOODING: Offence.FLOODING, wire.OFFENCE_FORGING: Offence.FORGING}


class Misconduct(Protocol):
    """Who is told what agents did that they may not."""

    async def report(self, by: str, agent_id: str, offence: Offence, subject: str, detail: str) -> None:
        """Take what a broker saw."""
        ...


class BrokerService(BrokerRegistrationServicer):
    """The service BrokerRegistration."""

    def __init__(
        self,
        brokers: Brokers,
        misconduct: Misconduct,
        guard: RpcGuard,
        clock: Clock,
        transport: MakeTransport,
        partitions: int,
    ) -> None:
        self._brokers = brokers
        self._misconduct = misconduct
        self._guard = guard
        self._clock = clock
        self._transport = transport
        self._partitions = partitions

    async def RegisterBroker(
        self, request: wire.RegisterBrokerRequest, context: grpc.aio.ServicerContext
    ) -> wire.RegisterBrokerResponse:
        """Let a broker in, or back in."""
        async with answering(context):
            if not re.fullmatch(NAME_PATTERN, request.name):
                raise MusterError(Reason.INVALID_REQUEST, "The broker's name has characters that names may not have.")
            check_proof(request.proof, "broker", request.name, self._clock())
            registered = await self._brokers.register(request.join_token, request.proof.public_key, request.name)
            return wire.RegisterBrokerResponse(
                broker_id=registered.broker_id,
                credentials=Credentials(access_token=registered.secret, expires_at_ms=registered.expires_at),
                transport=await self._transport(registered.broker_id, local=is_local(context)),
                partitions=self._partitions,
            )
        raise AssertionError

    async def ReportMisconduct(
        self, request: wire.ReportMisconductRequest, context: grpc.aio.ServicerContext
    ) -> wire.ReportMisconductResponse:
        """Take what a broker saw agents do that they may not."""
        async with answering(context):
            broker = await self._guard.need(context, Operation.REPORT_MISCONDUCT)
            for said in request.reports[:MAX_REPORTS]:
                offence = _OFFENCES.get(said.offence)
                if offence is None:
                    raise MusterError(Reason.INVALID_REQUEST, "The report names no offence.")
                detail = said.detail[:MAX_DETAIL]
                await self._misconduct.report(broker.name, said.agent_id, offence, said.subject[:255], detail)
        return wire.ReportMisconductResponse()
