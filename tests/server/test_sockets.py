"""The WebSocket: tickets, origins, bad frames, resuming, slow readers."""

import asyncio
import json

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from muster_server.clock import system_clock
from muster_server.edge.hub import Hub, ListStream
from muster_server.edge.outgoing import MAX_EVENTS, Outgoing
from muster_shared_models.frames import MAX_FRAME_BYTES
from muster_shared_models.streams import AgentRemoved, CommandsSnapshot
from tests.server.running import Browser, RunningServer


async def refused(server: RunningServer, first: object, **headers: str) -> str:
    async with server.socket(**headers) as socket:
        await socket.send(first if isinstance(first, (str, bytes)) else json.dumps(first))
        reason = json.loads(await socket.recv())["problem"]["reason"]
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        return str(reason)


async def test_a_ticket_opens_one_socket(server: RunningServer) -> None:
    ticket = (await server.post("/api/v1/ws-tickets", status=201))["ticket"]
    async with server.socket() as socket:
        browser = Browser(socket)
        await browser.send(op="hello", ticket=ticket)
        welcome = await browser.next()
        assert (welcome["op"], welcome["user"]) == ("welcome", "usr_admin")
    assert await refused(server, {"op": "hello", "ticket": ticket}) == "ticket_invalid"


@pytest.mark.parametrize(
    "first",
    [
        {"op": "hello", "ticket": "wrong"},
        {"op": "hello", "ticket": ""},
        {"op": "ping", "ref": "1"},
        "nonsense",
        "{}",
        b"x",
    ],
)
async def test_who_does_not_begin_with_a_good_ticket_is_told_and_closed(server: RunningServer, first: object) -> None:
    assert await refused(server, first) in ("ticket_invalid", "frame_malformed")


ORIGINS = ["null", "http://evil.example", "http://127.0.0.1", "https://127.0.0.1:{port}", "http://127.0.0.1:{port}.evil",
           "http://127.0.0.1:1", "HTTP://127.0.0.1:{port}", "http://localhost:{port}/", "file://", ""]  # fmt: skip


@pytest.mark.parametrize("origin", ORIGINS)
async def test_pages_of_other_origins_open_nothing(server: RunningServer, origin: str) -> None:
    port = server.started.url.rpartition(":")[2]
    with pytest.raises((InvalidStatus, ConnectionClosed)):
        async with server.socket(Origin=origin.format(port=port)) as socket:
            await socket.recv()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_our_own_pages_open_sockets(server: RunningServer, host: str) -> None:
    async with server.browser(Origin=f"http://{host}:{server.started.url.rpartition(':')[2]}"):
        pass


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        ("nonsense", "frame_malformed"),
        ("{}", "frame_malformed"),
        ('{"op":"fly"}', "frame_malformed"),
        ('{"op":"ping"}', "frame_malformed"),
        ('{"op":"ping","ref":"1","approved":true}', "frame_malformed"),
        ('{"op":"hello","ticket":"again"}', "frame_malformed"),
        ("[" * 100_000, "frame_malformed"),
        (b"\x00\xff", "frame_malformed"),
        ("x" * (MAX_FRAME_BYTES + 1), "message_too_large"),
        ("ü" * (MAX_FRAME_BYTES // 2 + 1), "message_too_large"),
        ("x" * 4_000_000, "message_too_large"),
        ('{"op":"subscribe","stream":"nothing"}', "stream_not_found"),
        ('{"op":"subscribe","stream":"fleet:x"}', "stream_not_found"),
        ('{"op":"subscribe","stream":"conversation:"}', "stream_not_found"),
        ('{"op":"subscribe","stream":"conversation:cnv_nothing"}', "conversation_not_found"),
        ('{"op":"subscribe","stream":"command:cmd_nothing"}', "command_not_found"),
        ('{"op":"subscribe","stream":"conversation:\\"}"}', "conversation_not_found"),
        ('{"op":"run.stop","ref":"1","run_id":"run_nothing"}', "run_not_found"),
        ('{"op":"command.stop","ref":"1","command_id":"cmd_nothing"}', "command_not_found"),
        ('{"op":"chat.send","ref":"1","message":{"to":"agent:nobody","text":"hi"}}', "agent_not_found"),
        ('{"op":"chat.send","ref":"1","message":{"to":"any:x=y","text":"hi"}}', "no_target"),
        ('{"op":"chat.send","ref":"1","message":{"to":"nobody","text":"hi"}}', "invalid_address"),
        ('{"op":"chat.send","ref":"1","message":{"to":"agent:x","text":""}}', "frame_malformed"),
        ('{"op":"chat.send","ref":"1","message":{"conversation":"cnv_nothing","text":"hi"}}', "conversation_not_found"),
    ],
)
async def test_a_bad_frame_is_answered_and_the_socket_stays(server: RunningServer, frame: str, reason: str) -> None:
    async with server.browser() as browser:
        await browser.socket.send(frame)
        error = await browser.op("error")
        assert error["problem"]["reason"] == reason
        assert error["problem"]["detail"]
        await browser.send(op="ping", ref="still here")
        assert (await browser.op("pong"))["ref"] == "still here"


