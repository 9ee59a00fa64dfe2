"""Agents over REST."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from muster_server.access.core import Operation, Principal
from muster_server.agents.quarantine import Quarantines
from muster_server.agents.service import Agents
from muster_server.edge.guard import Guard
from muster_shared_models.agents import AgentView
from muster_shared_models.system import Page

__all__ = ["agent_routes"]


class AgentPage(Page):
    """All agents; there is one page."""

    items: list[AgentView]


def agent_routes(agents: Agents, quarantines: Quarantines, guard: Guard) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix="/api/v1/agents", tags=["agents"])

    @routes.get("", dependencies=[Depends(guard.may(Operation.READ_AGENTS))])
    async def everyone() -> AgentPage:
        """List every agent."""
        return AgentPage(items=agents.views())

    @routes.get("/{agent_id}", dependencies=[Depends(guard.may(Operation.READ_AGENTS))])
    async def one(agent_id: str) -> AgentView:
        """Return one agent, by id or name."""
        return agents.need(agent_id).view()

    @routes.delete("/{agent_id}", status_code=204, dependencies=[Depends(guard.may(Operation.RETIRE_AGENT))])
    async def retire(agent_id: str) -> Response:
        """End an agent for good."""
        await agents.retire(agents.need(agent_id).id)
        return Response(status_code=204)

    @routes.post("/{agent_id}/release")
    async def release(
        agent_id: str, principal: Annotated[Principal, Depends(guard.may(Operation.RELEASE_AGENT))]
    ) -> AgentView:
        """Let a quarantined agent back in."""
        return await quarantines.release(principal, agent_id)

    return routes
