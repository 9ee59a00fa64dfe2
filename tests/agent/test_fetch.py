"""Fetching: public pages only, whatever a URL, a name server or a redirect says. Everything goes through the production
path: the parser, the guard and the connection; a canary listens where nothing may ever connect."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from muster_agent.errors import ToolFailed
from muster_agent.tools.addresses import is_public
from muster_agent.tools.contract import Outcome
from muster_agent.tools.fetch import FetchArguments, FetchTool
from muster_agent.tools.guarded_http import MAX_BYTES, GuardedTransport, Resolver, fetch_page, resolve


def answer(body: bytes = b"hello", status: str = "200 OK", content_type: str = "text/plain", extra: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n"
    return (head + extra + "\r\n").encode() + body


class Web:
    """A server that counts its connections and answers by path."""

    def __init__(self) -> None:
        self.connections = 0
        self.requests: list[str] = []
        self.pages: dict[str, bytes] = {}
        self.port = 0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            request = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.requests.append(request)
            writer.write(self.pages.get(request.split(" ")[1], answer(b"no such page", "404 Not Found")))
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serve() -> AsyncIterator[Web]:
    web = Web()
    server = await asyncio.start_server(web.handle, "127.0.0.1", 0)
    web.port = server.sockets[0].getsockname()[1]
    try:
        yield web
    finally:
        server.close()
        await server.wait_closed()


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    async with serve() as serving:
        yield serving


def names(table: dict[str, list[str]]) -> Resolver:
    """Resolve by a table; other names do not exist. Addresses resolve to themselves."""

    async def look_up(host: str, port: int) -> list[str]:
        if host in table:
            return table[host]
        return await resolve(host, port)

    return look_up


async def fetch(url: str, local: tuple[str, ...] = (), resolver: Resolver = resolve) -> Outcome:
    tool = FetchTool(lambda: GuardedTransport(local, resolver))
    return await tool.run(FetchArguments(url=url), lambda _text: None, "run_1")


HOSTS = [
    # every way to write this machine
    "127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001",
    "127.0.0.1.", "localhost", "LOCALHOST", "localhost.", "0", "0.0.0.0", "127.127.127.127", "①②⑦.⓪.⓪.①",
    "\uff11\uff12\uff17.0.0.1", "127。0。0。1",
    "[::1]", "[0:0:0:0:0:0:0:1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]",
    "[::127.0.0.1]", "[2002:7f00:1::]", "[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]",
    "[::1%25lo]",
    # the metadata services
    "169.254.169.254", "[::ffff:a9fe:a9fe]", "0xa9fea9fe", "2852039166", "[fd00:ec2::254]", "[64:ff9b::a9fe:a9fe]",
    "[2002:a9fe:a9fe::]", "169.254.170.2", "100.100.100.200", "192.0.0.192",
    # private and special networks
    "10.0.0.1", "10.1", "172.16.0.1", "172.31.255.255", "192.168.0.1", "100.64.0.1", "198.18.0.1", "192.0.2.1",
    "203.0.113.7", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "192.88.99.1",
    "[fe80::1]", "[fc00::1]", "[fd12:3456::1]", "[fec0::1]", "[ff02::1]", "[2001:db8::1]", "[2001::1]", "[100::1]",
    "[3fff::1]", "[5f00::1]",
]  # fmt: skip


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_no_way_to_write_an_address_that_is_not_public_is_fetched(web: Web, scheme: str, host: str) -> None:
    for url in (f"{scheme}://{host}/", f"{scheme}://{host}:{web.port}/"):
        with pytest.raises(ToolFailed):
            await fetch(url)
    assert web.connections == 0


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1:6379/_INFO", "dict://127.0.0.1/", "data:,x",
        "javascript:alert(1)", "unix:///var/run/docker.sock", "http://", "http:///", "https://:443/", "http://[::1/",
        "http://user:password@example.com/", "http://example.com@127.0.0.1/", "http://127.0.0.1#@example.com/",
        "http://127.0.0.1\\@example.com/", "http://example.com:22/", "http://example.com:99999/", "//127.0.0.1/",
        "http://exa\tmple.com/", "http://127.0.0.1 /", "http://127.0.0.1%00.example.com/", "ws://127.0.0.1/",
        "x" * 4000,
    ],
)  # fmt: skip
async def test_other_schemes_credentials_ports_and_nonsense_are_refused(web: Web, url: str) -> None:
    resolver = names({"example.com": ["127.0.0.1"]})
    with pytest.raises(ToolFailed):
        await fetch(url.replace("127.0.0.1/", f"127.0.0.1:{web.port}/"), resolver=resolver)
    assert web.connections == 0


@pytest.mark.parametrize(
    "addresses", [["127.0.0.1"], ["93.184.215.14", "127.0.0.1"], ["::ffff:10.0.0.1"], [], ["no address"]]
)
async def test_a_name_is_refused_when_any_of_its_addresses_is_not_public(web: Web, addresses: list[str]) -> None:
    with pytest.raises(ToolFailed):
        await fetch("http://innocent.example/", resolver=names({"innocent.example": addresses}))
    assert web.connections == 0


async def test_a_name_that_changes_between_check_and_use_changes_nothing(web: Web) -> None:
    """Rebinding: the name is resolved once, and the connection goes to what was checked."""
    asked = []

    async def flipping(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["192.0.2.1"] if len(asked) == 1 else ["127.0.0.1"]

    with pytest.raises(ToolFailed):
        await fetch(f"http://rebinding.example:{web.port}/", ("rebinding.example:1",), flipping)
    with pytest.raises(ToolFailed):
        await fetch("http://rebinding.example/", resolver=flipping)
    assert asked == ["rebinding.example"]
    assert web.connections == 0


async def test_every_redirect_goes_through_the_same_gate(web: Web) -> None:
    async with serve() as canary:
        targets = [
            f"http://127.0.0.1:{canary.port}/", f"//127.0.0.1:{canary.port}/", "http://localhost/", "http://[::1]/",
            "file:///etc/passwd", f"http://canary.example:{canary.port}/", "http://user@public.example/",
        ]  # fmt: skip
        for index, target in enumerate(targets):
            web.pages[f"/{index}"] = answer(b"", "302 Found", extra=f"location: {target}\r\n")
        local = (f"public.example:{web.port}",)
        resolver = names({"public.example": ["127.0.0.1"], "canary.example": ["127.0.0.1"]})
        for index in range(len(targets)):
            with pytest.raises(ToolFailed):
                await fetch(f"http://public.example:{web.port}/{index}", local, resolver)
        assert canary.connections == 0
        assert web.connections == len(targets)


async def test_redirects_are_followed_five_times(web: Web) -> None:
    for index in range(8):
        web.pages[f"/{index}"] = answer(b"", "302 Found", extra=f"location: /{index + 1}\r\n")
    web.pages["/5"] = answer(b"arrived")
    local = (f"127.0.0.1:{web.port}",)
    assert (await fetch(f"http://127.0.0.1:{web.port}/0", local)).text == "arrived"
    web.pages["/5"] = web.pages["/6"].replace(b"/7", b"/6")
    with pytest.raises(ToolFailed, match="redirects"):
        await fetch(f"http://127.0.0.1:{web.port}/0", local)


async def test_the_host_header_names_the_host_and_nothing_of_ours_goes_along(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    web.pages["/"] = answer(b"", "302 Found", extra="set-cookie: session=secret; Path=/\r\nlocation: /next\r\n")
    web.pages["/next"] = answer(b"ok")
    local = (f"named.example:{web.port}",)
    await fetch(f"http://named.example:{web.port}/", local, names({"named.example": ["127.0.0.1"]}))
    assert all(f"host: named.example:{web.port}" in request.lower() for request in web.requests)
    assert not any("cookie" in request.lower() or "authorization" in request.lower() for request in web.requests)


async def test_local_hosts_can_be_allowed_by_name_and_port_and_no_others(web: Web) -> None:
    web.pages["/"] = answer(b"local")
    assert (await fetch(f"http://127.0.0.1:{web.port}/", (f"127.0.0.1:{web.port}",))).text == "local"
    async with serve() as other:
        with pytest.raises(ToolFailed):
            await fetch(f"http://127.0.0.1:{other.port}/", (f"127.0.0.1:{web.port}",))
        assert other.connections == 0


async def test_a_page_becomes_markdown(web: Web) -> None:
    body = (
        b"<html><head><title>T</title></head><body><nav>menu</nav><article><h1>Heading</h1>"
        b"<p>A paragraph with <a href='/x'>a link</a> and enough words to be taken for the text of this page.</p>"
        b"<script>alert(1)</script></article></body></html>"
    )
    web.pages["/"] = answer(body, content_type="text/html; charset=utf-8")
    outcome = await fetch(f"http://127.0.0.1:{web.port}/", (f"127.0.0.1:{web.port}",))
    assert outcome.media == "markdown"
    assert "enough words" in outcome.text
    assert "alert" not in outcome.text


async def test_a_page_that_takes_too_long_to_read_is_given_up(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("muster_agent.tools.fetch.READ_S", 0.05)
    web.pages["/"] = answer(b"<p>x</p>" * 20_000, content_type="text/html")
    with pytest.raises(ToolFailed, match="to read"):
        await fetch(f"http://127.0.0.1:{web.port}/", (f"127.0.0.1:{web.port}",))


async def test_a_page_without_text_and_one_that_is_no_page_are_read_too(web: Web) -> None:
    local = (f"127.0.0.1:{web.port}",)
    for body in (b"", b"<html></html>", b"\xff\xfe\x00<", b"<div>" * 3000):
        web.pages["/"] = answer(body, content_type="text/html")
        assert (await fetch(f"http://127.0.0.1:{web.port}/", local)).ok


async def test_an_error_page_is_a_failed_outcome_with_its_text(web: Web) -> None:
    outcome = await fetch(f"http://127.0.0.1:{web.port}/none", (f"127.0.0.1:{web.port}",))
    assert not outcome.ok
    assert "404" in outcome.text
    assert "no such page" in outcome.text


@pytest.mark.parametrize("charset", ["latin-1", "no-such-charset"])
async def test_text_is_decoded_whatever_it_claims(web: Web, charset: str) -> None:
    web.pages["/"] = answer("Grüße".encode("latin-1"), content_type=f"text/plain; charset={charset}")
    text = (await fetch(f"http://127.0.0.1:{web.port}/", (f"127.0.0.1:{web.port}",))).text
    assert text.startswith("Gr")


async def test_what_is_no_text_is_told(web: Web) -> None:
    web.pages["/"] = answer(b"\x89PNG", content_type="image/png")
    with pytest.raises(ToolFailed, match="image/png"):
        await fetch(f"http://127.0.0.1:{web.port}/", (f"127.0.0.1:{web.port}",))


async def test_long_and_packed_answers_are_bounded(web: Web) -> None:
    web.pages["/plain"] = answer(b"x" * (MAX_BYTES + 10))
    web.pages["/bomb"] = answer(gzip.compress(b"\0" * 300_000_000, 9), extra="content-encoding: gzip\r\n")
    web.pages["/packed"] = answer(gzip.compress(b"unpacked"), extra="content-encoding: gzip\r\n")
    web.pages["/odd"] = answer(b"xx", extra="content-encoding: br\r\n")
    web.pages["/broken"] = answer(b"no gzip at all", extra="content-encoding: gzip\r\n")
    local = (f"127.0.0.1:{web.port}",)
    base = f"http://127.0.0.1:{web.port}"
    for path in ("/plain", "/bomb"):
        page = await fetch_page(f"{base}{path}", GuardedTransport(local))
        assert (len(page.body), page.cut) == (MAX_BYTES, True)
    assert (await fetch(f"{base}/packed", local)).text == "unpacked"
    for path in ("/odd", "/broken"):
        with pytest.raises(ToolFailed):
            await fetch(f"{base}{path}", local)


async def test_a_server_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("muster_agent.tools.guarded_http.TOTAL_S", 0.2)
    silent = await asyncio.start_server(_never, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    with pytest.raises(ToolFailed, match="did not answer"):
        await fetch(f"http://127.0.0.1:{port}/", (f"127.0.0.1:{port}",))
    silent.close()


async def _never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "1.1.1.1", "2606:4700:4700::1111", "64:ff9b::101:101", "::ffff:1.1.1.1"]
)
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(address)
