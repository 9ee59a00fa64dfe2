"""What a model's provider is, and how its failures are told apart."""

from collections.abc import AsyncIterator, Sequence
from enum import Enum
from typing import Protocol

from muster_agent.tools.contract import ToolSpec
from muster_agent.turn.facts import CallPiece, ModelDone, ModelMessage, TextPiece

__all__ = ["Fault", "Provider", "ProviderError", "ProviderEvent"]

ProviderEvent = TextPiece | CallPiece | ModelDone


class Fault(Enum):
    """What went wrong, as far as it decides what to do next."""

    #: Too many requests; the provider may say how long to wait.
    LIMITED = "limited"
    #: It may work in a moment: 5xx, no connection, no answer in time.
    PASSING = "passing"
    #: The answer broke off, or is not what the provider promises.
    BROKEN = "broken"
    #: The provider says no: a wrong key, an unknown model, a request that it does not take.
    REFUSED = "refused"


class ProviderError(Exception):
    """A provider did not answer. `retry_after_s`: how long it wants us to wait, if it said so."""

    def __init__(self, fault: Fault, detail: str, hint: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(detail)
        self.fault = fault
        self.detail = detail
        self.hint = hint
        self.retry_after_s = retry_after_s


class Provider(Protocol):
    """Asks one model."""

    name: str

    def stream(self, messages: Sequence[ModelMessage], tools: Sequence[ToolSpec]) -> AsyncIterator[ProviderEvent]:
        """Yield what the model says, ending with ModelDone; raises ProviderError."""
        ...

    async def close(self) -> None:
        """Close connections."""
        ...
