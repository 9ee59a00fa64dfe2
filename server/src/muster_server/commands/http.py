"""Commands over REST."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Response
from pydantic import Field

from muster_server.access.core import Operation, Principal
from muster_server.commands.following import CommandStreams
from muster_server.commands.service import Commands
from muster_server.edge.guard import Guard
from muster_server.edge.paging import MAX_PAGE, make_cursor, read_cursor
from muster_shared_models.commands import CommandView, PushCommand, StoredCommandEvent
from muster_shared_models.ids import IdKind, new_id
from muster_shared_models.model import WireModel, from_ms
from muster_shared_models.system import Page

__all__ = ["command_routes"]

Limit = Annotated[int, Query(ge=1, le=MAX_PAGE)]


class CommandPage(Page):
    """Commands, newest first."""

    items: list[CommandView]


class CommandEventPage(Page):
    """A command's events, oldest first; `next_cursor` is the `after` of the next page."""

    items: list[StoredCommandEvent]


class StopWanted(WireModel):
    """Whom to stop: one target, or all; `kill` leaves no time to end well."""

    agent_id: str = Field(default="", max_length=64)
    kill: bool = False


def command_routes(commands: Commands, streams: CommandStreams, guard: Guard) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix="/api/v1/commands", tags=["commands"])

    @routes.post("", status_code=202)
    async def push(
        command: PushCommand,
        principal: Annotated[Principal, Depends(guard.may(Operation.PUSH_COMMAND))],
        idempotency_key: Annotated[str | None, Header(max_length=64)] = None,
    ) -> CommandView:
        """Push a command to the agents that `to` names."""
        return await commands.push(principal, idempotency_key or new_id(IdKind.COMMAND), command)

    @routes.post("/{command_id}/stop", status_code=202)
    async def stop(
        command_id: str,
        wanted: StopWanted,
        principal: Annotated[Principal, Depends(guard.may(Operation.STOP_COMMAND))],
    ) -> Response:
        """Ask for a command's end."""
        await commands.stop(principal, command_id, wanted.agent_id, kill=wanted.kill)
        return Response(status_code=202)

    _reading_routes(routes, commands, streams, guard)
    return routes


def _reading_routes(routes: APIRouter, commands: Commands, streams: CommandStreams, guard: Guard) -> None:
    reads = Depends(guard.may(Operation.READ_COMMANDS))

    @routes.get("", dependencies=[reads])
    async def page(agent_id: str = "", cursor: str | None = None, limit: Limit = 50) -> CommandPage:
        """List commands, newest first."""
        place = read_cursor(cursor, 1)
        items = await commands.page(agent_id, place[0] if place else "", limit)
        more = len(items) == limit
        return CommandPage(items=items, next_cursor=make_cursor(items[-1].id) if more else None)

    @routes.get("/{command_id}", dependencies=[reads])
    async def one(command_id: str) -> CommandView:
        """Return one command."""
        return await commands.get(command_id)

    @routes.get("/{command_id}/events", dependencies=[reads])
    async def events(command_id: str, after: int = 0, limit: Limit = 200) -> CommandEventPage:
        """Return events after a sequence number."""
        await commands.get(command_id)
        rows = await streams.events(command_id, after, limit)
        items = [StoredCommandEvent(seq=seq, at=from_ms(at), event=_event(data)) for seq, at, _, data in rows]
        return CommandEventPage(items=items, next_cursor=str(items[-1].seq) if len(items) == limit else None)


def _event(data: str) -> Any:
    return json.loads(data)
