"""A conversation with one run on a database, and nobody around it."""

from typing import Any

from muster_messaging.message import Delivery, Message
from muster_server.conversations import store as runs
from muster_server.conversations.claiming import Claims
from muster_server.conversations.core import Run
from muster_server.conversations.drafts import Drafts
from muster_server.conversations.dying import RunEnds
from muster_server.conversations.noticing import Notices
from muster_server.conversations.passing import Passing
from muster_server.conversations.receiving import Receiver
from muster_server.conversations.waiting import Waiting
from muster_server.deadletters.core import ends_a_begun_run, read, what_ended_the_run
from muster_server.store.store import Store
from muster_server.store.transaction import Transaction
from muster_shared_models.bodies import MessageType, NoticeBody, RunEventsBody
from muster_shared_models.conversations import RunState
from muster_shared_models.problems import Reason
from muster_shared_models.run_events import RunFinished, RunStarted, TextEnd

__all__ = ["AGENT", "ENDED", "MESSAGE", "RUN", "STARTED", "Talk"]

AGENT = "agt_1"
RUN = Run("run_1", "cnv_1", "msg_1", AGENT, RunState.QUEUED, 0, 1, deadline_at=1 << 40)
MESSAGE = Message("msg_1", MessageType.CHAT.value, b"{}", "brk_1", f"agent:{AGENT}", "cnv_1", RUN.id, origin="user:u")
STARTED = RunStarted(run_id=RUN.id)
ENDED = (TextEnd(run_id=RUN.id, message_id="msg_2", text="here it is"), RunFinished(run_id=RUN.id))


class Nearby:
    """What conversations need of others: nobody follows, and forgeries are counted."""

    def __init__(self) -> None:
        self.forgeries: list[str] = []
        self.reopened: list[str] = []
        self.stopped: list[tuple[str, str]] = []

    def name_of(self, agent_id: str) -> str:
        return agent_id

    def may_act(self, _agent_id: str) -> bool:
        return False

    def followed(self, _stream: str) -> bool:
        return False

    def forged(self, agent_id: str, _subject: str, _detail: str) -> None:
        self.forgeries.append(agent_id)

    def run_started(self, *_: Any) -> None:
        """Nobody is told."""

    def run_reopened(self, run_id: str) -> None:
        self.reopened.append(run_id)

    def stop_run(self, agent_id: str, run_id: str) -> None:
        self.stopped.append((agent_id, run_id))

    def run_ended(self, *_: Any) -> None:
        """Nobody is told."""


class Talk:
    """A conversation with one run, on a database."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.near = near = Nearby()
        other: Any = near
        passing, waiting = Passing(store, other, Drafts(), other), Waiting(store)
        self.receiver = Receiver(store, lambda: 5, other, other, other, passing, {}, waiting, conduct=other)
        self.notices = Notices(store, lambda: 5, other, self.receiver)
        self.ends = RunEnds(lambda: 5, self.receiver)
        self.claims = Claims(store, lambda: 5, self.receiver, waiting)

    async def begin(self, run: Run = RUN) -> None:
        def unit(tx: Transaction) -> None:
            if runs.address_of(tx, run.conversation) is None:
                runs.add_conversation(tx, run.conversation, "", f"agent:{AGENT}", "usr_1", 1)
            runs.add_run(tx, run)

        await self._store.write(unit)

    async def report(self, *events: Any, sender: str = AGENT, message_id: str, run: Run = RUN) -> None:
        body = RunEventsBody(run_id=run.id, events=list(events)).model_dump_json().encode()
        kind = MessageType.RUN_EVENTS.value
        message = Message(message_id, kind, body, "brk_1", conversation=run.conversation, run=run.id, origin=sender)
        await self.receiver.take_run_events(message)

    async def told(self, reason: Reason) -> None:
        body = NoticeBody(message_id="msg_1", run_id=RUN.id, reason=reason, detail="No.", final=True)
        message = Message(f"msg_1!{reason}", MessageType.NOTICE.value, body.model_dump_json().encode(), "brk_1")
        await self.notices.take(message)

    async def died(self, delivery: Delivery, queue: str) -> None:
        letter = read(delivery, queue, 4)
        why, begun = what_ended_the_run(letter), ends_a_begun_run(letter)
        origin = letter.message.origin
        await self._store.write(lambda tx: self.ends.died(tx, letter.message.run, origin, *why, begun=begun))

    async def kinds(self) -> list[str]:
        rows = await self._store.read(lambda tx: runs.events_of(tx, "cnv_1", 0, 100))
        return [kind for _, _, kind, _ in rows]
