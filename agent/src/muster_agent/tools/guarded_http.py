"""HTTP to public servers only, whatever a URL, a name server or a redirect says.

A name is resolved once; every address of it must be public; the connection goes to the address that was checked, with
the name in the Host header and in TLS: nothing can be changed between the check and the use. Redirects go through the
same gate. No proxies, cookies, credentials or environment are used.
"""

import asyncio
import socket
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from typing import NamedTuple

import httpx2

from muster_agent.errors import ToolFailed
from muster_agent.tools.addresses import is_public

__all__ = ["GuardedTransport", "Page", "Resolver", "fetch_page", "resolve"]

PORTS = {"http": 80, "https": 443}
MAX_URL = 4096
MAX_REDIRECTS = 5
MAX_BYTES = 5 * 1024 * 1024
TOTAL_S = 20.0
RESOLVE_S = 5.0
HEADERS = {"user-agent": "Muster-Agent/1 (fetch)", "accept-encoding": "gzip", "accept": "text/html,*/*;q=0.8"}

#: Takes a host and a port, gives addresses.
Resolver = Callable[[str, int], Awaitable[list[str]]]


class Page(NamedTuple):
    """What was fetched. `cut`: there was more than is kept."""

    url: str
    status: int
    content_type: str
    charset: str
    body: bytes
    cut: bool


async def resolve(host: str, port: int) -> list[str]:
    """Return all addresses of a host, as this machine's resolver knows them."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


class GuardedTransport(httpx2.AsyncBaseTransport):
    """Checks each request, then connects to the address that it checked. `local`: `host` or `host:port` to allow."""

    def __init__(self, local: Collection[str] = (), resolver: Resolver = resolve) -> None:
        self._local = frozenset(entry.lower() for entry in local)
        self._resolver = resolver
        self._inner = httpx2.AsyncHTTPTransport(trust_env=False, retries=0, http2=False)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send the request, or raise ToolFailed."""
        url = request.url
        if url.scheme not in PORTS:
            raise ToolFailed(f"Only http and https are fetched, not '{url.scheme}'.")
        if url.userinfo:
            raise ToolFailed("A URL with a user name or a password in it is not fetched.")
        host = url.host.lower()
        port = url.port or PORTS[url.scheme]
        address = await self._address(host, port)
        pinned = httpx2.Request(
            request.method,
            url.copy_with(host=address),
            headers=request.headers,  # with the Host header of the original URL
            extensions={**request.extensions, "sni_hostname": host},
        )
        return await self._inner.handle_async_request(pinned)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()

    async def _address(self, host: str, port: int) -> str:
        is_local = f"{host}:{port}" in self._local or (host in self._local and port in PORTS.values())
        if not is_local and port not in PORTS.values():
            raise ToolFailed(f"Port {port} is not fetched from, only 80 and 443.", LOCAL_HINT)
        try:
            async with asyncio.timeout(RESOLVE_S):
                addresses = await self._resolver(host, port)
        except (OSError, UnicodeError, TimeoutError) as error:
            raise ToolFailed(f"The host '{host}' is not known: {error or 'no answer'}.") from error
        if not addresses:
            raise ToolFailed(f"The host '{host}' has no address.")
        if not is_local and not all(map(is_public, addresses)):
            raise ToolFailed(f"'{host}' is not a public address, so it is not fetched.", LOCAL_HINT)
        return addresses[0]


LOCAL_HINT = "MUSTER_AGENT_FETCH_LOCAL names hosts that may be fetched although they are not public."


async def fetch_page(url: str, transport: httpx2.AsyncBaseTransport) -> Page:
    """Return the page at `url`, following redirects; raises ToolFailed."""
    try:
        async with asyncio.timeout(TOTAL_S):
            async with httpx2.AsyncClient(
                transport=transport, trust_env=False, follow_redirects=False, headers=HEADERS, timeout=TOTAL_S
            ) as client:
                return await _follow(client, url)
    except TimeoutError as error:
        raise ToolFailed(f"'{url[:200]}' did not answer within {TOTAL_S:.0f} s.") from error
    except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, zlib.error) as error:
        raise ToolFailed(f"'{url[:200]}' cannot be fetched: {error or type(error).__name__}.") from error


async def _follow(client: httpx2.AsyncClient, url: str) -> Page:
    for _ in range(MAX_REDIRECTS + 1):
        if len(url) > MAX_URL:
            raise ToolFailed(f"A URL of {len(url)} characters is not fetched.")
        client.cookies.clear()
        async with client.stream("GET", url) as response:
            target = response.headers.get("location")
            if response.is_redirect and target:
                url = str(response.url.join(target))
                continue
            body, cut = await _bounded(response)
            return Page(
                url=url,
                status=response.status_code,
                content_type=response.headers.get("content-type", "").partition(";")[0].strip().lower(),
                charset=response.charset_encoding or "utf-8",
                body=body,
                cut=cut,
            )
    raise ToolFailed(f"More than {MAX_REDIRECTS} redirects.")


async def _bounded(response: httpx2.Response) -> tuple[bytes, bool]:
    """Return the decoded body up to the bound: a bomb is never unpacked further than that."""
    body = bytearray()
    async for chunk in _decoded(response):
        body += chunk
        if len(body) > MAX_BYTES:
            return bytes(body[:MAX_BYTES]), True
    return bytes(body), False


async def _decoded(response: httpx2.Response) -> AsyncIterator[bytes]:
    coding = response.headers.get("content-encoding", "identity").strip().lower()
    if coding in ("identity", ""):
        async for chunk in response.aiter_raw():
            yield chunk
        return
    if coding not in ("gzip", "x-gzip"):
        raise ToolFailed(f"The server answers in '{coding[:40]}', which was not asked for.")
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)  # 16: with gzip's header
    async for chunk in response.aiter_raw():
        waiting = chunk
        while waiting:
            yield unpacker.decompress(waiting, MAX_BYTES)
            waiting = unpacker.unconsumed_tail
