"""A connection to PostgreSQL that is lost at COMMIT: what was stored is not done again, what was not stored is."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from sqlalchemy import bindparam, insert, select

from muster_server.conversations.sending import Sender
from muster_server.store import postgres
from muster_server.store.opening import open_store
from muster_server.store.store import Store
from muster_server.store.tables import meta
from muster_server.store.transaction import Transaction
from muster_shared_models.problems import MusterError, Reason
from tests.server.desk import at_work
from tests.server.running import running_server

PUT = insert(meta)
GET = select(meta.c.value).where(meta.c.key == bindparam("wanted"))

pytestmark = pytest.mark.postgres


class Wire:
    """Stands between a server and its PostgreSQL, and cuts a connection at its next COMMIT."""

    def __init__(self, url: str) -> None:
        self._there = urlsplit(url)
        self.url = url
        #: What is done at the next COMMIT: "before" or "after" it has been carried out; empty lets it pass.
        self.cut = ""
        self.is_down = False

    @asynccontextmanager
    async def opened(self) -> AsyncIterator["Wire"]:
        serving = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        port = serving.sockets[0].getsockname()[1]
        there = self._there._replace(netloc=f"{self._there.username}@127.0.0.1:{port}", query="sslmode=disable")
        self.url = urlunsplit(there)
        yield self
        serving.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_down:
            writer.close()
            return
        back, on = await asyncio.open_connection(self._there.hostname, self._there.port)
        answers = asyncio.create_task(_copy(back, writer))
        try:
            while data := await reader.read(65536):
                if self.cut and b"COMMIT" in data:
                    if self.cut.startswith("after"):
                        answers.cancel()
                        await asyncio.wait((answers,))
                        on.write(data)
                        await back.read(65536)  # it has happened
                    self.is_down = self.cut.endswith("down")
                    self.cut = ""
                    break
                on.write(data)
        finally:
            answers.cancel()
            on.close()
            writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()


@pytest.fixture
async def wire(postgres_url: str) -> AsyncIterator[Wire]:
    async with Wire(postgres_url).opened() as wire:
        yield wire


@pytest.fixture
async def store(wire: Wire, tmp_path: Path) -> AsyncIterator[Store]:
    opened = await open_store(wire.url, tmp_path)
    yield opened
    await opened.close()


def once(key: str, runs: list[str]) -> Callable[[Transaction], str]:
    """Return a unit as those that know their `ref`: it stores something once, and says whether it did."""

    def unit(tx: Transaction) -> str:
        runs.append(key)
        if tx.one(GET, wanted=key):
            return "double"
        tx.run(PUT, key=key, value="")
        return "stored"

    return unit


@pytest.mark.parametrize(("cut", "runs"), [("after", 1), ("before", 2)])
async def test_it_is_stored_once_and_told_as_stored(cut: str, runs: int, store: Store, wire: Wire) -> None:
    ran: list[str] = []
    await store.write(once("earlier", []))
    wire.cut = cut
    assert await store.write(once("a", ran)) == "stored"
    assert len(ran) == runs
    assert not wire.cut
    assert await store.write(once("a", [])) == "double"


async def test_what_changed_nothing_is_run_again_without_harm(store: Store, wire: Wire) -> None:
    await store.write(once("a", []))
    wire.cut = "after"
    assert await store.write(once("a", [])) == "double"


async def test_without_an_answer_it_is_told_as_unknown_and_the_server_ends_when_it_turns_out_to_be_stored(
    store: Store, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "ASK_S", 0.2)
    monkeypatch.setattr(postgres, "LOOK_S", 0.05)
    wire.cut = "after, and down"
    with pytest.raises(MusterError, match="not known") as told:
        await store.write(once("a", []))
    assert told.value.reason is Reason.DATABASE_BUSY

    watching = asyncio.create_task(store.watch())
    wire.is_down = False
    with pytest.raises(MusterError, match="must start again"):
        await watching
    with pytest.raises(MusterError, match="must start again"):
        await store.write(once("b", []))


async def test_without_an_answer_it_goes_on_when_it_turns_out_not_to_be_stored(
    store: Store, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "ASK_S", 0.2)
    wire.cut = "before, and down"
    with pytest.raises(MusterError, match="not known"):
        await store.write(once("a", []))
    wire.is_down = False
    assert await store.write(once("a", [])) == "stored"


async def test_a_message_that_was_accepted_is_delivered(
    postgres_url: str, wire: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unit = Sender._unit

    def then_cut(*given: object, **more: object) -> object:
        outcome = unit(*given, **more)  # type: ignore[arg-type]
        if not cuts:
            cuts.append(1)
            wire.cut = "after"
        return outcome

    async with (
        running_server(tmp_path / "server", database_url=wire.url) as server,
        at_work(server, tmp_path, "puppet") as desk,
        server.broker(),
    ):
        cuts: list[int] = []
        monkeypatch.setattr(Sender, "_unit", then_cut)
        await server.post("/api/v1/messages", {"to": "agent:puppet", "text": "hello"}, 202)
        message, _ = await desk.take()
        assert message.type
        assert cuts
    with psycopg.connect(postgres_url) as other:
        assert other.execute("SELECT count(*) FROM outbox").fetchone() == (0,)
