"""A simulated browser: chats and watches over one WebSocket, comes back when it is cut, and writes the ledger.

As a page does: it subscribes again with the `epoch` and `since` of what it holds, and sends what was not answered once
more under the same ref. `Chat` is somebody typing; a browser without chats only watches.
"""

import asyncio
import random
from collections.abc import Callable, Mapping
from typing import Any

import httpx2
import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from tests.chaos.chat import Chat
from tests.chaos.ledger import Ledger, digest
from tests.chaos.transcript import News, Transcript

__all__ = ["Browser", "Door", "note"]

#: Reasons after which a page tries the same request again.
LATER = ("overloaded", "queue_full", "database_busy", "unavailable", "bus_unreachable")
AGAIN_S = 0.3
BACK_S = (0.02, 0.2)
#: A handshake that takes longer is given up; a frozen server answers nobody.
DOOR_TIMEOUT_S = 5.0
PAGE = 200


class Door:
    """How browsers get in: the server's address and a key. `port` leads round by another way, through a cable."""

    def __init__(self, url: str, token: str, *, port: int = 0) -> None:
        self._ws = url.replace("http", "ws", 1) + "/ws"
        self._way: dict[str, Any] = {"host": "127.0.0.1", "port": port} if port else {}
        headers = {"authorization": f"Bearer {token}"}
        self.http = httpx2.AsyncClient(base_url=url, headers=headers, timeout=DOOR_TIMEOUT_S, trust_env=False)

    async def open(self) -> ClientConnection:
        """Return a socket that has been welcomed; raises what went wrong."""
        answer = await self.http.post("/api/v1/ws-tickets", json={})
        answer.raise_for_status()
        socket = await connect(
            self._ws, max_size=None, compression=None, proxy=None, open_timeout=DOOR_TIMEOUT_S, close_timeout=0.5,
            **self._way,
        )  # fmt: skip
        try:
            await socket.send(orjson.dumps({"op": "hello", "ticket": answer.json()["ticket"]}).decode())
            async with asyncio.timeout(DOOR_TIMEOUT_S):
                _need_welcome(orjson.loads(await socket.recv()))
        except BaseException:
            socket.transport.abort()
            raise
        return socket

    async def page(self, conversation: str, before: int) -> list[dict[str, Any]]:
        """Return up to PAGE stored events before a seq, oldest first."""
        path = f"/api/v1/conversations/{conversation}/events"
        answer = await self.http.get(path, params={"before": before, "limit": PAGE})
        answer.raise_for_status()
        return list(answer.json()["items"])

    async def close(self) -> None:
        """Leave."""
        await self.http.aclose()


