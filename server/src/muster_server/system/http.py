"""The server's own state over REST."""

from collections.abc import Callable

from fastapi import APIRouter, Depends

from muster_server.access.core import Operation
from muster_server.edge.guard import Guard
from muster_shared_models.model import WireModel
from muster_shared_models.problems import MusterError, Reason
from muster_shared_models.system import SystemView

__all__ = ["Health", "system_routes"]


class Health(WireModel):
    """It works."""

    status: str


def system_routes(view: Callable[[], SystemView], unready: Callable[[], str], guard: Guard) -> APIRouter:
    """Return the routes; `unready` says what is missing, or nothing."""
    routes = APIRouter(tags=["system"])

    @routes.get("/health", dependencies=[Depends(guard.may(Operation.HEALTH))])
    async def health() -> Health:
        """Answer as long as the process lives."""
        return Health(status="alive")

    @routes.get("/ready", dependencies=[Depends(guard.may(Operation.HEALTH))])
    async def ready() -> Health:
        """Answer 503 while messages cannot travel."""
        missing = unready()
        if missing:
            raise MusterError(Reason.UNAVAILABLE, missing)
        return Health(status="ready")

    @routes.get("/api/v1/system", dependencies=[Depends(guard.may(Operation.READ_SYSTEM))])
    async def system() -> SystemView:
        """Return version, queue server, brokers and warnings."""
        return view()

    return routes
