"""Keeps a subscription consuming: after a reconnect, a closed channel, or a queue that was deleted and made anew."""

import asyncio
import logging
from asyncio import Future
from collections.abc import Awaitable, Callable
from contextlib import suppress

from muster_messaging.amqp.consumer import AmqpSubscription
from muster_messaging.amqp.link import Link
from muster_messaging.amqp.lost import Lost
from muster_messaging.amqp.supervisor import Supervisor
from muster_messaging.errors import Refused

__all__ = ["keep"]

#: Seconds that a missing queue may take to come back, and between two looks.
QUEUE_PATIENCE_S = 5.0
RETRY_PAUSE_S = 0.2
#: Seconds that the beginning may take.
ANSWER_PATIENCE_S = 30.0
_ACCESS_REFUSED, _NOT_FOUND = 403, 404

_LOG = logging.getLogger("muster.amqp")


async def keep(
    subscription: AmqpSubscription,
    supervisor: Supervisor,
    standing: "Future[None]",
    restore: Callable[[str], Awaitable[None]],
) -> None:
    """Run until the subscription ends. `standing` ends at the first success, or fails with Refused.

    `restore` is asked to declare a missing queue again, in case it is this process that declares it.
    """
    loop = asyncio.get_running_loop()
    missing_since: float | None = None
    while not subscription.left.done():
        link = await supervisor.link()
        if subscription.left.done():
            return
        try:
            await _consume(subscription, link, standing)
            missing_since = None
            continue
        except Lost as lost:
            subscription.forget()
            if link.lost.done():
                continue
            reason = lost
        missing_since = (missing_since or loop.time()) if reason.code == _NOT_FOUND else None
        given_up = not standing.done() or (missing_since and loop.time() - missing_since > QUEUE_PATIENCE_S)
        if reason.code == _ACCESS_REFUSED or (reason.code == _NOT_FOUND and given_up):
            _refuse(subscription, standing, reason)
            return
        _LOG.warning("! %s cannot be consumed (%s), trying again", subscription.queue, reason.text)
        with suppress(Lost):  # the next turn waits for a link
            await restore(subscription.queue)
        await asyncio.wait((subscription.left, link.lost), timeout=RETRY_PAUSE_S, return_when=asyncio.FIRST_COMPLETED)


async def _consume(subscription: AmqpSubscription, link: Link, standing: "Future[None]") -> None:
    """Return when the channel has ended, for whatever reason but a refusal; raises Lost when it cannot begin."""
    try:
        async with asyncio.timeout(ANSWER_PATIENCE_S):
            channel, cancelled = await subscription.begin(link)
    except TimeoutError:
        # A queue without a leader does not answer at all.
        raise Lost(0, f"no answer within {ANSWER_PATIENCE_S:g} s") from None
    if not standing.done():
        standing.set_result(None)
    await asyncio.wait((channel.lost, cancelled, subscription.left), return_when=asyncio.FIRST_COMPLETED)
    if not channel.lost.done():
        if not subscription.left.done():
            _LOG.warning("! the queue server stopped handing out %s", subscription.queue)
        await channel.leave()
    elif channel.lost.result().code:
        raise channel.lost.result()  # the server closed it: there is a reason to pause
    subscription.forget()


def _refuse(subscription: AmqpSubscription, standing: "Future[None]", reason: Lost) -> None:
    error = Refused(reason.text, "Does the queue exist, and may this login read it?")
    subscription.end(error)
    if not standing.done():
        standing.set_exception(error)
