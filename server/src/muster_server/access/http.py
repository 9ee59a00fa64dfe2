"""Logging in and out, tickets and join tokens over REST."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from muster_server.access.core import Operation, Principal
from muster_server.access.service import Access, TokenKind
from muster_server.edge.guard import Guard
from muster_shared_models.model import WireModel, from_ms
from muster_shared_models.problems import MusterError, Reason
from muster_shared_models.system import JoinToken, LoginCode, NewJoinToken, Session, WebSocketTicket

__all__ = ["LoginLink", "access_routes"]


class LoginLink(WireModel):
    """A link that logs a browser in, once."""

    url: str
    expires_at: str


def access_routes(access: Access, guard: Guard, *, public_url: str, join_address: str, pin: str) -> APIRouter:
    """Return the routes. Join tokens name the server by `pin` and are told for `join_address`."""
    routes = APIRouter(prefix="/api/v1", tags=["access"])

    @routes.post("/session", dependencies=[Depends(guard.may(Operation.LOG_IN))])
    async def log_in(code: LoginCode, request: Request, response: Response) -> Session:
        """Use a login code up; sets the session cookie."""
        origin = request.headers.get("origin")
        if origin is not None and not guard.origin_allowed(origin):
            raise MusterError(Reason.ORIGIN_NOT_ALLOWED, f"Pages of {origin} may not log in here.")
        issued, principal = await access.log_in(code.code)
        response.set_cookie(
            guard.cookie, issued.secret, max_age=30 * 86_400, httponly=True, samesite="strict", secure=guard.secure
        )
        return _session(principal, issued.expires_at)

    @routes.get("/session")
    async def who(
        request: Request, principal: Annotated[Principal, Depends(guard.may(Operation.READ_SESSION))]
    ) -> Session:
        """Return who is logged in."""
        secret, _ = guard.secret_of(request)
        return _session(principal, access.expires_at(secret))

    @routes.delete("/session", status_code=204, dependencies=[Depends(guard.may(Operation.LOG_OUT))])
    async def log_out(request: Request) -> Response:
        """End the session."""
        secret, _ = guard.secret_of(request)
        await access.log_out(secret)
        response = Response(status_code=204)
        response.delete_cookie(guard.cookie, httponly=True, samesite="strict", secure=guard.secure)
        return response

    _token_routes(routes, access, guard, public_url=public_url, join_address=join_address, pin=pin)
    return routes


def _token_routes(
    routes: APIRouter, access: Access, guard: Guard, *, public_url: str, join_address: str, pin: str
) -> None:
    @routes.post("/ws-tickets", status_code=201)
    async def ticket(principal: Annotated[Principal, Depends(guard.may(Operation.TAKE_TICKET))]) -> WebSocketTicket:
        """Return a ticket that opens one WebSocket."""
        return WebSocketTicket(ticket=access.new_ticket(principal), expires_in_s=30)

    @routes.post("/login-links", status_code=201)
    async def login_link(principal: Annotated[Principal, Depends(guard.may(Operation.CREATE_LOGIN))]) -> LoginLink:
        """Return a link that logs another browser in as you."""
        issued = await access.issue(TokenKind.LOGIN, principal.id, principal.name)
        expires_at = from_ms(issued.expires_at).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return LoginLink(url=f"{public_url}/login#code={issued.secret}", expires_at=expires_at)

    @routes.post("/join-tokens", status_code=201, dependencies=[Depends(guard.may(Operation.CREATE_JOIN_TOKEN))])
    async def join_token(wanted: NewJoinToken) -> JoinToken:
        """Return a token with which one agent, or one broker, may join."""
        kind = TokenKind.JOIN_AGENT if wanted.kind == "agent" else TokenKind.JOIN_BROKER
        issued = await access.issue(kind, "", wanted.name or "", wanted.expires_in_s * 1000)
        token = f"{issued.secret}.{pin}"
        name = f" --name {wanted.name}" if wanted.name else ""
        return JoinToken(
            id=issued.id,
            token=token,
            kind=wanted.kind,
            name=wanted.name,
            expires_at=from_ms(issued.expires_at),
            command=f"muster {wanted.kind} --server {join_address} --join {token}{name}",
        )


def _session(principal: Principal, expires_at: int) -> Session:
    return Session(user=principal.id, name=principal.name, role=principal.role.value, expires_at=from_ms(expires_at))
