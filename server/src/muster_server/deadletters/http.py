"""Dead letters over REST."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from muster_server.access.core import Operation, Principal
from muster_server.deadletters.service import DeadLetters
from muster_server.edge.guard import Guard
from muster_server.edge.paging import MAX_PAGE, make_cursor, read_cursor
from muster_shared_models.dead_letters import (
    DeadLetterCounts,
    DeadLetterDetail,
    DeadLetterFilter,
    DeadLettersHandled,
    DeadLetterState,
    DeadLetterView,
    EditDeadLetter,
    HandleDeadLetters,
)
from muster_shared_models.system import Page

__all__ = ["dead_letter_routes"]

Limit = Annotated[int, Query(ge=1, le=MAX_PAGE)]


class DeadLetterPage(Page):
    """Dead letters, newest first; `waiting` counts all that wait."""

    items: list[DeadLetterView]
    waiting: int


def dead_letter_routes(letters: DeadLetters, guard: Guard) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix="/api/v1/dead-letters", tags=["dead letters"])
    reads = Depends(guard.may(Operation.READ_DEAD_LETTERS))

    @routes.get("", dependencies=[reads])
    async def page(
        matching: Annotated[DeadLetterFilter, Depends(_matching)],
        state: DeadLetterState = DeadLetterState.WAITING,
        cursor: str | None = None,
        limit: Limit = 50,
    ) -> DeadLetterPage:
        """List dead letters in one state, newest first."""
        place = read_cursor(cursor, 1)
        items = await letters.page(state, matching, place[0] if place else "", limit)
        more = make_cursor(items[-1].id) if len(items) == limit else None
        return DeadLetterPage(items=items, waiting=await letters.waiting(), next_cursor=more)

    @routes.get("/counts", dependencies=[reads])
    async def counts(state: DeadLetterState = DeadLetterState.WAITING) -> DeadLetterCounts:
        """Count the dead letters in one state by queue, reason and agent."""
        return await letters.counts(state)

    @routes.get("/{letter_id}", dependencies=[reads])
    async def one(letter_id: str) -> DeadLetterDetail:
        """Return a dead letter with its body and its history."""
        return await letters.get(letter_id)

    _changing_routes(routes, letters, guard)
    return routes


def _changing_routes(routes: APIRouter, letters: DeadLetters, guard: Guard) -> None:
    Handler = Annotated[Principal, Depends(guard.may(Operation.HANDLE_DEAD_LETTERS))]  # noqa: N806 - a type

    @routes.patch("/{letter_id}")
    async def edit(letter_id: str, new: EditDeadLetter, principal: Handler) -> DeadLetterDetail:
        """Replace body or address of a waiting dead letter."""
        return await letters.edit(principal, letter_id, new)

    @routes.post("/replay", status_code=202)
    async def replay_many(wanted: HandleDeadLetters, principal: Handler) -> DeadLettersHandled:
        """Send the oldest that match again."""
        return await letters.replay_many(principal, wanted.filter, wanted.limit)

    @routes.post("/drop")
    async def drop_many(wanted: HandleDeadLetters, principal: Handler) -> DeadLettersHandled:
        """Give the oldest that match up."""
        return await letters.drop_many(principal, wanted.filter, wanted.limit)

    @routes.post("/{letter_id}/replay", status_code=202)
    async def replay(letter_id: str, principal: Handler) -> DeadLetterView:
        """Send one again, with the same message id."""
        return await letters.replay(principal, letter_id)

    @routes.post("/{letter_id}/drop")
    async def drop(letter_id: str, principal: Handler) -> DeadLetterView:
        """Give one up."""
        return await letters.drop(principal, letter_id)


def _matching(queue: str = "", reason: str = "", agent_id: str = "", conversation: str = "") -> DeadLetterFilter:
    return DeadLetterFilter(queue=queue, reason=reason, agent_id=agent_id, conversation=conversation)
