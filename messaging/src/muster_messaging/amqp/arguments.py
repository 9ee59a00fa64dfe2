"""A queue of the topology in RabbitMQ's words: the same from 3.10 to 4.x, whatever the defaults of a version are."""

import re
from typing import Any

from muster_messaging.errors import TopologyMismatch
from muster_messaging.topology import Queue

__all__ = ["mismatch", "queue_arguments"]

#: "No limit" said explicitly: 4.x takes 20 where nothing is said, 3.10 knows no -1, and a lower number loses messages.
NO_DELIVERY_LIMIT = 1_000_000_000

_DIFFERENCE = re.compile(r"inequivalent arg '([^']*)' for (queue|exchange) '(.*)' in vhost '[^']*': (.*)", re.DOTALL)


def queue_arguments(queue: Queue) -> dict[str, Any]:
    """Return the arguments of queue.declare."""
    arguments: dict[str, Any] = {
        "x-queue-type": "quorum",
        "x-delivery-limit": queue.delivery_limit or NO_DELIVERY_LIMIT,
        "x-overflow": "reject-publish",
    }
    if queue.single_active:
        arguments["x-single-active-consumer"] = True
    if queue.max_length:
        arguments["x-max-length"] = queue.max_length
    if queue.max_bytes:
        arguments["x-max-length-bytes"] = queue.max_bytes
    if queue.ttl_ms:
        arguments["x-message-ttl"] = queue.ttl_ms
    if queue.dead_letter_exchange:
        arguments["x-dead-letter-exchange"] = queue.dead_letter_exchange
        arguments["x-dead-letter-strategy"] = "at-least-once"
        if queue.dead_letter_key:
            arguments["x-dead-letter-routing-key"] = queue.dead_letter_key
    return arguments


def mismatch(text: str) -> TopologyMismatch:
    """Return the error for RabbitMQ's words about something that exists with other arguments."""
    found = _DIFFERENCE.search(text)
    if found is None:
        return TopologyMismatch(text, "Something of this name exists with other arguments; nothing was changed.")
    argument, kind, name, difference = found.groups()
    return TopologyMismatch(
        f"The {kind} {name} exists with another {argument}: {difference}. Nothing was changed.",
        f"If this {kind} is from an older version of Muster: let it run empty, delete it, and start again. "
        f"If it belongs to something else: give Muster a vhost of its own.",
    )
