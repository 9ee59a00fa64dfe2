"""The tool `fetch`: a public web page as readable text."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx2
from pydantic import Field

from muster_agent.errors import ToolFailed
from muster_agent.settings import child_environment
from muster_agent.tools import readable
from muster_agent.tools.contract import Arguments, Live, Outcome, ToolSpec
from muster_agent.tools.guarded_http import Page, fetch_page

__all__ = ["FetchTool"]

#: The most that is returned, in characters.
MAX_TEXT = 60_000
#: Longer pages are cut before they are read, in characters; and how long that may take.
MAX_HTML = 1024 * 1024
READ_S = 15.0
PAGES = ("text/html", "application/xhtml+xml")
TEXTS = ("application/json", "application/xml", "application/javascript", "application/x-ndjson", "application/yaml")


class FetchArguments(Arguments):
    """What `fetch` wants."""

    url: str = Field(min_length=1, max_length=4096, description="An http or https address.")


class FetchTool:
    """Fetches with GET; `transport` makes the guarded transport of each call."""

    spec = ToolSpec("fetch", "Fetch a public web page and return it as readable Markdown.", FetchArguments)

    def __init__(self, transport: Callable[[], httpx2.AsyncBaseTransport]) -> None:
        self._transport = transport

    def describe(self, arguments: FetchArguments) -> tuple[str, str]:
        """Return the intent and the address."""
        return "Fetches a page", arguments.url

    async def run(self, arguments: FetchArguments, live: Live, mark: str) -> Outcome:
        """Return the page's text; a page that says it is an error is a failed outcome with its text."""
        url = arguments.url if "://" in arguments.url else f"https://{arguments.url}"
        page = await fetch_page(url, self._transport())
        text = await asyncio.to_thread(_readable, page)
        notes = ["only the first part was read"] if page.cut else []
        if len(text) > MAX_TEXT:
            text = text[:MAX_TEXT]
            notes.append(f"cut after {MAX_TEXT} characters")
        if notes:
            text += f"\n\n… {'; '.join(notes)} …"
        if page.status >= httpx2.codes.BAD_REQUEST:
            return Outcome(f"The server answered {page.status}.\n\n{text}", ok=False, media="markdown")
        is_page = page.content_type in PAGES
        language = "json" if page.content_type.endswith("json") else ""
        return Outcome(text, media="markdown" if is_page else "code", language=language)


def _readable(page: Page) -> str:
    if page.content_type in PAGES:
        return _markdown(_text(page)[:MAX_HTML], page.url)
    if page.content_type.startswith("text/") or page.content_type in TEXTS or page.content_type.endswith("+json"):
        return _text(page)
    if not page.body:
        return "(an empty answer)"
    raise ToolFailed(f"The answer is no text: {page.content_type or 'of unknown type'}, {len(page.body)} bytes.")


def _text(page: Page) -> str:
    try:
        return page.body.decode(page.charset, "replace")
    except LookupError:
        return page.body.decode("utf-8", "replace")


def _markdown(html: str, url: str) -> str:
    program = [sys.executable, "-I", str(Path(readable.__file__)), url]
    try:
        done = subprocess.run(  # noqa: S603 - our own program; the page is only its input
            program,
            input=html.encode("utf-8", "replace"),
            env=child_environment([], {}),
            capture_output=True,
            timeout=READ_S,
            check=True,
        )
    except subprocess.TimeoutExpired:
        raise ToolFailed(f"The page takes longer than {READ_S:.0f} s to read.") from None
    except subprocess.CalledProcessError as error:
        why = error.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or ["it ended early"]
        raise ToolFailed(f"The page cannot be read: {why[0][:200]}.") from None
    return done.stdout.decode("utf-8", "replace")
