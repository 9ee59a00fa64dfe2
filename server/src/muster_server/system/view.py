"""What the server says of itself, and whether messages can travel."""

from muster_server.parts import Parts
from muster_server.settings import LOOPBACK
from muster_shared_models.model import from_ms
from muster_shared_models.system import SystemView

__all__ = ["Unready", "system_view"]


class Unready:
    """Says what is missing for messages to travel, or nothing."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def __call__(self) -> str:
        """Return a sentence, or nothing."""
        return self._parts.queues.bus.trouble


def system_view(parts: Parts, version: str, join_address: str) -> SystemView:
    """Return the server's own state."""
    brokers = parts.brokers.views()
    warnings = [Unready(parts)()] if Unready(parts)() else []
    if not any(broker.connected for broker in brokers):
        warnings.append("No broker is connected: messages wait until one is.")
    if parts.queues.shares_login:
        warnings.append(
            "Agents on this machine share one RabbitMQ login, and could read each other's messages. "
            "With MUSTER_BUS_API (RabbitMQ's management API) each gets its own."
        )
    return SystemView(
        version=version,
        bus=parts.queues.kind,
        database="postgresql" if parts.settings.database_url else "sqlite",
        started_at=from_ms(parts.started_at),
        brokers=brokers,
        grpc_address=join_address,
        reachable_from_outside=parts.settings.grpc_host not in LOOPBACK,
        queued_in_outbox=parts.outbox.waiting,
        warnings=warnings,
    )
