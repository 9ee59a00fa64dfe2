"""What the broker says of a message: it waits, it went to many, or it will not be delivered."""

from asyncio import Future
from dataclasses import replace

from muster_messaging.message import Message
from muster_server.clock import Clock
from muster_server.conversations import store
from muster_server.conversations.core import ENDED, Run
from muster_server.conversations.ports import AgentDirectory
from muster_server.conversations.reading import read_body
from muster_server.conversations.receiving import MANY, Receiver, Stored
from muster_server.flow.chain import then
from muster_server.store.store import Store
from muster_server.store.transaction import Transaction
from muster_shared_models.bodies import NOTICE, NoticeBody, branch_run
from muster_shared_models.conversations import RunBranch, RunFannedOut, RunQueued, RunState
from muster_shared_models.ids import IdKind
from muster_shared_models.model import BusModel, WireModel
from muster_shared_models.problems import MusterError, Reason
from muster_shared_models.run_events import RunError

__all__ = ["Notices"]


class Notices:
    """Takes the broker's notices."""

    def __init__(self, db: Store, clock: Clock, directory: AgentDirectory, receiver: Receiver) -> None:
        self._store = db
        self._clock = clock
        self._directory = directory
        self._receiver = receiver

    def take(self, message: Message) -> "Future[None]":
        """Begin to take what the broker says of a message."""
        if message.origin.startswith(f"{IdKind.AGENT}_"):
            raise MusterError(Reason.PERMISSION_DENIED, f"Agent {message.origin} speaks as a broker.")
        notice = read_body(NOTICE, message, "The notice")
        return then(self._store.write(lambda tx: self._notice_unit(tx, message.id, notice)), self._after)

    def _notice_unit(self, tx: Transaction, message_id: str, notice: NoticeBody) -> Stored | None:
        now = self._clock()
        run = store.run_by_id(tx, notice.run_id)
        if run is None or run.state in ENDED or (notice.final and run.state is RunState.RUNNING):
            return None  # a run that its agent has begun is the agent's to end, or the deadline's
        if not store.see(tx, message_id, now):
            return None
        event: WireModel | BusModel
        if notice.reason == "fanned_out":
            event = self._fan_out(tx, run, notice, now)
            run = replace(run, state=RunState.FINISHED, ended_at=now, agent_id=MANY)
        elif notice.final:
            reason = Reason(notice.reason)
            event = RunError(run_id=run.id, attempt=run.attempt, reason=reason, message=notice.detail)
            run = replace(run, state=RunState.FAILED, ended_at=now)
        elif run.state is RunState.QUEUED:
            event = RunQueued(run_id=run.id, agent_id=notice.agent_id, detail=notice.detail)
        else:
            return None
        return self._receiver.end_unit(tx, run, event, now)

    def _fan_out(self, tx: Transaction, base: Run, notice: NoticeBody, now: int) -> RunFannedOut:
        branches = []
        for agent_id in notice.targets:
            run_id = branch_run(base.id, agent_id)
            if store.run_by_id(tx, run_id) is None:
                self._receiver.add_branch(tx, base, agent_id, now)
            name = self._directory.name_of(agent_id)
            branches.append(RunBranch(run_id=run_id, agent_id=agent_id, agent_name=name))
        return RunFannedOut(run_id=base.id, branches=branches)

    def _after(self, stored: Stored | None) -> None:
        if stored:
            self._receiver.after(stored)
