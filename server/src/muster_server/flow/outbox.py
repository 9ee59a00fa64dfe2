"""The outbox: a message is stored with what it belongs to, then published, confirmed and forgotten.

`add` runs inside the unit of work that needs the message sent; `offer` publishes it once that is on disk. After a
restart, what was not confirmed is published again with the same id. Order is kept per lane.
"""

import asyncio
from asyncio import Future
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from sqlalchemy import bindparam, delete, insert, select

from muster_messaging.bus import Bus
from muster_messaging.errors import BusError, Disconnected
from muster_messaging.frames import decode, encode
from muster_messaging.lanes import Lanes
from muster_messaging.message import Message
from muster_server.clock import Clock
from muster_server.store.store import Store
from muster_server.store.tables import outbox
from muster_server.store.transaction import Transaction
from muster_shared_models.problems import MusterError, Reason

__all__ = ["Forget", "Outbox", "Outgoing"]

log = structlog.get_logger()

#: Stored messages that are not confirmed, and bytes of them in memory; above either, nothing more is accepted.
LIMIT = 20_000
LIMIT_BYTES = 256 * 1024 * 1024
#: Confirmed messages are forgotten in batches, at the latest after this time.
FORGET_EVERY_S = 0.25
#: After the database has refused it, later.
FORGET_AGAIN_S = 2.0
PATIENCE_S = 86_400.0

_ADD = insert(outbox).returning(outbox.c.id)
_ALL = select(outbox.c.id, outbox.c.lane, outbox.c.exchange, outbox.c.key, outbox.c.frame).order_by(outbox.c.id)
_FORGET = delete(outbox).where(outbox.c.id == bindparam("row_id"))


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A stored message. `id` is 0 before it is stored."""

    lane: str
    exchange: str
    key: str
    message: Message
    id: int = 0


#: Forgets a message inside a unit of work.
Forget = Callable[[Transaction], int]
#: Called with a message that can never be delivered, why, and what forgets it: put aside, it must not be sent again.
Undeliverable = Callable[[Outgoing, BusError, Forget], "Future[None]"]


class Outbox:
    """Publishes what is stored."""

    def __init__(self, store: Store, bus: Bus, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        # No limit here: what is stored must be published, and `need_room` says what may be stored.
        self._lanes = Lanes(bus, patience_s=PATIENCE_S, limit=0)
        self._bytes = 0
        self._confirmed: list[int] = []
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self._loop = asyncio.get_running_loop()
        self._on_undeliverable: Undeliverable | None = None

    def tells(self, on_undeliverable: Undeliverable) -> None:
        """Say who is told of messages that can never be delivered."""
        self._on_undeliverable = on_undeliverable

    @property
    def waiting(self) -> int:
        """How many messages are stored and not confirmed."""
        return self._lanes.waiting

    def need_room(self) -> None:
        """Raise OVERLOADED when too much waits."""
        if self._lanes.waiting >= LIMIT or self._bytes >= LIMIT_BYTES:
            raise MusterError(
                Reason.OVERLOADED,
                f"{self._lanes.waiting} messages ({self._bytes >> 20} MiB) wait for the queue server.",
                "Nothing was stored; try again in a few seconds.",
            )

    def add(self, tx: Transaction, outgoing: Outgoing) -> int:
        """Store a message inside a unit of work; return its row."""
        row = tx.one(
            _ADD,
            message_id=outgoing.message.id,
            lane=outgoing.lane,
            exchange=outgoing.exchange,
            key=outgoing.key,
            frame=encode(outgoing.message),
            created_at=self._clock(),
        )
        assert row is not None
        return int(row.id)

    def offer(self, row_id: int, outgoing: Outgoing) -> None:
        """Publish a message that is on disk."""
        self._bytes += len(outgoing.message.body)
        settled = self._lanes.send(outgoing.lane, outgoing.exchange, outgoing.key, outgoing.message)
        settled.add_done_callback(lambda done: self._settled(row_id, outgoing, done))

    async def recover(self) -> int:
        """Publish what an earlier process left; return how many messages that were."""
        rows = await self._store.read(lambda tx: tx.all(_ALL))
        for row in rows:
            message = decode(bytes(row.frame), "")
            self.offer(row.id, Outgoing(row.lane, row.exchange, row.key, message))
        return len(rows)

    async def close(self) -> None:
        """Stop publishing; forget what is confirmed."""
        self._closed = True
        self._lanes.close()
        if self._timer:
            self._timer.cancel()
        await self._forget()

    def _settled(self, row_id: int, outgoing: Outgoing, done: "Future[None]") -> None:
        self._bytes -= len(outgoing.message.body)
        error = done.exception()
        if error is None:
            self._done_with(row_id)
        elif isinstance(error, Disconnected):
            pass  # closing: the row stays and is sent after the restart
        elif isinstance(error, BusError) and self._on_undeliverable:
            kept = self._on_undeliverable(outgoing, error, lambda tx: tx.run(_FORGET, row_id=row_id))
            kept.add_done_callback(lambda kept: self._kept(outgoing, kept))
        else:  # nobody knows what became of it: it is sent again after the next start
            log.error("cannot be published", message_id=outgoing.message.id, detail=str(error))

    @staticmethod
    def _kept(outgoing: Outgoing, kept: "Future[None]") -> None:
        if kept.exception() is not None:  # the row stays: it is tried again after the next start
            log.error("cannot be kept", message_id=outgoing.message.id, detail=str(kept.exception()))

    def _done_with(self, row_id: int) -> None:
        self._confirmed.append(row_id)
        if self._timer is None:
            self._timer = self._loop.call_later(FORGET_EVERY_S, self._forget_soon)

    def _forget_soon(self) -> None:
        self._timer = None
        rows, self._confirmed = self._confirmed, []
        forgotten = self._store.write(lambda tx: tx.run_many(_FORGET, [{"row_id": row} for row in rows]))
        forgotten.add_done_callback(lambda done: self._forgotten(rows, done))

    def _forgotten(self, rows: list[int], done: "Future[None]") -> None:
        if done.exception() is None or self._closed:
            return  # rows that stay are published again after a restart; the receivers drop doubles
        self._confirmed += rows
        if self._timer is None:
            self._timer = self._loop.call_later(FORGET_AGAIN_S, self._forget_soon)

    async def _forget(self) -> None:
        rows, self._confirmed = self._confirmed, []
        if rows:
            await self._store.write(lambda tx: tx.run_many(_FORGET, [{"row_id": row} for row in rows]))
