"""A server that speaks Mistral's wire format, byte by byte: what it sends is a script of the test's."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

#: One answer: a status with headers and a body, or pieces of an event stream. A float waits, None cuts the connection.
Pieces = Sequence[bytes | float | None]


def chunk(
    content: Any = None, *, calls: Any = None, finish: str | None = None, usage: tuple[int, int] | None = None
) -> bytes:
    """Return one event of a stream."""
    delta: dict[str, Any] = {"role": "assistant", "content": content}
    if calls is not None:
        delta["tool_calls"] = calls
    data: dict[str, Any] = {
        "id": "cmpl", "object": "chat.completion.chunk", "created": 1, "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }  # fmt: skip
    if usage:
        data["usage"] = {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}
    return f"data: {json.dumps(data)}\n\n".encode()


DONE = b"data: [DONE]\n\n"


class FakeMistral:
    """Gives its answers in turn; the last one is repeated."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str], Pieces]] = []
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.closed_by_client = 0
        self.url = ""

    def stream(self, *pieces: bytes | float | None) -> None:
        """Answer with an event stream."""
        self.answers.append((200, {"content-type": "text/event-stream"}, pieces))

    def say(self, text: str) -> None:
        """Answer with a text in two pieces."""
        middle = len(text) // 2
        self.stream(chunk(text[:middle]), chunk(text[middle:], finish="stop", usage=(11, 3)), DONE)

    def fail(self, status: int, body: str = '{"message": "no"}', **headers: str) -> None:
        """Answer with an error."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.append((status, {"content-type": "application/json", **named}, (body.encode(),)))

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.closed_by_client += 1
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        self.keys.append(headers.get("authorization", ""))
        self.requests.append(json.loads(await reader.readexactly(int(headers["content-length"]))))
        status, extra, pieces = self.answers[min(len(self.requests), len(self.answers)) - 1]
        lines = [f"HTTP/1.1 {status} X", "transfer-encoding: chunked", "connection: close"]
        lines += [f"{name}: {value}" for name, value in extra.items()]
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        for piece in pieces:
            if piece is None:
                await writer.drain()
                writer.transport.abort()
                return
            if isinstance(piece, float):
                await writer.drain()
                await asyncio.sleep(piece)
            else:
                writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
                await writer.drain()
        writer.write(b"0\r\n\r\n")
        await writer.drain()


@asynccontextmanager
async def fake_mistral() -> AsyncIterator[FakeMistral]:
    """Serve on a port of its own."""
    fake = FakeMistral()
    server = await asyncio.start_server(fake.handle, "127.0.0.1", 0)
    fake.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield fake
    finally:
        server.close()
        await server.wait_closed()
