"""What waits for one browser is bounded, whatever it asks for and however little it reads."""

import asyncio
import json
from typing import Any

import pytest
from starlette.websockets import WebSocketState

from muster_server.access.core import Principal, Role
from muster_server.edge import outgoing
from muster_server.edge.hub import Beginning, Hub
from muster_server.edge.socket import Socket
from tests.server.running import eventually

ASKED = 5_000
PING = json.dumps({"op": "ping", "ref": "p" * 60})


class Browser:
    """Asks without end, twenty pings at a time; reads when it is told to."""

    client_state = WebSocketState.CONNECTED

    def __init__(self) -> None:
        self.asked = 0
        self.answers: list[str] = []
        self.reads = asyncio.Event()
        self.closed = False

    async def receive(self) -> dict[str, Any]:
        await asyncio.sleep(0)
        if self.asked == ASKED:
            await asyncio.Event().wait()
        self.asked += 1
        return {"type": "websocket.receive", "text": "\n".join([PING] * 20)}

    async def send_text(self, text: str) -> None:
        await self.reads.wait()
        self.answers += text.split("\n")

    async def close(self, code: int, reason: str) -> None:
        self.closed = True


async def still(browser: Browser) -> int:
    """Return how much was asked, when nothing more is read."""
    asked, same = browser.asked, 0
    while same < 200:
        await asyncio.sleep(0)
        asked, same = browser.asked, same + 1 if browser.asked == asked else 0
    return asked


async def test_nothing_more_is_read_from_a_browser_that_does_not_take_its_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outgoing, "MAX_CHARS", 20_000)
    browser = Browser()
    socket = Socket(browser, Principal(Role.ADMIN, "usr_1", "Ada"), Hub(), {})  # type: ignore[arg-type]
    serving = asyncio.create_task(socket.serve())
    assert await still(browser) < 30
    browser.reads.set()
    await still(browser)
    assert browser.asked == ASKED
    assert len(browser.answers) == ASKED * 20
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


async def test_a_browser_that_is_given_up_is_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    # Otherwise nobody would hear that it is gone
    monkeypatch.setattr(outgoing, "MAX_CHARS", 20_000)
    monkeypatch.setattr(outgoing, "SEND_TIMEOUT_S", 0.01)
    browser = Browser()
    socket = Socket(browser, Principal(Role.ADMIN, "usr_1", "Ada"), Hub(), {})  # type: ignore[arg-type]
    serving = asyncio.create_task(socket.serve())
    await eventually(lambda: browser.asked == ASKED)
    assert browser.closed
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


class Large:
    """Streams that begin with a snapshot of as many characters as may wait."""

    def __init__(self) -> None:
        self.begun = 0

    async def begin(self, _stream: str, _epoch: str, _since: int) -> Beginning:
        await asyncio.sleep(0)
        self.begun += 1
        return Beginning(["x" * outgoing.MAX_CHARS], 1)


class Subscriber(Browser):
    """Subscribes to many streams in one message."""

    def __init__(self, streams: int) -> None:
        super().__init__()
        self.largest = 0
        self._streams = streams

    async def receive(self) -> dict[str, Any]:
        if self.asked:
            await asyncio.Event().wait()
        self.asked = 1
        frames = [json.dumps({"op": "subscribe", "stream": f"conversation:{n}"}) for n in range(self._streams)]
        return {"type": "websocket.receive", "text": "\n".join(frames)}

    async def send_text(self, text: str) -> None:
        self.largest = max(self.largest, len(text))
        await super().send_text(text)


async def test_streams_begin_a_few_at_a_time_as_the_browser_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing, "MAX_CHARS", 20_000)
    source, browser, hub = Large(), Subscriber(300), Hub()
    hub.serve("conversation", source)
    socket = Socket(browser, Principal(Role.ADMIN, "usr_1", "Ada"), hub, {})  # type: ignore[arg-type]
    serving = asyncio.create_task(socket.serve())
    await still(browser)
    assert source.begun < 10
    assert not hub.followed("conversation:200")  # nothing is kept for what has not begun
    browser.reads.set()
    await eventually(lambda: source.begun == len(browser.answers) == 300)
    assert browser.largest < 5 * outgoing.MAX_CHARS
    assert all(hub.followed(f"conversation:{n}") for n in range(300))
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
