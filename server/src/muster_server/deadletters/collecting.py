"""Takes dead letters off their queues into the database, where people find them; then acknowledges."""

import asyncio
from asyncio import Future
from typing import Any

import structlog

from muster_messaging.bus import Bus
from muster_messaging.errors import BusError
from muster_messaging.message import Delivery
from muster_messaging.topology import PARKING_QUEUE, dead_letter_queues
from muster_server.clock import Clock
from muster_server.deadletters import store
from muster_server.deadletters.core import DeadLetter, as_bytes, ends_a_begun_run, read, refused, what_ended_the_run
from muster_server.deadletters.ports import Runs
from muster_server.flow.chain import then
from muster_server.flow.outbox import Forget, Outgoing
from muster_server.store.store import Store
from muster_server.store.transaction import Transaction
from muster_shared_models.bodies import MessageType
from muster_shared_models.dead_letters import DeadLetterFilter
from muster_shared_models.ids import IdKind, new_id
from muster_shared_models.problems import MusterError

__all__ = ["Collector"]

#: Bodies may have a megabyte each: few in hand.
PREFETCH = 20
#: Dead letters that the room holds; the others stay in their queues, which are bounded too.
ROOM = 100_000
RETRY_S = 2.0
#: What belongs to a run: its message, and its agent's answers.
_OF_RUNS = frozenset({MessageType.CHAT.value, MessageType.RUN_EVENTS.value})

log = structlog.get_logger()


class Collector:
    """Consumes every dead-letter queue and the parking queue."""

    def __init__(self, bus: Bus, db: Store, clock: Clock, partitions: int, runs: Runs[Any]) -> None:
        self._bus = bus
        self._store = db
        self._clock = clock
        self._partitions = partitions
        self._runs = runs

    async def run(self) -> None:
        """Collect until cancelled."""
        async with asyncio.TaskGroup() as group:
            for queue in (*dead_letter_queues(), PARKING_QUEUE):
                group.create_task(self._collect(queue), name=f"collect {queue}")

    def keep(self, outgoing: Outgoing, error: BusError, forget: Forget) -> "Future[None]":
        """Begin to keep a message that the queue server refuses for good, in place of what `forget` forgets."""
        reason, detail = error.reason.value, error.detail
        return self._write([refused(outgoing.exchange, outgoing.key, outgoing.message, reason, detail)], forget)

    async def _collect(self, queue: str) -> None:
        subscription = await self._bus.subscribe(queue, PREFETCH)
        while True:
            await self._room()
            batch = await subscription.next_batch()
            await self._keep(queue, batch)
            subscription.ack(delivery.tag for delivery in batch)

    async def _room(self) -> None:
        while await self._store.read(lambda tx: store.count(tx, DeadLetterFilter())) >= ROOM:
            log.warning("the dead-letter room is full", letters=ROOM)
            await asyncio.sleep(RETRY_S * 5)

    async def _keep(self, queue: str, batch: list[Delivery]) -> None:
        letters = [read(delivery, queue, self._partitions) for delivery in batch]
        try:
            await self._kept(letters)
        except MusterError:
            raise
        except Exception as error:  # noqa: BLE001 - one of them cannot be kept as it is: the others can
            log.warning("dead letters are kept one by one", queue=queue, letters=len(letters), detail=str(error))
            for letter in letters:
                await self._keep_one(letter)

    async def _keep_one(self, letter: DeadLetter) -> None:
        try:
            await self._kept([letter])
        except MusterError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is: it comes from the message, and would come again
            log.warning("a dead letter is kept as bytes", message_id=letter.message.id, detail=str(error))
            await self._kept([as_bytes(letter, str(error))])

    async def _kept(self, letters: list[DeadLetter]) -> None:
        while True:
            try:
                await self._write(letters)
            except MusterError as error:
                if isinstance(error, BusError):
                    raise
                log.warning("dead letters cannot be stored", detail=error.detail)
                await asyncio.sleep(RETRY_S)
            else:
                return

    def _write(self, letters: list[DeadLetter], forget: Forget | None = None) -> "Future[None]":
        def unit(tx: Transaction) -> list[Any]:
            if forget:
                forget(tx)
            now = self._clock()
            new = [letter for letter in letters if store.add(tx, new_id(IdKind.DEAD_LETTER), letter, now)]
            of_runs = [letter for letter in new if letter.message.type in _OF_RUNS]
            return [self._died(tx, letter) for letter in of_runs]

        def after(ended: list[Any]) -> None:
            for each in filter(None, ended):
                self._runs.after(each)
            for letter in letters:
                log.warning("dead letter", message_id=letter.message.id, queue=letter.queue, reason=letter.reason)

        return then(self._store.write(unit), after)

    def _died(self, tx: Transaction, letter: DeadLetter) -> Any:
        message, reason_and_words = letter.message, what_ended_the_run(letter)
        return self._runs.died(tx, message.run, message.origin, *reason_and_words, begun=ends_a_begun_run(letter))
