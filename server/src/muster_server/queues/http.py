"""The queues over REST."""

from fastapi import APIRouter, Depends

from muster_server.access.core import Operation
from muster_server.edge.guard import Guard
from muster_server.queues.watching import QueueWatch
from muster_shared_models.queues import QueueList

__all__ = ["queue_routes"]


def queue_routes(queues: QueueWatch, guard: Guard) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix="/api/v1/queues", tags=["queues"])

    @routes.get("", dependencies=[Depends(guard.may(Operation.READ_QUEUES))])
    async def everything() -> QueueList:
        """List every queue with its depth, consumers, bound and rates, as far as they are known."""
        return await queues.everything()

    return routes