class Browser:
    """Run it as a task; cancel it to close the page."""

    def __init__(self, door: Door, ledger: Ledger, rng: random.Random) -> None:
        self.ledger = ledger
        self.transcripts: dict[str, Transcript] = {}
        self.chats: dict[str, Chat] = {}
        #: Called with each conversation that this browser begins.
        self.on_conversation: Callable[[str], None] = lambda _: None
        self.connections = 0
        self._door = door
        self._rng = rng
        self._socket: ClientConnection | None = None
        self._out: list[dict[str, Any]] = []
        self._wake = asyncio.Event()
        self._moved = asyncio.Event()

    async def run(self) -> None:
        """Be there until cancelled, whatever happens to the connection."""
        while True:
            try:
                self._socket = await self._door.open()
                self.connections += 1
                await self._live(self._socket)
            except (OSError, TimeoutError, WebSocketException, httpx2.HTTPError):
                pass  # cut, or the server is away: that is what this is about
            finally:
                if self._socket is not None:
                    self._socket.transport.abort()
                self._socket = None
            await asyncio.sleep(self._rng.uniform(*BACK_S))

    def follow(self, conversation: str) -> None:
        """Show a conversation from now on."""
        if conversation not in self.transcripts:
            self.transcripts[conversation] = Transcript()
            self.ledger("follows", conversation=conversation)
            self._subscribe(conversation)

    async def reaches(self, lasts: Mapping[str, int]) -> None:
        """Return when each conversation that is followed shows its event of this seq."""
        while any(held.last < lasts[conversation] for conversation, held in self.transcripts.items()):
            self._moved.clear()
            await self._moved.wait()

    def cut(self) -> None:
        """Lose the connection without a goodbye."""
        if self._socket is not None:
            self._socket.transport.abort()

    def say(self, chat: Chat) -> None:
        """Send a chat's next message, or the one that was not answered once more."""
        self.chats[chat.name] = chat
        frame, again = chat.next_frame()
        self.ledger("resent" if again else "sent", ref=frame["ref"], sha=digest(frame["message"]["text"]))
        self._send(frame)

    # ---- one connection

    async def _live(self, socket: ClientConnection) -> None:
        if self.connections > 1:
            self._come_back()
        writer = asyncio.create_task(self._write(socket))
        try:
            async for text in socket:
                for line in str(text).split("\n"):
                    await self._take(orjson.loads(line))
        finally:
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)

    def _come_back(self) -> None:
        self._out = []
        for conversation in self.transcripts:
            self._subscribe(conversation)
        for chat in self.chats.values():
            if chat.unanswered:
                self.say(chat)

    async def _write(self, socket: ClientConnection) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            out, self._out = self._out, []
            for start in range(0, len(out), 100):
                await socket.send(b"\n".join(map(orjson.dumps, out[start : start + 100])).decode())

    def _send(self, frame: dict[str, Any]) -> None:
        self._out.append(frame)
        self._wake.set()

    def _subscribe(self, conversation: str, *, anew: bool = False) -> None:
        held = self.transcripts[conversation]
        where = {} if anew or not held.epoch else {"epoch": held.epoch, "since": held.last}
        self._send({"op": "subscribe", "stream": f"conversation:{conversation}", **where})

    async def _take(self, frame: dict[str, Any]) -> None:
        match frame["op"]:
            case "event":
                self._show(_conversation(frame), frame["seq"], frame["event"])
            case "passing":
                self.transcripts[_conversation(frame)].passing(frame["event"])
            case "snapshot":
                await self._take_snapshot(_conversation(frame), frame)
            case "resumed":
                self.transcripts[_conversation(frame)].epoch = frame["epoch"]
            case "resync":
                self._subscribe(_conversation(frame), anew=True)
            case "accepted":
                self._accepted(frame["ref"], frame["sent"])
            case "error":
                self._refused(frame)
            case "reconnect":
                self.cut()
            case op:
                raise AssertionError(f"an unknown frame: {op}")

    async def _take_snapshot(self, conversation: str, frame: dict[str, Any]) -> None:
        held, snapshot = self.transcripts[conversation], frame["data"]["snapshot"]
        held.epoch = frame["epoch"]
        missing: list[dict[str, Any]] = []
        first = snapshot["first_seq"]
        while first > held.last + 1:
            earlier = await self._door.page(conversation, first)
            missing = earlier + missing
            first = earlier[0]["seq"]
        for stored in missing + snapshot["events"]:
            self._show(conversation, stored["seq"], stored["event"])
        held.drafts(snapshot["drafts"])

    def _show(self, conversation: str, seq: int, event: dict[str, Any]) -> None:
        held = self.transcripts[conversation]
        news = held.event(seq, event)
        if news is News.GAP:
            self._subscribe(conversation)
        if news is News.CONTRADICTED:
            self.ledger("contradicted", conversation=conversation, seq=seq, kind=event["kind"])
        if news is News.GARBLED:
            self.ledger("garbled", conversation=conversation, seq=seq, run=event["run_id"])
        if news in (News.SHOWN, News.GARBLED):
            note(self.ledger, "shown", conversation, seq, event)
            self._moved.set()
            for chat in self.chats.values():
                if chat.conversation == conversation:
                    chat.look(held.ended)

    def _accepted(self, ref: str, sent: dict[str, Any]) -> None:
        conversation = sent["conversation"]
        self.ledger("accepted", ref=ref, conversation=conversation, seq=sent["seq"], run=sent["run_id"])
        chat = next(chat for chat in self.chats.values() if chat.owns(ref))
        chat.accepted(ref, sent)
        self.follow(conversation)
        chat.look(self.transcripts[conversation].ended)
        self.on_conversation(conversation)

    def _refused(self, frame: dict[str, Any]) -> None:
        reason, ref, stream = frame["problem"]["reason"], frame["ref"], frame.get("stream")
        loop = asyncio.get_running_loop()
        if reason in LATER and stream:
            loop.call_later(AGAIN_S, self._subscribe, stream.partition(":")[2])
        elif reason in LATER and ref:
            chat = next(chat for chat in self.chats.values() if chat.owns(ref))
            loop.call_later(AGAIN_S, self._again, chat)
        else:
            self.ledger("refused", ref=ref or stream or "?", kind=reason)

    def _again(self, chat: Chat) -> None:
        if chat.unanswered:
            self.say(chat)


def _need_welcome(frame: dict[str, Any]) -> None:
    if frame["op"] != "welcome":  # the server that gave the ticket is dead, and another one lives
        raise ConnectionRefusedError(frame)


def note(ledger: Ledger, event: str, conversation: str, seq: int, shown: dict[str, Any]) -> None:
    """Write down an event as it is shown, or as it is stored."""
    text = shown.get("text")
    ledger(
        event, conversation=conversation, seq=seq, kind=shown["kind"], run=shown["run_id"],
        ref=shown.get("tool_call_id", "") or shown.get("reason", ""), attempt=shown.get("attempt", 0),
        sha="" if text is None else digest(text),
    )  # fmt: skip


def _conversation(frame: dict[str, Any]) -> str:
    return str(frame["stream"]).partition(":")[2]
