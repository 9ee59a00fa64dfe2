"""A model that says what a script says: for tests of agents, without a provider and without cost."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from muster_agent.models.provider import ProviderError, ProviderEvent
from muster_agent.tools.contract import ToolSpec
from muster_agent.turn.facts import ModelDone, ModelMessage, TextPiece

__all__ = ["ScriptedModel"]

#: One answer: events in order; a float waits so many seconds; an error is raised.
Line = ProviderEvent | ProviderError | float | str


class ScriptedModel:
    """Each call takes the next answer of the script; the last one is repeated. `calls` holds what it was asked."""

    name = "scripted"

    def __init__(self, *answers: Sequence[Line]) -> None:
        self._answers = answers
        self.calls: list[tuple[Sequence[ModelMessage], Sequence[ToolSpec]]] = []
        self.closed = False

    async def stream(self, messages: Sequence[ModelMessage], tools: Sequence[ToolSpec]) -> AsyncIterator[ProviderEvent]:
        """Yield the next answer; text may be given as plain strings, ModelDone is added."""
        self.calls.append((messages, tools))
        done = False
        for line in self._answers[min(len(self.calls), len(self._answers)) - 1]:
            if isinstance(line, ProviderError):
                raise line
            if isinstance(line, float):
                await asyncio.sleep(line)
            elif isinstance(line, str):
                yield TextPiece(line)
            else:
                done = done or isinstance(line, ModelDone)
                yield line
        if not done:
            yield ModelDone()

    async def close(self) -> None:
        """Note that it was closed."""
        self.closed = True
