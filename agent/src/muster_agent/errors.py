"""What an agent cannot do, and why.

MusterError (reason, detail, hint)
└── AgentError
    ├── NotJoined           the server does not know this agent, and there is no join token to introduce it
    ├── JoinedAnew          the server took us in as somebody new: all that was begun is void
    ├── BadSetting          a setting, the policy file or the state folder cannot be used
    ├── StateInUse          another process runs with the same state folder
    ├── ToolFailed          a tool could not do what it was asked; people and models read the text
    └── ModelFailed         a model did not answer; `partial` says whether some of the answer was heard
"""

from muster_shared_models.problems import MusterError, Reason

__all__ = ["AgentError", "BadSetting", "JoinedAnew", "ModelFailed", "NotJoined", "StateInUse", "ToolFailed"]


class AgentError(MusterError):
    """Something on the agent's side; `reason` may be given where the default says too little."""

    default = Reason.INTERNAL

    def __init__(self, detail: str, hint: str = "", reason: Reason | None = None) -> None:
        super().__init__(reason or self.default, detail, hint)


class NotJoined(AgentError):
    """The server does not know this agent."""

    default = Reason.JOIN_TOKEN_INVALID


class JoinedAnew(AgentError):
    """The server knows us under another id than before."""

    default = Reason.UNAUTHENTICATED


class BadSetting(AgentError):
    """A setting cannot be used."""

    default = Reason.INVALID_SETTING


class StateInUse(AgentError):
    """Another process runs this agent already."""

    default = Reason.DATA_DIR_IN_USE


class ToolFailed(AgentError):
    """A tool could not do it."""

    default = Reason.TOOL_FAILED


class ModelFailed(AgentError):
    """A model did not answer, or not to the end."""

    default = Reason.MODEL_FAILED
