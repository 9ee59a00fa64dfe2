"""The HTTP side of authentication and authorization: every route names its operation, the table decides."""

from typing import Protocol

from starlette.requests import Request

from muster_server.access.core import Operation, Principal, allowed
from muster_shared_models.problems import MusterError, Reason

__all__ = ["Guard", "Sessions"]

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Sessions(Protocol):
    """What checking needs of access."""

    async def authenticate(self, secret: str) -> Principal | None:
        """Return whose credentials these are."""
        ...


class Guard:
    """Checks requests. `origins` are the pages that may change something with a cookie."""

    def __init__(self, sessions: Sessions, origins: frozenset[str], *, secure: bool) -> None:
        self._sessions = sessions
        self._origins = origins
        self.secure = secure
        self.cookie = "__Host-muster_session" if secure else "muster_session"

    def may(self, operation: Operation) -> "Check":
        """Return a dependency that lets through who may do `operation`, and returns who that is."""
        return Check(self, operation)

    def origin_allowed(self, origin: str | None) -> bool:
        """Tell whether a page of this origin may use cookies and open sockets: only an exact match may."""
        return origin is not None and origin in self._origins

    def secret_of(self, request: Request) -> tuple[str, bool]:
        """Return the credentials of a request, and whether they came as a cookie."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and token:
            return token.strip(), False
        return request.cookies.get(self.cookie, ""), True

    async def identify(self, request: Request) -> Principal | None:
        """Return who asks; raises ORIGIN_NOT_ALLOWED when a foreign page uses somebody's cookie."""
        secret, from_cookie = self.secret_of(request)
        if not secret:
            return None
        origin = request.headers.get("origin")
        changes = request.method not in _SAFE
        if from_cookie and (changes or origin is not None) and not self.origin_allowed(origin):
            raise MusterError(Reason.ORIGIN_NOT_ALLOWED, f"Pages of {origin or 'an unknown origin'} may not do this.")
        return await self._sessions.authenticate(secret)


class Check:
    """A FastAPI dependency; `operation` is there for the test that looks at every route."""

    def __init__(self, guard: Guard, operation: Operation) -> None:
        self._guard = guard
        self.operation = operation

    async def __call__(self, request: Request) -> Principal | None:
        """Return the principal; raises UNAUTHENTICATED or PERMISSION_DENIED."""
        principal = await self._guard.identify(request)
        if allowed(principal, self.operation):
            return principal
        if principal is None:
            raise MusterError(
                Reason.UNAUTHENTICATED,
                "This needs a login.",
                "Open the link that `muster token login` prints, or send Authorization: Bearer <token>.",
            )
        raise MusterError(Reason.PERMISSION_DENIED, f"Your role may not {self.operation.replace('_', ' ')}.")
