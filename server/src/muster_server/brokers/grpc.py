"""Brokers over gRPC."""

import re

import grpc

from muster_protos.v1 import broker_pb2 as wire
from muster_protos.v1.broker_pb2_grpc import BrokerRegistrationServicer
from muster_protos.v1.transport_pb2 import Credentials
from muster_server.brokers.service import Brokers
from muster_server.clock import Clock
from muster_server.edge.rpc import MakeTransport, answering, check_proof, is_local
from muster_shared_models.model import NAME_PATTERN
from muster_shared_models.problems import MusterError, Reason

__all__ = ["BrokerService"]


class BrokerService(BrokerRegistrationServicer):
    """The service BrokerRegistration."""

    def __init__(self, brokers: Brokers, clock: Clock, transport: MakeTransport, partitions: int) -> None:
        self._brokers = brokers
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
