"""Who somebody is: login codes, sessions, API keys, join tokens, credentials of agents and brokers, socket tickets."""

import secrets
from dataclasses import dataclass
from enum import StrEnum

from muster_server.access import store as tokens
from muster_server.access.core import Principal, Role
from muster_server.access.store import TokenRow
from muster_server.clock import Clock
from muster_server.store.store import Store
from muster_server.store.transaction import Transaction
from muster_shared_models.ids import IdKind, new_id
from muster_shared_models.problems import MusterError, Reason

__all__ = ["Access", "Issued", "TokenKind"]

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
TICKET_MS = 30_000
MAX_TICKETS = 10_000


class TokenKind(StrEnum):
    """What a token is for; its value is the prefix of the secret."""

    LOGIN = "ml"
    SESSION = "ms"
    API = "mk"
    JOIN_AGENT = "mj"
    JOIN_BROKER = "mb"
    AGENT = "ma"
    BROKER = "mr"


_ROLES = {
    TokenKind.SESSION: Role.ADMIN,
    TokenKind.API: Role.ADMIN,
    TokenKind.AGENT: Role.AGENT,
    TokenKind.BROKER: Role.BROKER,
}
#: How long each kind is good for, where the caller does not say.
_LIFETIME_MS = {
    TokenKind.LOGIN: HOUR_MS,
    TokenKind.JOIN_AGENT: HOUR_MS,
    TokenKind.JOIN_BROKER: HOUR_MS,
    TokenKind.SESSION: 30 * DAY_MS,
    TokenKind.API: 3650 * DAY_MS,
    TokenKind.AGENT: DAY_MS,
    TokenKind.BROKER: DAY_MS,
}


@dataclass(frozen=True, slots=True)
class Issued:
    """A new token: `secret` is shown once and never stored."""

    id: str
    secret: str
    expires_at: int


