"""The way to the queue server that the server told us to take."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from muster_agent.control.access import Access
from muster_messaging.bus import Bus
from muster_messaging.link.channel import open_channel

__all__ = ["open_bus"]


@asynccontextmanager
async def open_bus(access: Access) -> AsyncIterator[Bus]:
    """Connect for as long as the context lasts; raises MusterError when we are refused or nobody answers."""
    # Imported late: an agent that uses the relay needs no AMQP client, and the other way round.
    if access.registration.amqp_url:
        from muster_messaging.amqp.bus import AmqpBus  # noqa: PLC0415

        bus: Bus = await AmqpBus.open(access.registration.amqp_url)
        try:
            yield bus
        finally:
            await bus.close()
        return
    from muster_messaging.relay.client import RelayBus  # noqa: PLC0415

    # A channel of its own: messages in bulk must not hold up commands.
    channel = open_channel(access.address, access.certificate)
    try:
        bus = await RelayBus.open(channel, access.metadata)
        try:
            yield bus
        finally:
            await bus.close()
    finally:
        await channel.close()
