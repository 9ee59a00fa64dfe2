"""AmqpBus: the bus contract over RabbitMQ."""

import asyncio
import logging
from asyncio import Future

from muster_messaging.amqp.admin import Admin
from muster_messaging.amqp.consumer import AmqpSubscription
from muster_messaging.amqp.keeper import keep
from muster_messaging.amqp.link import Link
from muster_messaging.amqp.lost import Lost
from muster_messaging.amqp.publisher import CONFIRM_TIMEOUT_S, Publisher
from muster_messaging.amqp.supervisor import Supervisor
from muster_messaging.amqp.url import Endpoint, parse_url
from muster_messaging.bus import QueueInfo
from muster_messaging.errors import BusError, Disconnected, LoginRefused
from muster_messaging.message import Message
from muster_messaging.topology import Topology

__all__ = ["AmqpBus"]

#: Seconds that `open` tries before it says that nobody answers.
OPEN_TIMEOUT_S = 10.0
#: Seconds that `subscribe` waits for a connection and for the queue server's answer.
SUBSCRIBE_TIMEOUT_S = 30.0

_LOG = logging.getLogger("muster.amqp")


class AmqpBus:
    """A bus on RabbitMQ. Made by `open`; fulfils BusAdmin as far as its login may.

    Two links: one publishes; the other does all the rest, so that a queue server that is short of memory, and stops
    reading what publishers send, still takes acknowledgements.
    """

    def __init__(self, endpoint: Endpoint, name: str, confirm_timeout_s: float) -> None:
        self._shown = endpoint.shown
        self._publisher = Publisher(endpoint.user, confirm_timeout_s=confirm_timeout_s)
        self._publishing = Supervisor(endpoint, f"{name} publishing", self._publish_on)
        self._consuming = Supervisor(endpoint, f"{name} consuming", self._consume_on)
        self._admin = Admin(self._consuming)
        self._opened = asyncio.Event()
        self._keepers: dict[asyncio.Task[None], AmqpSubscription] = {}
        self._closed = False

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        name: str = "muster",
        open_timeout_s: float = OPEN_TIMEOUT_S,
        confirm_timeout_s: float = CONFIRM_TIMEOUT_S,
    ) -> "AmqpBus":
        """Return a connected bus; from then on it reconnects by itself for ever.

        `url` is amqp:// or amqps:// (see url.py); `name` is shown in RabbitMQ's list of connections. Raises
        MusterError(INVALID_SETTING) for an address that cannot be read, Disconnected when nobody answered in time,
        LoginRefused when somebody did, and said no.
        """
        bus = cls(parse_url(url), name, confirm_timeout_s)
        bus._publishing.start()
        try:
            async with asyncio.timeout(open_timeout_s):
                await bus._opened.wait()
        except TimeoutError:
            await bus.close()
            raise (LoginRefused if bus._publishing.login_refused else Disconnected)(
                f"No connection to the queue server at {bus._shown} within {open_timeout_s:g} s: "
                f"{bus._publishing.trouble}.",
                "Is RabbitMQ running there, and are user, password and vhost right?",
            ) from None
        except BaseException:
            await bus.close()
            raise
        return bus

    def publish(self, exchange: str, key: str, message: Message) -> "Future[None]":
        """Hand `message` over; see Bus."""
        return self._publisher.publish(exchange, key, message)

    async def subscribe(self, queue: str, prefetch: int) -> AmqpSubscription:
        """Begin to receive; see Bus."""
        if self._closed:
            raise Disconnected("The bus is closed.")
        subscription = AmqpSubscription(queue, prefetch)
        standing: Future[None] = asyncio.get_running_loop().create_future()
        keeping = keep(subscription, self._consuming, standing, self._restore)
        keeper = asyncio.create_task(keeping, name=f"amqp consumer of {queue}")
        self._keepers[keeper] = subscription
        keeper.add_done_callback(self._keepers.pop)
        try:
            await asyncio.wait((keeper, standing), timeout=SUBSCRIBE_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            subscription.abandon()
            raise
        if not standing.done():
            subscription.abandon()
            keeper.cancel()
            why = "The bus was closed." if self._closed else f"No answer within {SUBSCRIBE_TIMEOUT_S:g} s."
            raise Disconnected(why)
        standing.result()
        return subscription

    @property
    def connected(self) -> bool:
        """Whether publishing works now: not while RabbitMQ is short of memory or disk and takes nothing."""
        return self._publisher.ready.is_set()

    @property
    def trouble(self) -> str:
        """Why publishing does not work now; see BusAdmin."""
        if self.connected:
            return ""
        why = self._publisher.blocked
        return f"The queue server takes no messages now: {why}." if why else "The queue server cannot be reached."

    async def wait_connected(self) -> None:
        """Return when publishing works."""
        await self._publisher.ready.wait()

    async def wait_refused(self) -> None:
        """Return when RabbitMQ next refuses our login: it was deleted, or has another password."""
        await self._publishing.wait_refused()

    async def close(self) -> None:
        """End everything in order; see Bus. A second call does nothing."""
        if self._closed:
            return
        self._closed = True
        for subscription in self._keepers.values():
            subscription.end(Disconnected("The bus was closed."))
            subscription.flush()
        # What is unconfirmed fails before the connection goes, so that nobody waits for it.
        self._publisher.close()
        keepers = tuple(self._keepers)
        for keeper in keepers:
            keeper.cancel()
        if keepers:
            await asyncio.wait(keepers)
        # The links say goodbye after the acknowledgements: their answer means that those have arrived.
        await asyncio.gather(self._consuming.close(), self._publishing.close())

    async def declare(self, topology: Topology) -> None:
        """Create what is missing; see BusAdmin."""
        await self._admin.declare(topology)

    async def delete_queue(self, name: str) -> None:
        """Delete a queue; see BusAdmin."""
        await self._admin.delete_queue(name)

    async def queue_info(self, name: str) -> QueueInfo | None:
        """Count a queue; see BusAdmin. `unacked` is -1: RabbitMQ tells it to its management API only."""
        return await self._admin.queue_info(name)

    async def _publish_on(self, link: Link) -> None:
        link.watch_blocked(self._publisher.set_blocked)
        self._publisher.set_blocked("")
        # Before the first publish: where queues were lost, messages would come back as unroutable for good.
        await self._restore()
        while not link.lost.done():
            channel = await link.open_channel()
            await self._publisher.attach(channel)
            self._opened.set()
            self._publisher.detach(await asyncio.shield(channel.lost))

    async def _restore(self, queue: str = "") -> None:
        try:
            await self._admin.restore(queue)
        except Disconnected as error:
            raise Lost(0, error.detail) from error
        except BusError as error:
            _LOG.error("! what the queue server lost cannot be declared again: %s", error.detail)

    async def _consume_on(self, link: Link) -> None:
        await asyncio.shield(link.lost)
