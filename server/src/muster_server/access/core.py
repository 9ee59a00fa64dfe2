"""The one table of who may do what, for every transport. What is not in it is refused."""

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["OPERATIONS", "Operation", "Principal", "Role", "allowed"]


class Role(StrEnum):
    """What somebody is to the server."""

    ADMIN = "admin"
    AGENT = "agent"
    BROKER = "broker"


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody whose credentials were checked. `id` is a user, agent or broker id."""

    role: Role
    id: str
    name: str


class Operation(StrEnum):
    """Everything that can be asked for, over whichever transport."""

    # nobody need be known
    HEALTH = "health"
    LOG_IN = "log_in"
    REGISTER_AGENT = "register_agent"
    REGISTER_BROKER = "register_broker"
    READ_CONSOLE = "read_console"
    OPEN_SOCKET = "open_socket"
    # people and their programs
    READ_SESSION = "read_session"
    LOG_OUT = "log_out"
    TAKE_TICKET = "take_ticket"
    READ_SYSTEM = "read_system"
    READ_API = "read_api"
    READ_AGENTS = "read_agents"
    RETIRE_AGENT = "retire_agent"
    RELEASE_AGENT = "release_agent"
    READ_CONVERSATIONS = "read_conversations"
    SEND_MESSAGE = "send_message"
    STOP_RUN = "stop_run"
    READ_COMMANDS = "read_commands"
    PUSH_COMMAND = "push_command"
    STOP_COMMAND = "stop_command"
    CREATE_JOIN_TOKEN = "create_join_token"
    CREATE_LOGIN = "create_login"
    READ_QUEUES = "read_queues"
    READ_DEAD_LETTERS = "read_dead_letters"
    HANDLE_DEAD_LETTERS = "handle_dead_letters"
    # agents
    RENEW_CREDENTIALS = "renew_credentials"
    DEREGISTER_AGENT = "deregister_agent"
    REPORT_STATUS = "report_status"
    CLAIM_RUN = "claim_run"
    RECEIVE_COMMANDS = "receive_commands"
    SEND_COMMAND_OUTPUT = "send_command_output"
    SEND_COMMAND_RESULT = "send_command_result"
    # agents and brokers
    ATTACH_RELAY = "attach_relay"
    # brokers
    FOLLOW_STATUS = "follow_status"
    REPORT_MISCONDUCT = "report_misconduct"


_ANYBODY = frozenset[Role | None]({None, *Role})
_PEOPLE = frozenset[Role | None]({Role.ADMIN})
_AGENTS = frozenset[Role | None]({Role.AGENT})
_BROKERS = frozenset[Role | None]({Role.BROKER})

_PUBLIC = ("HEALTH", "LOG_IN", "REGISTER_AGENT", "REGISTER_BROKER", "READ_CONSOLE", "OPEN_SOCKET")
_FOR_PEOPLE = (
    "READ_SESSION", "LOG_OUT", "TAKE_TICKET", "READ_SYSTEM", "READ_API", "READ_AGENTS", "RETIRE_AGENT",
    "RELEASE_AGENT", "READ_CONVERSATIONS", "SEND_MESSAGE", "STOP_RUN", "READ_COMMANDS", "PUSH_COMMAND", "STOP_COMMAND",
    "CREATE_JOIN_TOKEN", "CREATE_LOGIN", "READ_QUEUES", "READ_DEAD_LETTERS", "HANDLE_DEAD_LETTERS",
)  # fmt: skip
_FOR_AGENTS = (
    "RENEW_CREDENTIALS", "DEREGISTER_AGENT", "REPORT_STATUS", "CLAIM_RUN", "RECEIVE_COMMANDS", "SEND_COMMAND_OUTPUT",
    "SEND_COMMAND_RESULT",
)  # fmt: skip

#: Operation to the roles that may do it; None is somebody unknown.
OPERATIONS: dict[Operation, frozenset[Role | None]] = {
    **{Operation[name]: _ANYBODY for name in _PUBLIC},
    **{Operation[name]: _PEOPLE for name in _FOR_PEOPLE},
    **{Operation[name]: _AGENTS for name in _FOR_AGENTS},
    Operation.ATTACH_RELAY: _AGENTS | _BROKERS,
    Operation.FOLLOW_STATUS: _BROKERS,
    Operation.REPORT_MISCONDUCT: _BROKERS,
}


def allowed(principal: Principal | None, operation: Operation) -> bool:
    """Tell whether `principal` (None: unknown) may do `operation`."""
    role = principal.role if principal else None
    return role in OPERATIONS.get(operation, frozenset())
