"""Instructions on their way to agents: one bounded queue for each open command stream."""

import asyncio

from muster_protos.v1.commands_pb2 import Instruction

__all__ = ["CommandFeed", "Feed"]

#: Instructions that may wait in one stream. A stream that is fuller is ended: its agent comes back and is sent all.
MAX_WAITING = 4_000


class Feed:
    """One agent's open stream."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[Instruction | None] = asyncio.Queue(MAX_WAITING)
        self.ended = False

    def put(self, instruction: Instruction) -> bool:
        """Send an instruction; False when the stream is too slow, which ends it."""
        try:
            self._waiting.put_nowait(instruction)
        except asyncio.QueueFull:
            self.ended = True
            return False
        return True

    async def next(self) -> Instruction | None:
        """Return the next instruction, None at the end."""
        if self.ended:
            return None
        return await self._waiting.get()

    def end(self) -> None:
        """End the stream after what waits."""
        try:
            self._waiting.put_nowait(None)
        except asyncio.QueueFull:
            self.ended = True


class CommandFeed:
    """Agent id to its open stream; a new stream replaces the one before."""

    def __init__(self) -> None:
        self._feeds: dict[str, Feed] = {}

    def open(self, agent_id: str) -> Feed:
        """Begin a stream."""
        before = self._feeds.pop(agent_id, None)
        if before:
            before.end()
        feed = self._feeds[agent_id] = Feed()
        return feed

    def close(self, agent_id: str, feed: Feed) -> None:
        """End a stream."""
        if self._feeds.get(agent_id) is feed:
            del self._feeds[agent_id]

    def of(self, agent_id: str) -> Feed | None:
        """Return the stream of an agent that listens."""
        return self._feeds.get(agent_id)

    def send(self, agent_id: str, instruction: Instruction) -> bool:
        """Send an instruction to an agent that listens; tell whether that was so."""
        feed = self._feeds.get(agent_id)
        return feed is not None and feed.put(instruction)

    def say_goodbye(self, after_ms: int) -> None:
        """Tell every agent that the server is about to stop, and end the streams."""
        goodbye = Instruction()
        goodbye.goodbye.reconnect_after_ms = after_ms
        for feed in self._feeds.values():
            feed.put(goodbye)
            feed.end()
