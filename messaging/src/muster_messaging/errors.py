"""What a queue server may answer.

BusError
├── Transient        try again with the same message id
│   ├── Disconnected     nothing was sent
│   │   └── LoginRefused     the queue server does not know our login, or no longer
│   ├── Unconfirmed      it was sent, the outcome is unknown: the receiver drops doubles by id
│   └── QueueFull        the queue is at its bound
└── Permanent        trying again is pointless
    ├── Unroutable       no queue is bound for this key
    ├── TooLarge         the body is over MAX_BODY_BYTES
    ├── Refused          not allowed, or no such queue or exchange
    └── TopologyMismatch a queue exists with other arguments than intended
"""

from muster_shared_models.problems import MusterError, Reason

__all__ = [
    "BusError", "Disconnected", "LoginRefused", "Permanent", "QueueFull", "Refused", "TooLarge", "TopologyMismatch",
    "Transient", "Unconfirmed", "Unroutable",
]  # fmt: skip


class BusError(MusterError):
    """Something the bus could not do."""

    default = Reason.UNAVAILABLE

    def __init__(self, detail: str, hint: str = "") -> None:
        super().__init__(self.default, detail, hint)


class Transient(BusError):
    """Try again with the same message id."""


class Permanent(BusError):
    """Trying again is pointless."""


class Disconnected(Transient):
    """There is no connection: nothing was sent."""

    default = Reason.BUS_UNREACHABLE


class LoginRefused(Disconnected):
    """There is no connection: the queue server does not know our login, or no longer."""


class Unconfirmed(Transient):
    """The connection or the deadline ended before the confirm: the outcome is unknown."""


class QueueFull(Transient):
    """The queue is at its bound and refuses more."""

    default = Reason.QUEUE_FULL


class Unroutable(Permanent):
    """No queue is bound for this exchange and key."""

    default = Reason.UNROUTABLE


class TooLarge(Permanent):
    """The body is over the bound."""

    default = Reason.MESSAGE_TOO_LARGE


class Refused(Permanent):
    """Not allowed, or no such queue or exchange."""

    default = Reason.PERMISSION_DENIED


class TopologyMismatch(Permanent):
    """A queue exists with other arguments than intended."""

    default = Reason.TOPOLOGY_MISMATCH
