"""A person at a browser: what they do and see in the console, in its own words."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from playwright.sync_api import Browser, ConsoleMessage, Error, Locator, expect

from tests.e2e.fleet import Fleet

__all__ = ["OUTAGE", "PATIENCE_MS", "PHONE", "REFUSED", "Person"]

#: How long anything may take that has no deadline of its own: machines that run tests are busy.
PATIENCE_MS = 15_000

#: What a browser writes to its console while a server is away on purpose.
OUTAGE = r"net::ERR_(CONNECTION|EMPTY|SOCKET)|WebSocket connection to .* failed"
#: What it writes when an answer is "not logged in".
REFUSED = r"status of 401"

#: A phone as common as any.
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}

#: Collects how often and how long a place's text was; more than two entries mean that it grew while one looked.
RECORD = """(place) => {
  const seen = (window.seenLengths = []);
  const look = () => {
    const length = place.innerText.length;
    if (seen.at(-1) !== length) seen.push(length);
  };
  look();
  new MutationObserver(look).observe(place, { childList: true, characterData: true, subtree: true });
}"""

#: The structure and the words of a place, without what only decorates.
OUTLINE = """(place) => {
  const outline = (node) => {
    if (node.nodeType === Node.TEXT_NODE) return node.data;
    if (node.nodeType !== Node.ELEMENT_NODE || node.tagName.toLowerCase() === "svg") return null;
    const names = node.getAttributeNames().filter((name) => /^(data-|href$|role$|aria-label$|aria-busy$)/.test(name));
    const marks = names.map((name) => `${name}=${node.getAttribute(name)}`);
    return [node.tagName, marks, [...node.childNodes].map(outline).filter((part) => part !== null)];
  };
  return outline(place);
}"""


class Person:
    """One browser profile with one page. `close` fails when the page complained of anything."""

    def __init__(self, browser: Browser, fleet: Fleet, **options: Any) -> None:
        self._fleet = fleet
        self._complaints: list[str] = []
        self.context = browser.new_context(base_url=fleet.url, **options)
        self.context.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        self.page = self.context.new_page()
        self.page.on("console", self._on_console)
        self.page.on("pageerror", self._on_error)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._complaints.append(f"{message.type}: {message.text} ({message.location['url']})")

    def _on_error(self, error: Error) -> None:
        self._complaints.append(f"uncaught: {error.message}\n{error.stack}")

    @contextmanager
    def expecting(self, *patterns: str) -> Iterator[None]:
        """Within the block the browser may complain of this, and of nothing else."""
        before = self._take()
        yield
        during = self._take()
        allowed = re.compile("|".join(patterns))
        self._complaints = before + [one for one in during if not allowed.search(one)]

    def _take(self) -> list[str]:
        self.page.evaluate("0")  # what the browser has said until now has arrived after this
        taken, self._complaints = self._complaints, []
        return taken

    def close(self) -> None:
        complaints = self._take()
        self.context.close()
        assert not complaints, "the browser's console has complaints:\n" + "\n".join(complaints)

    # ---- going places ------------------------------------------------------------------------------------------------

    def log_in(self) -> "Person":
        self.page.goto(self._fleet.login_link())
        expect(self.page).to_have_url(re.compile("/fleet$"))
        expect(self.connection).to_contain_text("live")
        return self

    def open_fleet(self) -> None:
        self.page.goto("/fleet")

    def open_agent(self, name: str) -> None:
        self.page.goto(f"/agents/{self._fleet.agent_id(name)}")

    def open_conversation(self, conversation: str) -> None:
        self.page.goto(f"/conversations/{conversation}")

    # ---- talking -----------------------------------------------------------------------------------------------------

    def begin(self, address: str, text: str) -> str:
        """Say the first words to an address; returns the conversation's id."""
        self.page.goto(f"/conversations/new?to={quote(address)}")
        self.say(text)
        expect(self.page).to_have_url(re.compile("/conversations/cnv_"))
        return self.page.url.rsplit("/", 1)[1]

    def begin_with(self, name: str, text: str) -> str:
        return self.begin(f"agent:{self._fleet.agent_id(name)}", text)

    def say(self, text: str) -> None:
        self.composer.fill(text)
        self.button("Send").click()

    # ---- seeing ------------------------------------------------------------------------------------------------------

    @property
    def connection(self) -> Locator:
        return self.page.get_by_test_id("connection")

    @property
    def composer(self) -> Locator:
        return self.page.get_by_role("textbox", name="Message")

    @property
    def thread(self) -> Locator:
        return self.page.get_by_test_id("thread")

    @property
    def replies(self) -> Locator:
        return self.page.get_by_test_id("message-agent")

    @property
    def said(self) -> Locator:
        return self.page.get_by_test_id("message-user")

    @property
    def terminal(self) -> Locator:
        return self.page.get_by_test_id("terminal").locator(".xterm-rows")

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def cell(self, name: str) -> Locator:
        """The agent on the fleet page, as a cell of the wall or a row of the first run."""
        return self.page.get_by_test_id("agent-cell").filter(has_text=name)

    def finished(self, number: int = 1) -> Locator:
        """The last of `number` replies, once it is finished."""
        expect(self.replies).to_have_count(number)
        expect(self.replies.last).to_have_attribute("data-stage", "finished", timeout=30_000)
        return self.replies.last

    def outline(self) -> Any:
        """The thread as it is: each element with its marks, and every word."""
        return self.thread.evaluate(OUTLINE)

    def record_growth(self, place: Locator) -> None:
        """Begin to note how long the text of a place is; see `growth`."""
        place.evaluate(RECORD)

    def growth(self) -> list[int]:
        """The lengths that the text had since `record_growth`."""
        return list(self.page.evaluate("window.seenLengths"))

    def has_sideways_scroll(self) -> bool:
        return bool(self.page.evaluate("document.scrollingElement.scrollWidth > innerWidth"))
