"""Declares the shared queues again that somebody has deleted.

Brokers and agents may not declare: until the server has done it they wait, and publish again.
"""

import asyncio

import structlog

from muster_messaging.bus import BusAdmin
from muster_messaging.errors import BusError
from muster_messaging.topology import Topology

__all__ = ["Healing"]

#: Seconds between two looks: less than consumers wait for a queue that is gone (QUEUE_PATIENCE_S of `amqp/keeper.py`).
LOOK_EVERY_S = 2.0

log = structlog.get_logger()


class Healing:
    """Looks whether all of `topology` is there."""

    def __init__(self, bus: BusAdmin, topology: Topology) -> None:
        self._bus = bus
        self._topology = topology

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            if self._bus.connected:
                await self._look()

    async def _look(self) -> None:
        try:
            queues = [queue.name for queue in self._topology.queues]
            missing = [name for name in queues if await self._bus.queue_info(name) is None]
            if missing:
                await self._bus.declare(self._topology)
                log.error("queues had been deleted and were declared again", queues=missing)
        except BusError as error:
            log.warning("the queues cannot be looked after", detail=error.detail)
