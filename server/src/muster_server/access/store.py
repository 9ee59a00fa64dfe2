"""Tokens of every kind, as hashes. What a token is worth is said by its kind, subject and role, never by its holder."""

from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import bindparam, delete, insert, select, update

from muster_server.store.tables import tokens
from muster_server.store.transaction import Transaction

__all__ = ["TokenRow", "add", "by_hash", "mark_used", "remove", "remove_expired", "remove_subject"]


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token as it is stored. `name`: of the agent it is for, or of the person."""

    id: str
    kind: str
    subject: str
    name: str
    created_at: int
    expires_at: int
    used_at: int = 0
    used_by: bytes = b""


_INSERT = insert(tokens)
_BY_HASH = select(
    tokens.c.id, tokens.c.kind, tokens.c.subject, tokens.c.name, tokens.c.created_at, tokens.c.expires_at,
    tokens.c.used_at, tokens.c.used_by,
).where(tokens.c.hash == bindparam("token_hash"))  # fmt: skip
_USE = (
    update(tokens)
    .where(tokens.c.id == bindparam("token_id"), tokens.c.used_at == 0)
    .values(used_at=bindparam("now"), used_by=bindparam("by"))
)
_REMOVE = delete(tokens).where(tokens.c.id == bindparam("token_id"))
_REMOVE_SUBJECT = delete(tokens).where(
    tokens.c.kind == bindparam("token_kind"), tokens.c.subject == bindparam("token_subject")
)
_REMOVE_EXPIRED = delete(tokens).where(tokens.c.expires_at < bindparam("before"))


def add(tx: Transaction, row: TokenRow, secret: str) -> None:
    """Store a new token; of `secret` only the hash is kept."""
    tx.run(
        _INSERT,
        id=row.id,
        hash=sha256(secret.encode()).digest(),
        kind=row.kind,
        subject=row.subject,
        name=row.name,
        created_at=row.created_at,
        expires_at=row.expires_at,
        used_at=row.used_at,
        used_by=row.used_by,
    )


def by_hash(tx: Transaction, secret: str) -> TokenRow | None:
    """Return the token with this secret."""
    row = tx.one(_BY_HASH, token_hash=sha256(secret.encode()).digest())
    if row is None:
        return None
    token_id, kind, subject, name, created_at, expires_at, used_at, used_by = row
    return TokenRow(token_id, kind, subject, name, created_at, expires_at, used_at, bytes(used_by))


def mark_used(tx: Transaction, token_id: str, now: int, by: bytes = b"") -> bool:
    """Use a token up; False when somebody was faster."""
    return tx.run(_USE, token_id=token_id, now=now, by=by) == 1


def remove(tx: Transaction, token_id: str) -> None:
    """Revoke one token."""
    tx.run(_REMOVE, token_id=token_id)


def remove_subject(tx: Transaction, kind: str, subject: str) -> None:
    """Revoke all tokens of a kind that name this subject."""
    tx.run(_REMOVE_SUBJECT, token_kind=kind, token_subject=subject)


def remove_expired(tx: Transaction, before: int) -> int:
    """Forget tokens that expired before a moment."""
    return tx.run(_REMOVE_EXPIRED, before=before)
