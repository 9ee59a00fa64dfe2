"""What can go wrong, told to people: one machine-readable reason, the same over gRPC, REST, WebSocket and the CLI.

MusterError(reason, detail, hint)       raised anywhere
    -> Problem                          RFC 9457 body, WebSocket error frame, `--json` output
    -> google.rpc.ErrorInfo.reason      in gRPC status details
"""

from enum import StrEnum
from typing import NamedTuple

from muster_shared_models.model import WireModel

__all__ = ["MusterError", "Problem", "Reason", "meaning"]


class Reason(StrEnum):
    """Why something did not happen. Never renamed once released."""

    AGENT_NOT_FOUND = "agent_not_found"
    AGENT_QUARANTINED = "agent_quarantined"
    ALREADY_FINISHED = "already_finished"
    BROWSER_LINK_USED = "browser_link_used"
    BUS_UNREACHABLE = "bus_unreachable"
    CLOCK_SKEW = "clock_skew"
    COMMAND_NOT_FOUND = "command_not_found"
    COMMAND_REFUSED = "command_refused"
    CONVERSATION_NOT_FOUND = "conversation_not_found"
    DATABASE_BUSY = "database_busy"
    DATA_DIR_IN_USE = "data_dir_in_use"
    EXPIRED = "expired"
    FRAME_MALFORMED = "frame_malformed"
    HOST_NOT_ALLOWED = "host_not_allowed"
    INTERNAL = "internal"
    INTERRUPTED = "interrupted"
    INVALID_ADDRESS = "invalid_address"
    INVALID_REQUEST = "invalid_request"
    INVALID_SETTING = "invalid_setting"
    JOIN_TOKEN_INVALID = "join_token_invalid"
    KEY_REUSED = "key_reused"
    MESSAGE_TOO_LARGE = "message_too_large"
    MODEL_FAILED = "model_failed"
    MODEL_KEY_MISSING = "model_key_missing"
    NAME_TAKEN = "name_taken"
    NOT_FOUND = "not_found"
    NO_TARGET = "no_target"
    ORIGIN_NOT_ALLOWED = "origin_not_allowed"
    OVERLOADED = "overloaded"
    PERMISSION_DENIED = "permission_denied"
    PORT_IN_USE = "port_in_use"
    QUEUE_FULL = "queue_full"
    RUN_NOT_FOUND = "run_not_found"
    SCHEMA_UNKNOWN = "schema_unknown"
    SERVER_IDENTITY = "server_identity"
    STOPPED = "stopped"
    STREAM_NOT_FOUND = "stream_not_found"
    TICKET_INVALID = "ticket_invalid"
    TIMED_OUT = "timed_out"
    TOOL_FAILED = "tool_failed"
    TOOL_MISSING = "tool_missing"
    TOPOLOGY_MISMATCH = "topology_mismatch"
    UNAUTHENTICATED = "unauthenticated"
    UNAVAILABLE = "unavailable"
    UNROUTABLE = "unroutable"


class Meaning(NamedTuple):
    """How a reason reads as a title, an HTTP status, a gRPC status code's name and a CLI exit code."""

    title: str
    http: int
    grpc: str
    exit_code: int = 1


_NOT_FOUND = (404, "NOT_FOUND", 3)
_DENIED = (403, "PERMISSION_DENIED", 4)
_BAD = (422, "INVALID_ARGUMENT", 2)
_LATER = (503, "UNAVAILABLE", 1)

