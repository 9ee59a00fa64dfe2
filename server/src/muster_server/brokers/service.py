"""Brokers: they register with a key of their own, and are connected while they follow the status stream."""

from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import bindparam, insert, select, update

from muster_server.clock import Clock
from muster_server.store.store import Store
from muster_server.store.tables import brokers
from muster_server.store.transaction import Transaction
from muster_shared_models.ids import IdKind, new_id
from muster_shared_models.model import from_ms
from muster_shared_models.system import BrokerView

__all__ = ["Brokers", "Credentials", "RegisteredBroker"]

_BY_KEY = select(brokers.c.id).where(brokers.c.public_key == bindparam("wanted"))
_ALL = select(brokers.c.id, brokers.c.name, brokers.c.registered_at).order_by(brokers.c.name)
_ADD = insert(brokers)
_RENAME = update(brokers).where(brokers.c.id == bindparam("broker_id")).values(name=bindparam("new_name"))


class Credentials(Protocol):
    """What registration needs of access."""

    def take_broker_token(self, tx: Transaction, secret: str, name: str, public_key: bytes) -> None:
        """Use a join token up; raises JOIN_TOKEN_INVALID."""
        ...

    def new_broker_secret(self) -> str:
        """Return a new access token."""
        ...

    def keep_broker_secret(self, tx: Transaction, broker_id: str, name: str, secret: str) -> int:
        """Store it; return when it expires."""
        ...


@dataclass(frozen=True, slots=True)
class RegisteredBroker:
    """What a registered broker is told."""

    broker_id: str
    secret: str
    expires_at: int


@dataclass(slots=True)
class _Known:
    name: str
    since: int
    streams: int = 0


class Brokers:
    """The routers."""

    def __init__(self, store: Store, clock: Clock, credentials: Credentials, partitions: int) -> None:
        self._store = store
        self._clock = clock
        self._credentials = credentials
        self._partitions = partitions
        self._known: dict[str, _Known] = {}

    async def load(self) -> None:
        """Know the brokers of the database."""
        for row in await self._store.read(lambda tx: tx.all(_ALL)):
            self._known[row.id] = _Known(row.name, row.registered_at)

    async def register(self, join_secret: str, public_key: bytes, name: str) -> RegisteredBroker:
        """Let a broker in, or back in; raises JOIN_TOKEN_INVALID."""
        now = self._clock()
        secret = self._credentials.new_broker_secret()

        def unit(tx: Transaction) -> tuple[str, int]:
            row = tx.one(_BY_KEY, wanted=public_key)
            if row:
                broker_id = str(row.id)
                tx.run(_RENAME, broker_id=broker_id, new_name=name)
            else:
                self._credentials.take_broker_token(tx, join_secret, name, public_key)
                broker_id = new_id(IdKind.BROKER)
                tx.run(_ADD, id=broker_id, name=name, public_key=public_key, registered_at=now)
            return broker_id, self._credentials.keep_broker_secret(tx, broker_id, name, secret)

        broker_id, expires_at = await self._store.write(unit)
        self._known.setdefault(broker_id, _Known(name, now)).name = name
        return RegisteredBroker(broker_id, secret, expires_at)

    def connected(self, broker_id: str) -> None:
        """A broker follows the status stream."""
        known = self._known.setdefault(broker_id, _Known(broker_id, self._clock()))
        known.streams += 1
        known.since = self._clock()

    def disconnected(self, broker_id: str) -> None:
        """It follows it no longer."""
        known = self._known.get(broker_id)
        if known:
            known.streams -= 1
            known.since = self._clock()

    def ids(self) -> list[str]:
        """Return every broker that ever registered."""
        return list(self._known)

    def is_broker(self, broker_id: str) -> bool:
        """Tell whether this is one of the brokers."""
        return broker_id in self._known

    def views(self) -> list[BrokerView]:
        """Return the brokers that are connected, and those that were an hour ago."""
        recently = self._clock() - 3_600_000
        return [
            BrokerView(
                id=broker_id,
                name=known.name,
                connected=known.streams > 0,
                since=from_ms(known.since),
                partitions=list(range(self._partitions)) if known.streams else [],
            )
            for broker_id, known in self._known.items()
            if known.streams or known.since > recently
        ]
