"""What the relay lets agents and brokers do: the same that RabbitMQ's permissions would."""

import grpc

from muster_messaging.relay.service import Peer
from muster_messaging.topology import (
    DEAD_LETTER,
    PARKING,
    RETRY_DELAYS,
    TO_AGENT,
    TO_BROKER,
    TO_SERVER,
    agent_queue,
    broker_input,
    retry_exchange,
)
from muster_server.access.core import Operation, Role
from muster_server.edge.rpc import RpcGuard

__all__ = ["Permits"]


class Permits:
    """Makes a `Peer` of a caller's credentials."""

    def __init__(self, guard: RpcGuard, partitions: int) -> None:
        self._guard = guard
        self._inputs = frozenset(broker_input(partition) for partition in range(partitions))
        self._outputs = frozenset({TO_AGENT, TO_SERVER, PARKING, DEAD_LETTER, *map(retry_exchange, RETRY_DELAYS)})

    async def identify(self, context: grpc.aio.ServicerContext) -> Peer:
        """Return who is at the other end and what it may do."""
        principal = await self._guard.need(context, Operation.ATTACH_RELAY)
        if principal.role is Role.BROKER:
            return Peer(principal.id, self._outputs.__contains__, self._inputs.__contains__)
        own = agent_queue(principal.id)
        return Peer(principal.id, lambda exchange: exchange == TO_BROKER, lambda queue: queue == own)
