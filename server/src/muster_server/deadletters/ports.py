"""What the dead-letter room needs of other capabilities."""

from typing import Generic, Protocol, TypeVar

from muster_messaging.message import Message
from muster_server.flow.outbox import Outgoing
from muster_server.store.transaction import Transaction
from muster_shared_models.problems import Reason

__all__ = ["Runs", "Sending"]

Change = TypeVar("Change")


class Runs(Protocol, Generic[Change]):
    """The runs that messages belong to."""

    def died(
        self, tx: Transaction, run_id: str, sender: str, reason: Reason, detail: str, *, begun: bool
    ) -> Change | None:
        """End a run inside a unit of work, because of a message of `sender`; one that has begun only if `begun`."""
        ...

    def reopened(self, tx: Transaction, run_id: str, to: str, by: str) -> Change | None:
        """Let a failed run wait again, inside a unit of work, for whoever has the address `to`."""
        ...

    def answered(self, tx: Transaction, message: Message, by: str) -> Change | None:
        """Let a run that failed take the end of its answer after all; raises ALREADY_FINISHED when it would not."""
        ...

    def after(self, stored: Change) -> None:
        """Tell browsers, once it is on disk."""
        ...


class Sending(Protocol):
    """The outbox."""

    def need_room(self) -> None:
        """Raise OVERLOADED when too much waits."""
        ...

    def add(self, tx: Transaction, outgoing: Outgoing) -> int:
        """Store a message inside a unit of work."""
        ...

    def offer(self, row_id: int, outgoing: Outgoing) -> None:
        """Publish a stored message."""
        ...
