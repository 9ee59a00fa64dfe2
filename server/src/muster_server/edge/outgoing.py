"""What waits to be sent to one browser. Everything of one loop turn goes into one message.

A browser that is too slow loses waiting events and is told to subscribe again. Answers and snapshots are never dropped;
while many wait, nothing more is read that would ask for others.
"""

import asyncio
from collections.abc import Callable

from starlette.websockets import WebSocket, WebSocketState

__all__ = ["Outgoing"]

#: Events that may wait, and their characters.
MAX_EVENTS = 4_096
MAX_CHARS = 1024 * 1024
#: How long a socket may take no bytes before it is closed.
SEND_TIMEOUT_S = 30.0
TOO_SLOW = 4008


class Outgoing:
    """The bounded queue of one socket, and the task that empties it."""

    def __init__(self, websocket: WebSocket, on_overflow: Callable[[], None]) -> None:
        self._websocket = websocket
        self._on_overflow = on_overflow
        self._lines: list[tuple[str, bool]] = []  # the line, and whether it may be dropped
        self._events = 0
        self._chars = 0
        self._answer_chars = 0
        self._wake = asyncio.Event()
        self._ended = False
        self._room = asyncio.Event()
        self._room.set()

    def answer(self, line: str) -> None:
        """Send something that the browser asked for."""
        self._lines.append((line, False))
        self._answer_chars += len(line)
        if self._answer_chars > MAX_CHARS and not self._ended:
            self._room.clear()
        self._wake.set()

    @property
    def full(self) -> bool:
        """Whether so many answers wait that nothing more should be asked."""
        return not self._room.is_set()

    async def room(self) -> None:
        """Return when few answers wait, or nothing is sent any more."""
        await self._room.wait()

    def event(self, line: str) -> None:
        """Send an event; at the bound, drop all that wait and call `on_overflow`."""
        self._lines.append((line, True))
        self._events += 1
        self._chars += len(line)
        if self._events > MAX_EVENTS or self._chars > MAX_CHARS:
            self._lines = [(kept, droppable) for kept, droppable in self._lines if not droppable]
            self._events = self._chars = 0
            self._on_overflow()
        self._wake.set()

    def passing(self, line: str) -> None:
        """Send a passing frame, unless the browser is slow: the final text replaces it."""
        if self._chars < MAX_CHARS // 2 and self._events < MAX_EVENTS // 2:
            self.event(line)

    async def run(self) -> None:
        """Send what waits, until cancelled or the browser takes nothing any more."""
        try:
            await self._send_for_ever()
        finally:
            self._ended = True
            self._room.set()

    async def _send_for_ever(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            text = "\n".join([line for line, _ in self._lines])
            self._lines, self._events, self._chars, self._answer_chars = [], 0, 0, 0
            if self._websocket.client_state is not WebSocketState.CONNECTED:
                return
            try:
                async with asyncio.timeout(SEND_TIMEOUT_S):
                    await self._websocket.send_text(text)
            except TimeoutError:
                await self._websocket.close(TOO_SLOW, "too slow")
                return
            if self._answer_chars <= MAX_CHARS:
                self._room.set()
