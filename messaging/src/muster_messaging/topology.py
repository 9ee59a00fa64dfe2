"""Every exchange, queue and binding of Muster, by functions: names are made here and nowhere else.

muster.to_broker   direct   "p0".."pN-1"  -> broker_input_queue[.pK]     agents and the server publish
muster.to_agent    direct   <agent id>     -> agent_queue_<agent id>      the broker publishes
muster.to_server   direct   "in"           -> server_input_queue          the broker publishes
muster.retry.<d>   fanout   keeps the key  -> retry_queue.<d>             the broker publishes; after <d> back to
                                                                          muster.to_broker, same partition
muster.dlx         direct   family         -> dead_letter_queue.<family>  dead letters
muster.parking     direct   "in"           -> parking_queue               what a person must look at
"""

from typing import NamedTuple
from zlib import crc32

__all__ = [
    "DEAD_LETTER", "DEFAULT_PARTITIONS", "PARKING", "RETRY_DELAYS", "ROUTER_MAX_LENGTH", "STANDING", "TO_AGENT",
    "TO_BROKER", "TO_SERVER", "Binding", "Exchange", "Queue", "Topology", "agent_queue", "agent_topology",
    "base_topology", "broker_input", "dead_letter_queues", "partition_key", "partition_of", "retry_exchange",
    "retry_queue", "route_to",
]  # fmt: skip

TO_BROKER = "muster.to_broker"
TO_AGENT = "muster.to_agent"
TO_SERVER = "muster.to_server"
DEAD_LETTER = "muster.dlx"
PARKING = "muster.parking"
SERVER_INPUT = "server_input_queue"
PARKING_QUEUE = "parking_queue"
#: The key of exchanges with a single queue behind them.
IN = "in"

#: Fixed for the life of a queue server: a conversation's partition must not change while its messages are under way.
DEFAULT_PARTITIONS = 4

#: Retry queue to its delay in milliseconds.
RETRY_DELAYS = {"5s": 5_000, "30s": 30_000, "5m": 300_000}

#: Crashing consumers return their whole prefetch each time: a low limit would dead-letter innocent messages.
ROUTER_DELIVERY_LIMIT = 1000
#: Messages that wait for a broker, per partition.
ROUTER_MAX_LENGTH = 50_000
AGENT_DELIVERY_LIMIT = 20
FAMILIES = ("router", "agent", "server")


#: Exchanges with a queue behind them at all times: where there is none, somebody has deleted it.
STANDING = frozenset({TO_BROKER, TO_SERVER, DEAD_LETTER, PARKING, *(f"muster.retry.{delay}" for delay in RETRY_DELAYS)})


class Exchange(NamedTuple):
    """`kind` is direct or fanout; always durable."""

    name: str
    kind: str


class Queue(NamedTuple):
    """A durable queue. Zero or empty means "none"; `single_active`: one consumer at a time, the others stand by."""

    name: str
    single_active: bool = True
    delivery_limit: int = 0
    max_length: int = 0
    max_bytes: int = 0
    dead_letter_exchange: str = ""
    dead_letter_key: str = ""
    ttl_ms: int = 0


class Binding(NamedTuple):
    """Messages to `exchange` with `key` go to `queue`."""

    exchange: str
    key: str
    queue: str


class Topology(NamedTuple):
    """What shall exist."""

    exchanges: tuple[Exchange, ...]
    queues: tuple[Queue, ...]
    bindings: tuple[Binding, ...]


def partition_of(conversation: str, partitions: int) -> int:
    """Return the partition that keeps this conversation in order."""
    return crc32(conversation.encode()) % partitions


def partition_key(partition: int) -> str:
    """Return the routing key of a partition on muster.to_broker."""
    return f"p{partition}"


def broker_input(partition: int) -> str:
    """Return the queue of a partition; partition 0 keeps the plain name."""
    return "broker_input_queue" if partition == 0 else f"broker_input_queue.p{partition}"


def agent_queue(agent_id: str) -> str:
    """Return the queue that only this agent consumes."""
    return f"agent_queue_{agent_id}"


def retry_exchange(delay: str) -> str:
    """Return the exchange before the retry queue of `delay` (a key of RETRY_DELAYS)."""
    return f"muster.retry.{delay}"


def retry_queue(delay: str) -> str:
    """Return the retry queue of `delay`: what is in it goes back to its partition when that time is over."""
    return f"retry_queue.{delay}"


def dead_letter_queue(family: str) -> str:
    """Return the dead-letter queue of a family of queues."""
    return f"dead_letter_queue.{family}"


def route_to(queue: str) -> tuple[str, str] | None:
    """Return exchange and key that lead to one of the queues above, None for any other."""
    if queue == SERVER_INPUT:
        return TO_SERVER, IN
    if queue.startswith("agent_queue_"):
        return TO_AGENT, queue.removeprefix("agent_queue_")
    head, _, partition = queue.partition(".p")
    if head == "broker_input_queue" and (not partition or partition.isdigit()):
        return TO_BROKER, partition_key(int(partition or 0))
    return None


def dead_letter_queues() -> list[str]:
    """Return every dead-letter queue."""
    return [dead_letter_queue(family) for family in FAMILIES]


def base_topology(partitions: int = DEFAULT_PARTITIONS) -> Topology:
    """Return everything except the agents' own queues."""
    exchanges = [Exchange(name, "direct") for name in (TO_BROKER, TO_AGENT, TO_SERVER, DEAD_LETTER, PARKING)]
    queues = [
        Queue(SERVER_INPUT, True, ROUTER_DELIVERY_LIMIT, 100_000, 268_435_456, DEAD_LETTER, "server"),
        Queue(PARKING_QUEUE, False, 0, 100_000, 268_435_456),
    ]
    bindings = [Binding(TO_SERVER, IN, SERVER_INPUT), Binding(PARKING, IN, PARKING_QUEUE)]
    for partition in range(partitions):
        name = broker_input(partition)
        queues.append(Queue(name, True, ROUTER_DELIVERY_LIMIT, ROUTER_MAX_LENGTH, 268_435_456, DEAD_LETTER, "router"))
        bindings.append(Binding(TO_BROKER, partition_key(partition), name))
    for family in FAMILIES:
        queues.append(Queue(dead_letter_queue(family), False, 0, 100_000, 268_435_456))
        bindings.append(Binding(DEAD_LETTER, family, dead_letter_queue(family)))
    for delay, milliseconds in RETRY_DELAYS.items():
        exchanges.append(Exchange(retry_exchange(delay), "fanout"))
        queues.append(Queue(retry_queue(delay), False, 0, 50_000, 268_435_456, TO_BROKER, ttl_ms=milliseconds))
        bindings.append(Binding(retry_exchange(delay), "", retry_queue(delay)))
    return Topology(tuple(exchanges), tuple(queues), tuple(bindings))


def agent_topology(agent_id: str) -> Topology:
    """Return one agent's queue and its binding."""
    name = agent_queue(agent_id)
    queue = Queue(name, True, AGENT_DELIVERY_LIMIT, 1000, 67_108_864, DEAD_LETTER, "agent")
    return Topology((), (queue,), (Binding(TO_AGENT, agent_id, name),))