async def test_several_frames_in_one_message_are_all_answered(server: RunningServer) -> None:
    async with server.browser() as browser:
        await browser.socket.send("\n".join(json.dumps({"op": "ping", "ref": str(n)}) for n in range(100)))
        assert [(await browser.op("pong"))["ref"] for _ in range(100)] == [str(n) for n in range(100)]


async def test_a_list_resumes_where_a_browser_was_or_begins_anew() -> None:
    # Given a list of which somebody saw the first ten events
    hub = Hub()
    stream = ListStream(hub, "commands", "epoch-1", system_clock())
    stream.shows(lambda: CommandsSnapshot(commands=[]))
    for number in range(1_000):
        stream.announce(AgentRemoved(agent_id=f"agt_{number}"))

    # When it comes back after a cut at any event, it gets exactly the missing ones
    for since in range(500, 1_001):
        lines, seq = await stream.begin("commands", "epoch-1", since)
        frames = [json.loads(line) for line in lines]
        assert frames[0]["op"] == "resumed"
        assert [frame["seq"] for frame in frames[1:]] == list(range(since + 1, 1_001))
        assert seq == 1_000

    # Otherwise, a snapshot
    for epoch, since in [("epoch-1", 10), ("epoch-1", 1_001), ("epoch-0", 990), ("", 0)]:
        lines, seq = await stream.begin("commands", epoch, since)
        assert [json.loads(line)["op"] for line in lines] == ["snapshot"]


class StuckSocket:
    """A browser that takes nothing until it is let."""

    def __init__(self) -> None:
        from starlette.websockets import WebSocketState

        self.client_state = WebSocketState.CONNECTED
        self.go = asyncio.Event()
        self.sent: list[str] = []

    async def send_text(self, text: str) -> None:
        await self.go.wait()
        self.sent.append(text)


async def test_a_slow_browser_loses_events_is_told_and_keeps_its_answers() -> None:
    socket = StuckSocket()
    overflows: list[str] = []
    outgoing = Outgoing(socket, lambda: (overflows.append("x"), outgoing.answer("resync"))[0])  # type: ignore[arg-type, func-returns-value]
    writing = asyncio.create_task(outgoing.run())
    outgoing.answer("first")
    await asyncio.sleep(0)
    outgoing.answer("answer")
    for number in range(MAX_EVENTS + 1):
        outgoing.event(f"event {number}")
    outgoing.event("after")
    for _ in range(MAX_EVENTS):
        outgoing.passing("p" * 1000)
    socket.go.set()
    await asyncio.sleep(0.05)
    writing.cancel()
    lines = "\n".join(socket.sent).split("\n")
    assert overflows == ["x"]
    assert lines[:4] == ["first", "answer", "resync", "after"]
    assert 0 < len(lines) < MAX_EVENTS  # passing frames were taken up to half the room only


async def test_subscribing_again_begins_anew_and_doubles_nothing(server: RunningServer) -> None:
    async with server.browser() as browser:
        for _ in range(3):
            await browser.send(op="subscribe", stream="commands")
            await browser.op("snapshot")
        await browser.send(op="unsubscribe", stream="commands")
        await browser.send(op="ping", ref="x")
        assert (await browser.next())["op"] == "pong"


async def test_a_stopping_server_asks_browsers_to_come_back(server: RunningServer) -> None:
    async with server.browser() as browser:
        server.stop.set()
        assert (await browser.op("reconnect"))["after_ms"] > 0
        with pytest.raises(ConnectionClosed):
            await browser.next()
