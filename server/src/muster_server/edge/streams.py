"""Open streams by whose they are, so that this side can end them: a right that was taken away ends what it opened."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from muster_shared_models.problems import MusterError

__all__ = ["OpenStreams"]


class OpenStreams:
    """The streams of agents and brokers."""

    def __init__(self) -> None:
        self._open: dict[str, dict[asyncio.Task[object], MusterError | None]] = {}

    @asynccontextmanager
    async def of(self, owner: str) -> AsyncIterator[None]:
        """Serve a stream within; raises what `end` gives as the reason."""
        task = asyncio.current_task()
        assert task is not None
        streams = self._open.setdefault(owner, {})
        streams[task] = None
        try:
            yield
        except asyncio.CancelledError:
            why = streams[task]
            if why is None:
                raise
            task.uncancel()  # it goes on: the other side is yet to be told
            raise why from None
        finally:
            del streams[task]
            if not streams:
                self._open.pop(owner, None)

    def end(self, owner: str, why: MusterError) -> None:
        """End all streams of `owner`, and tell it why."""
        streams = self._open.get(owner, {})
        for task in streams:
            streams[task] = why
            task.cancel()
