"""What the relay lets agents and brokers do: the same that RabbitMQ's permissions would."""

from collections.abc import AsyncIterator

import grpc

from muster_messaging.frames import FrameBus
from muster_messaging.relay.service import Peer, Relay
from muster_messaging.topology import (
    PARKING,
    RETRY_DELAYS,
    TO_AGENT,
    TO_BROKER,
    TO_SERVER,
    agent_queue,
    broker_input,
    retry_exchange,
)
from muster_protos.v1.relay_pb2 import RelayUp
from muster_server.access.core import Operation, Role
from muster_server.edge.rpc import RpcGuard, answering

__all__ = ["GuardedRelay", "Permits"]


class Permits:
    """Makes a `Peer` of a caller's credentials."""

    def __init__(self, guard: RpcGuard, partitions: int) -> None:
        self._guard = guard
        self._inputs = frozenset(broker_input(partition) for partition in range(partitions))
        self._outputs = frozenset({TO_AGENT, TO_SERVER, PARKING, *map(retry_exchange, RETRY_DELAYS)})

    async def identify(self, context: grpc.aio.ServicerContext) -> Peer:
        """Return who is at the other end and what it may do."""
        principal = await self._guard.need(context, Operation.ATTACH_RELAY)
        if principal.role is Role.BROKER:
            return Peer(principal.id, self._outputs.__contains__, self._inputs.__contains__)
        own = agent_queue(principal.id)
        return Peer(principal.id, lambda exchange: exchange == TO_BROKER, lambda queue: queue == own)


class GuardedRelay(Relay):
    """A relay whose streams end when their owner loses its right to them."""

    def __init__(self, bus: FrameBus, guard: RpcGuard, partitions: int) -> None:
        super().__init__(bus, Permits(guard, partitions).identify)
        self._guard = guard

    async def Attach(self, requests: AsyncIterator[RelayUp], context: grpc.aio.ServicerContext) -> None:  # noqa: N802
        """Serve one process until either side ends the stream."""
        async with answering(context), self._guard.serving(context, Operation.ATTACH_RELAY):
            await super().Attach(requests, context)