_MEANINGS: dict[Reason, Meaning] = {
    Reason.AGENT_NOT_FOUND: Meaning("No such agent", *_NOT_FOUND),
    Reason.AGENT_QUARANTINED: Meaning("The agent is quarantined", *_DENIED),
    Reason.ALREADY_FINISHED: Meaning("It has already finished", 409, "FAILED_PRECONDITION"),
    Reason.BROWSER_LINK_USED: Meaning("This link has been used or has expired", 401, "UNAUTHENTICATED", 4),
    Reason.BUS_UNREACHABLE: Meaning("The queue server cannot be reached", *_LATER),
    Reason.CLOCK_SKEW: Meaning("The clocks differ too much", 401, "UNAUTHENTICATED", 4),
    Reason.COMMAND_NOT_FOUND: Meaning("No such command", *_NOT_FOUND),
    Reason.COMMAND_REFUSED: Meaning("The agent refuses commands", *_DENIED),
    Reason.CONVERSATION_NOT_FOUND: Meaning("No such conversation", *_NOT_FOUND),
    Reason.DATABASE_BUSY: Meaning("The database is busy", *_LATER),
    Reason.DATA_DIR_IN_USE: Meaning("Another server uses this data directory", 409, "FAILED_PRECONDITION"),
    Reason.EXPIRED: Meaning("It expired", 410, "FAILED_PRECONDITION", 5),
    Reason.FRAME_MALFORMED: Meaning("The frame cannot be read", *_BAD),
    Reason.HOST_NOT_ALLOWED: Meaning("This host name is not served", 421, "PERMISSION_DENIED", 4),
    Reason.INTERNAL: Meaning("Something went wrong on our side", 500, "INTERNAL"),
    Reason.INTERRUPTED: Meaning("It was interrupted", 409, "ABORTED"),
    Reason.INVALID_ADDRESS: Meaning("The address cannot be read", *_BAD),
    Reason.INVALID_REQUEST: Meaning("The request cannot be read", *_BAD),
    Reason.INVALID_SETTING: Meaning("A setting is not valid", *_BAD),
    Reason.JOIN_TOKEN_INVALID: Meaning("The join token is not valid", 401, "UNAUTHENTICATED", 4),
    Reason.KEY_REUSED: Meaning("The idempotency key was used for something else", 422, "ALREADY_EXISTS"),
    Reason.MESSAGE_TOO_LARGE: Meaning("The message is too large", 413, "RESOURCE_EXHAUSTED", 2),
    Reason.MODEL_FAILED: Meaning("The model did not answer", 502, "UNAVAILABLE"),
    Reason.MODEL_KEY_MISSING: Meaning("The model's API key is missing", 409, "FAILED_PRECONDITION", 2),
    Reason.NAME_TAKEN: Meaning("The name is taken", 409, "ALREADY_EXISTS"),
    Reason.NOT_FOUND: Meaning("There is nothing here", *_NOT_FOUND),
    Reason.NO_TARGET: Meaning("No agent matches", *_NOT_FOUND),
    Reason.ORIGIN_NOT_ALLOWED: Meaning("This origin is not allowed", *_DENIED),
    Reason.OVERLOADED: Meaning("Too much at once", 429, "RESOURCE_EXHAUSTED"),
    Reason.PERMISSION_DENIED: Meaning("Not allowed", *_DENIED),
    Reason.PORT_IN_USE: Meaning("The port is in use", 409, "FAILED_PRECONDITION"),
    Reason.QUEUE_FULL: Meaning("The queue is full", 429, "RESOURCE_EXHAUSTED"),
    Reason.RUN_NOT_FOUND: Meaning("No such run", *_NOT_FOUND),
    Reason.SCHEMA_UNKNOWN: Meaning("The message's schema is not known", *_BAD),
    Reason.SERVER_IDENTITY: Meaning("The server is not the one the token names", 403, "PERMISSION_DENIED", 4),
    Reason.STOPPED: Meaning("It was stopped", 409, "CANCELLED"),
    Reason.STREAM_NOT_FOUND: Meaning("No such stream", *_NOT_FOUND),
    Reason.TICKET_INVALID: Meaning("The ticket is not valid", 401, "UNAUTHENTICATED", 4),
    Reason.TIMED_OUT: Meaning("It took too long", 504, "DEADLINE_EXCEEDED", 5),
    Reason.TOOL_FAILED: Meaning("The tool failed", 502, "INTERNAL"),
    Reason.TOOL_MISSING: Meaning("Something needed is not installed", 409, "FAILED_PRECONDITION"),
    Reason.TOPOLOGY_MISMATCH: Meaning("A queue has other arguments than intended", 409, "FAILED_PRECONDITION"),
    Reason.UNAUTHENTICATED: Meaning("Log in first", 401, "UNAUTHENTICATED", 4),
    Reason.UNAVAILABLE: Meaning("Not available now", *_LATER),
    Reason.UNROUTABLE: Meaning("The message has nowhere to go", 409, "FAILED_PRECONDITION"),
}


def meaning(reason: Reason) -> Meaning:
    """Return how `reason` reads on every transport."""
    return _MEANINGS[reason]


class Problem(WireModel):
    """An error as people and programs read it (RFC 9457, plus `reason`, `hint` and `trace_id`)."""

    type: str
    title: str
    status: int
    detail: str
    reason: Reason
    hint: str = ""
    trace_id: str = ""


class MusterError(Exception):
    """Something did not happen: `reason` for programs, `detail` says what, `hint` says what to do."""

    def __init__(self, reason: Reason, detail: str, hint: str = "") -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.hint = hint

    def problem(self, trace_id: str = "") -> Problem:
        """Return the RFC 9457 form of this error."""
        says = meaning(self.reason)
        return Problem(
            type=f"urn:muster:{self.reason.value}",
            title=says.title,
            status=says.http,
            detail=self.detail,
            reason=self.reason,
            hint=self.hint,
            trace_id=trace_id,
        )
