"""The record of what was done, by whom, to what. Lines are added, never changed."""

from sqlalchemy import insert

from muster_server.store.tables import audit
from muster_server.store.transaction import Transaction

__all__ = ["note"]

_NOTE = insert(audit)


def note(tx: Transaction, subject: str, now: int, by: str, action: str, detail: str = "") -> None:
    """Write a line, inside the unit of work that does it."""
    tx.run(_NOTE, at=now, by=by, action=action, subject=subject, detail=detail[:500])
