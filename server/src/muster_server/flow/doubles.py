"""How long it is remembered what was here before: longer than anything can come a second time."""

from sqlalchemy import bindparam, delete, select

from muster_server.clock import Clock
from muster_server.store.store import Store
from muster_server.store.tables import idempotency, inbox
from muster_server.store.transaction import Transaction

__all__ = ["Doubles"]

#: A message lives a day and a dead letter may be replayed after that; a browser repeats a request within minutes.
KEPT_MS = 7 * 86_400_000
#: Rows of each table that one unit of work deletes: a few milliseconds.
AT_ONCE = 500

_FORGET_MESSAGES = delete(inbox).where(
    inbox.c.message_id.in_(
        select(inbox.c.message_id).where(inbox.c.at < bindparam("before")).order_by(inbox.c.at).limit(AT_ONCE)
    )
)
_FORGET_KEYS = delete(idempotency).where(
    idempotency.c.key.in_(
        select(idempotency.c.key)
        .where(idempotency.c.at < bindparam("before"))
        .order_by(idempotency.c.at)
        .limit(AT_ONCE)
    )
)


class Doubles:
    """Forgets message ids and idempotency keys of long ago."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def sweep(self) -> None:
        """Delete what is too old, in small units, so that other work gets in between."""
        before = self._clock() - KEPT_MS

        def unit(tx: Transaction) -> int:
            return max(tx.run(_FORGET_MESSAGES, before=before), tx.run(_FORGET_KEYS, before=before))

        while await self._store.write(unit) == AT_ONCE:
            pass