class Access:
    """Checks and issues credentials."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._known: dict[str, tuple[TokenRow, Principal]] = {}
        self._tickets: dict[str, tuple[Principal, int]] = {}

    # ---- issuing

    async def issue(self, kind: TokenKind, subject: str, name: str, lifetime_ms: int = 0) -> Issued:
        """Return a new token of a kind for a subject."""
        issued, row = self._new(kind, subject, name, lifetime_ms)
        await self._store.write(lambda tx: tokens.add(tx, row, issued.secret))
        return issued

    def issue_in(self, tx: Transaction, kind: TokenKind, subject: str, name: str, secret: str) -> int:
        """Store a token with a secret made before, inside a unit of work; return when it expires."""
        now = self._clock()
        expires_at = now + _LIFETIME_MS[kind]
        tokens.add(tx, TokenRow(new_id(IdKind.TOKEN), kind, subject, name, now, expires_at), secret)
        return expires_at

    @staticmethod
    def new_secret(kind: TokenKind) -> str:
        """Return 256 random bits with the kind's prefix."""
        return f"{kind.value}_{secrets.token_urlsafe(32)}"

    def _new(self, kind: TokenKind, subject: str, name: str, lifetime_ms: int) -> tuple[Issued, TokenRow]:
        now = self._clock()
        row = TokenRow(new_id(IdKind.TOKEN), kind, subject, name, now, now + (lifetime_ms or _LIFETIME_MS[kind]))
        return Issued(row.id, self.new_secret(kind), row.expires_at), row

    # ---- checking

    async def authenticate(self, secret: str) -> Principal | None:
        """Return whose credentials these are, or None."""
        known = self._known.get(secret)
        if known is None:
            row = await self._store.look(lambda tx: tokens.by_hash(tx, secret)) if len(secret) < 200 else None
            role = _ROLES.get(TokenKind(row.kind)) if row else None
            if row is None or role is None:
                return None
            known = (row, Principal(role, row.subject, row.name))
            if len(self._known) > MAX_TICKETS:
                self._known.clear()
            self._known[secret] = known
        row, principal = known
        return principal if row.expires_at > self._clock() else None

    def expires_at(self, secret: str) -> int:
        """Return when credentials that were just checked expire."""
        known = self._known.get(secret)
        return known[0].expires_at if known else 0

    async def log_in(self, code: str) -> tuple[Issued, Principal]:
        """Use up a login code and return a session; raises BROWSER_LINK_USED."""
        now = self._clock()
        issued, session = self._new(TokenKind.SESSION, "", "", 0)

        def unit(tx: Transaction) -> Principal | None:
            row = tokens.by_hash(tx, code)
            good = row and row.kind == TokenKind.LOGIN and row.expires_at > now and tokens.mark_used(tx, row.id, now)
            if row is None or not good:
                return None
            kept = TokenRow(session.id, session.kind, row.subject, row.name, session.created_at, session.expires_at)
            tokens.add(tx, kept, issued.secret)
            return Principal(Role.ADMIN, row.subject, row.name)

        principal = await self._store.write(unit)
        if principal is None:
            raise MusterError(
                Reason.BROWSER_LINK_USED,
                "A login link works once, within an hour.",
                "Make a new one where the server runs: muster token login",
            )
        return issued, principal

    async def log_out(self, secret: str) -> None:
        """Revoke a session or key."""

        def unit(tx: Transaction) -> None:
            row = tokens.by_hash(tx, secret)
            if row:
                tokens.remove(tx, row.id)

        await self._store.write(unit)
        self._known.pop(secret, None)

    def take_join_token(self, tx: Transaction, secret: str, kind: TokenKind, name: str, public_key: bytes) -> None:
        """Use up a join token inside a unit of work; raises JOIN_TOKEN_INVALID. The same key may use it again."""
        now = self._clock()
        row = tokens.by_hash(tx, secret)
        if row is None or row.kind != kind:
            raise _bad_join_token("The server knows no such join token.")
        if row.used_at:
            if row.used_by == public_key:
                return
            raise _bad_join_token("This join token was used by another process already; each works once.")
        if row.expires_at <= now:
            raise _bad_join_token("This join token has expired.")
        if row.name and row.name.lower() != name.lower():
            raise _bad_join_token(f"This join token is for '{row.name}', not for '{name}'.")
        tokens.mark_used(tx, row.id, now, public_key)

    def revoke_in(self, tx: Transaction, kind: TokenKind, subject: str) -> None:
        """Revoke all of a subject's tokens of a kind, inside a unit of work."""
        tokens.remove_subject(tx, kind, subject)
        self.forget(subject)

    def forget(self, subject: str) -> None:
        """Look a subject's tokens up anew when they are shown next."""
        self._known = {key: known for key, known in self._known.items() if known[0].subject != subject}

    async def sweep(self) -> None:
        """Forget what expired a day ago."""
        before = self._clock() - DAY_MS
        await self._store.write(lambda tx: tokens.remove_expired(tx, before))

    # ---- tickets for WebSockets: in memory, thirty seconds, once

    def new_ticket(self, principal: Principal) -> str:
        """Return a ticket that opens one socket."""
        now = self._clock()
        self._tickets = {key: kept for key, kept in self._tickets.items() if kept[1] > now}
        if len(self._tickets) >= MAX_TICKETS:
            raise MusterError(Reason.OVERLOADED, "Too many tickets are open.", "Try again in half a minute.")
        ticket = secrets.token_urlsafe(32)
        self._tickets[ticket] = (principal, now + TICKET_MS)
        return ticket

    def take_ticket(self, ticket: str) -> Principal:
        """Use a ticket up; raises TICKET_INVALID."""
        principal, expires_at = self._tickets.pop(ticket, (None, 0))
        if principal is None or expires_at <= self._clock():
            raise MusterError(
                Reason.TICKET_INVALID,
                "This ticket is unknown, was used, or is older than 30 seconds.",
                "Ask for a new one: POST /api/v1/ws-tickets",
            )
        return principal


def _bad_join_token(detail: str) -> MusterError:
    return MusterError(
        Reason.JOIN_TOKEN_INVALID, detail, "Make a new one: muster token create, or 'Add an agent' in the console."
    )
