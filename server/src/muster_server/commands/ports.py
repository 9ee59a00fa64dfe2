"""What commands need of others; `main.py` hands it in."""

from typing import Protocol

__all__ = ["Push"]


class Push(Protocol):
    """Browsers that follow a command."""

    def event(self, stream: str, seq: int, line: str) -> None:
        """Hand out a numbered event."""
        ...

    def followed(self, stream: str) -> bool:
        """Tell whether anybody listens."""
        ...
