"""Conversations over REST."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Response

from muster_server.access.core import Operation, Principal
from muster_server.conversations.following import ConversationStreams
from muster_server.conversations.sending import Sender
from muster_server.conversations.service import Conversations
from muster_server.edge.guard import Guard
from muster_server.edge.paging import MAX_PAGE, make_cursor, read_cursor
from muster_shared_models.conversations import ConversationView, SendMessage, Sent, StoredEvent
from muster_shared_models.ids import IdKind, new_id
from muster_shared_models.model import from_ms, to_ms
from muster_shared_models.system import Page

__all__ = ["conversation_routes"]

Limit = Annotated[int, Query(ge=1, le=MAX_PAGE)]


class ConversationPage(Page):
    """Conversations, newest first."""

    items: list[ConversationView]


class EventPage(Page):
    """Events, oldest first; `next_cursor` leads to earlier ones."""

    items: list[StoredEvent]


def conversation_routes(
    conversations: Conversations, streams: ConversationStreams, sender: Sender, guard: Guard
) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix="/api/v1", tags=["conversations"])
    reads = Depends(guard.may(Operation.READ_CONVERSATIONS))

    @routes.get("/conversations", dependencies=[reads])
    async def page(agent_id: str = "", cursor: str | None = None, limit: Limit = 50) -> ConversationPage:
        """List conversations, newest first."""
        place = read_cursor(cursor, 2)
        before = (int(place[0]), place[1]) if place else None
        items = await conversations.page(agent_id, before, limit)
        last = items[-1] if len(items) == limit else None
        return ConversationPage(items=items, next_cursor=make_cursor(to_ms(last.updated_at), last.id) if last else None)

    @routes.get("/conversations/{conversation_id}", dependencies=[reads])
    async def one(conversation_id: str) -> ConversationView:
        """Return one conversation."""
        return await conversations.get(conversation_id)

    @routes.get("/conversations/{conversation_id}/events", dependencies=[reads])
    async def events(conversation_id: str, before: int = 1 << 53, limit: Limit = 100) -> EventPage:
        """Return events before a sequence number, oldest first."""
        rows = await streams.events(conversation_id, before, limit)
        items = [StoredEvent(seq=seq, at=from_ms(at), event=_event(data)) for seq, at, _, data in rows]
        more = bool(items) and items[0].seq > 1
        return EventPage(items=items, next_cursor=str(items[0].seq) if more else None)

    _speaking_routes(routes, conversations, sender, guard)
    return routes


def _speaking_routes(routes: APIRouter, conversations: Conversations, sender: Sender, guard: Guard) -> None:
    @routes.post("/messages", status_code=202)
    async def send(
        message: SendMessage,
        principal: Annotated[Principal, Depends(guard.may(Operation.SEND_MESSAGE))],
        idempotency_key: Annotated[str | None, Header(max_length=64)] = None,
    ) -> Sent:
        """Say something; stored when this answers, delivered once."""
        return await sender.send(principal, idempotency_key or new_id(IdKind.MESSAGE), message)

    @routes.post("/runs/{run_id}/stop", status_code=202)
    async def stop(run_id: str, principal: Annotated[Principal, Depends(guard.may(Operation.STOP_RUN))]) -> Response:
        """Ask for a run's end."""
        await conversations.stop_run(principal, run_id)
        return Response(status_code=202)


def _event(data: str) -> Any:
    return json.loads(data)
