"""The list of conversations after a restart and while the database is busy; what was accepted stays accepted."""

from typing import Any

import pytest

from muster_server.access.core import Principal, Role
from muster_server.conversations import store as rows
from muster_server.conversations.sending import Sender
from muster_server.conversations.service import LISTED, Conversations
from muster_server.conversations.waiting import Waiting
from muster_server.store.store import Store
from muster_server.store.transaction import Transaction
from muster_shared_models.conversations import SendMessage
from muster_shared_models.problems import MusterError, Reason

ADA = Principal(id="usr_1", name="Ada", role=Role.ADMIN)


class Nearby:
    """An agent and an outbox, until they refuse."""

    id, history = "agt_1", 0

    def __init__(self) -> None:
        self.full = self.gone = False
        self.sent: list[Any] = []

    def need_room(self) -> None:
        if self.full:
            raise MusterError(Reason.OVERLOADED, "full")

    def targets(self, _address: Any) -> list[Any]:
        if self.gone:
            raise MusterError(Reason.AGENT_NOT_FOUND, "gone")
        return [self]

    def name_of(self, agent_id: str) -> str:
        return agent_id

    def add(self, _tx: Transaction, _outgoing: Any) -> int:
        return 1

    def offer(self, _row_id: int, outgoing: Any) -> None:
        self.sent.append(outgoing)

    def event(self, *_: Any) -> None:
        """Nobody sees it."""


class Busy:
    """A database that may be busy for readers."""

    def __init__(self, db: Store) -> None:
        self.busy = False
        self.read, self.write, self._look = db.read, db.write, db.look

    async def look(self, unit: Any) -> Any:
        if self.busy:
            raise MusterError(Reason.DATABASE_BUSY, "busy")
        return await self._look(unit)


def listing(db: Any, changed: dict[str, None]) -> tuple[Conversations, list[str]]:
    near: Any = Nearby()
    told: list[str] = []
    return Conversations(db, lambda: 5, near, near, near, changed, lambda e: told.append(e.conversation.id)), told


async def add(store: Store, *numbers: int) -> list[str]:
    def unit(tx: Transaction) -> None:
        for number in numbers:
            rows.add_conversation(tx, f"cnv_{number}", "", "agent:one", "usr_1", 1_000 + number)

    await store.write(unit)
    return [f"cnv_{number}" for number in numbers]


async def test_after_a_restart_the_oldest_conversation_leaves_the_list(store: Store) -> None:
    known = await add(store, *range(LISTED))
    changed: dict[str, None] = {}
    talks, _ = listing(store, changed)
    await talks.load()
    changed.update(dict.fromkeys(await add(store, LISTED)))
    await talks.tick()
    assert [view.id for view in talks.latest()] == [f"cnv_{LISTED}", *known[:0:-1]]


async def test_changes_are_told_when_the_database_can_be_read_again(store: Store) -> None:
    changed = dict.fromkeys(await add(store, 1, 2))
    db = Busy(store)
    talks, told = listing(db, changed)
    db.busy = True
    with pytest.raises(MusterError):
        await talks.tick()
    db.busy = False
    await talks.tick()
    assert told == ["cnv_1", "cnv_2"]
    assert not changed


@pytest.mark.parametrize("refuses", ["full", "gone"])
async def test_a_message_that_was_accepted_is_answered_as_before(store: Store, refuses: str) -> None:
    near: Any = Nearby()
    sender = Sender(store, lambda: 5, near, near, near, 4, {}, Waiting(store))
    said = SendMessage(to="agent:one", text="hello")
    sent = await sender.send(ADA, "ref 1", said)
    setattr(near, refuses, True)
    assert await sender.send(ADA, "ref 1", said) == sent
    with pytest.raises(MusterError, match="used for another"):
        await sender.send(ADA, "ref 1", SendMessage(to="agent:one", text="bye"))
    with pytest.raises(MusterError, match=refuses):
        await sender.send(ADA, "ref 2", said)
    assert len(near.sent) == 1
