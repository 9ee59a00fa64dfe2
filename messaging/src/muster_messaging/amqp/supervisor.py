"""Keeps one link to the queue server up, for ever, with back-off."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

from muster_messaging.amqp.link import Link
from muster_messaging.amqp.lost import Lost
from muster_messaging.amqp.url import Endpoint

__all__ = ["Supervisor", "pause"]

#: Seconds between two tries: the first, and the longest. Full jitter, so that a fleet does not come back as one.
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 5.0
#: A link that lasted so long (seconds) was a good one: back-off starts again from the beginning.
GOOD_LINK_S = 5.0
_ACCESS_REFUSED, _NOT_ALLOWED = 403, 530

_LOG = logging.getLogger("muster.amqp")


def pause(tries: int) -> float:
    """Return how long to wait before try number `tries` + 1, in seconds."""
    return random.uniform(0, min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(tries, 10)))  # noqa: S311 - no secret


class Supervisor:
    """Opens links one after the other; `serve` uses a link and returns or raises Lost when it is gone."""

    def __init__(self, endpoint: Endpoint, name: str, serve: Callable[[Link], Awaitable[None]]) -> None:
        self._endpoint = endpoint
        self._name = name
        self._serve = serve
        self._link: Link | None = None
        self._up = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._refused = asyncio.Event()
        #: Why there is no link, for people; and whether it is our login.
        self.trouble = "not tried yet"
        self.login_refused = False

    def start(self) -> None:
        """Begin, if it has not begun."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"amqp {self._name}")
            self._task.add_done_callback(self._report)

    async def link(self) -> Link:
        """Return a link that is up, as soon as there is one."""
        self.start()
        while self._link is None or self._link.lost.done():
            self._up.clear()
            await self._up.wait()
        return self._link

    async def wait_refused(self) -> None:
        """Return when our login is refused next."""
        await self._refused.wait()

    async def close(self) -> None:
        """End the link in order, and try no more."""
        link = self._link
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))
        if link is not None:
            await link.leave()

    def _report(self, task: "asyncio.Task[None]") -> None:
        # It never ends by itself: if it does, that is a fault of ours, and silence would look like a dead server.
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOG.critical("! %s ended unexpectedly", self._name, exc_info=error)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        tries = 0
        while True:
            try:
                link = await Link.open(self._endpoint.parameters(self._name))
            except Lost as failure:
                self._explain(failure, tries)
                await asyncio.sleep(pause(tries))
                tries += 1
                continue
            since = loop.time()
            _LOG.info("= %s connected to %s", self._name, self._endpoint.shown)
            lost = await self._use(link)
            _LOG.warning("! %s lost %s: %s", self._name, self._endpoint.shown, lost.text)
            tries = 0 if loop.time() - since > GOOD_LINK_S else tries + 1
            await asyncio.sleep(pause(tries))

    async def _use(self, link: Link) -> Lost:
        self._link = link
        self._up.set()
        try:
            await self._serve(link)
        except Lost as lost:
            if not link.lost.done():
                await link.leave()  # it is up, but of no use: begin again
                return lost
        finally:
            self._link = None
        return await asyncio.shield(link.lost)

    def _explain(self, lost: Lost, tries: int) -> None:
        self.trouble = lost.text
        self.login_refused = lost.code in (_ACCESS_REFUSED, _NOT_ALLOWED)
        if self.login_refused:
            self._refused.set()
            self._refused.clear()  # wakes whoever waits now
        if lost.code == _ACCESS_REFUSED:
            self.trouble = f"it refuses the login as {self._endpoint.user} ({lost.text})"
        elif lost.code == _NOT_ALLOWED:
            self.trouble = f"the login as {self._endpoint.user} may not use the vhost ({lost.text})"
        # Once, and then now and then: a queue server that is down for an hour is one fact, not a thousand.
        if tries % 20 == 0:
            _LOG.warning("! %s cannot reach %s: %s", self._name, self._endpoint.shown, self.trouble)
