"""Holds what RabbitMQ really has against what Muster declared: arguments, and the policies that override them.

Declaring compares only some arguments, and no policy at all. What is wrong there loses messages much later.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

import structlog

from muster_messaging.amqp.arguments import queue_arguments
from muster_messaging.errors import TopologyMismatch
from muster_messaging.topology import Exchange, Queue, Topology, agent_queue, agent_topology

__all__ = ["Found", "Wrong", "check", "wrongs"]

#: Milliseconds: a run may take two hours, and its message is acknowledged at its end at the latest.
LONGEST_UNACKED_MS = 2 * 3_600_000
#: Where argument and policy both say something, the smaller number counts.
SMALLER = frozenset({"delivery-limit", "expires", "max-length", "max-length-bytes", "message-ttl"})
#: What policies and arguments may say: it changes where a queue lives, not what becomes of its messages.
HARMLESS = frozenset({
    "ha-mode", "ha-params", "ha-promote-on-failure", "ha-promote-on-shutdown", "ha-sync-batch-size", "ha-sync-mode",
    "max-in-memory-bytes", "max-in-memory-length", "queue-leader-locator", "queue-master-locator", "queue-mode",
    "queue-version", "target-group-size",
})  # fmt: skip
AGENT_QUEUES = agent_queue("")
NOTHING = "nothing"

log = structlog.get_logger()

Entry = Mapping[str, Any]


class Found(NamedTuple):
    """What the management API lists; `operators` are the policies that override all others."""

    queues: Iterable[Entry]
    exchanges: Iterable[Entry]
    policies: Iterable[Entry]
    operators: Iterable[Entry]


class Api(Protocol):
    """What checking needs of the management API."""

    async def topology(self) -> Found:
        """Return all queues, exchanges and policies of the vhost."""
        ...


class Wrong(NamedTuple):
    """One argument that is not as intended, and the policy that makes it so, if it is one."""

    what: str
    argument: str
    found: object
    wanted: object
    policy: str = ""

    def __str__(self) -> str:
        by = f" (by the policy '{self.policy}')" if self.policy else ""
        return f"the {self.what} has {self.argument} {self.found}{by}, where {self.wanted} is wanted"


async def check(api: Api, topology: Topology) -> None:
    """Raise TOPOLOGY_MISMATCH when something of `topology`, or of agents, is not as it was declared."""
    found = list(wrongs(topology, await api.topology()))
    if not found:
        return
    for wrong in found:
        log.error("not as intended", what=wrong.what, argument=wrong.argument, found=wrong.found, wanted=wrong.wanted)
    more = f" And {len(found) - 1} more; the log lists all." if len(found) > 1 else ""
    text = str(found[0])
    raise TopologyMismatch(
        f"{text[0].upper()}{text[1:]}.{more} Messages could be lost, so nothing was started.",
        "Change or delete the policy, or keep it off Muster's names; delete a queue or exchange that is wrong "
        "when it is empty: it is made anew. Or give Muster a vhost of its own.",
    )


def wrongs(topology: Topology, found: Found) -> Iterator[Wrong]:
    """Yield what is not as intended. An agent's queue stands for those of agents to come."""
    queues = {str(entry["name"]): entry for entry in found.queues}
    there = [name.removeprefix(AGENT_QUEUES) for name in queues if name.startswith(AGENT_QUEUES)]
    agents = [agent_topology(agent_id).queues[0] for agent_id in there or ["agt_00000000000000000000000000"]]
    for queue in (*topology.queues, *agents):
        yield from _queue(queue, queues.get(queue.name), found)
    exchanges = {str(entry["name"]): entry for entry in found.exchanges}
    for exchange in topology.exchanges:
        yield from _exchange(exchange, exchanges.get(exchange.name), found)


def _queue(queue: Queue, entry: Entry | None, found: Found) -> Iterator[Wrong]:
    what, arguments = f"queue {queue.name}", queue_arguments(queue)
    if entry is not None:
        plain = {"type": "quorum", "durable": True, "auto_delete": False}
        yield from _different(what, {name: entry.get(name, wanted) for name, wanted in plain.items()}, plain)
        given = entry.get("arguments") or {}
        ours = {name: value for name, value in given.items() if name.removeprefix("x-") not in HARMLESS}
        yield from _different(what, ours, arguments)
    wanted = {name.removeprefix("x-"): value for name, value in arguments.items()}
    for name, definition in _policies(queue.name, ("queues", "quorum_queues", "all"), found):
        for key, value in definition.items():
            effective, intended = _effective(key, value, wanted)
            if effective != intended:
                yield Wrong(what, key, effective, intended, name)


def _effective(key: str, value: Any, wanted: Mapping[str, Any]) -> tuple[object, object]:
    """Return what counts of a policy's key, and what shall."""
    if key in HARMLESS or (key == "consumer-timeout" and value >= LONGEST_UNACKED_MS):
        return None, None
    if key == "consumer-timeout":
        return value, f"{LONGEST_UNACKED_MS} or more"
    if key not in wanted:
        return value, NOTHING
    # Of the others, the argument of the queue counts.
    return (min(value, wanted[key]) if key in SMALLER else wanted[key]), wanted[key]


def _exchange(exchange: Exchange, entry: Entry | None, found: Found) -> Iterator[Wrong]:
    what = f"exchange {exchange.name}"
    if entry is not None:
        plain = {"type": exchange.kind, "durable": True, "auto_delete": False, "internal": False}
        yield from _different(what, {name: entry.get(name, wanted) for name, wanted in plain.items()}, plain)
        yield from _different(what, entry.get("arguments") or {}, {})
    for name, definition in _policies(exchange.name, ("exchanges", "all"), found):
        if "alternate-exchange" in definition:
            # What nobody receives would count as received.
            yield Wrong(what, "alternate-exchange", definition["alternate-exchange"], NOTHING, name)


def _different(what: str, found: Entry, wanted: Entry) -> Iterator[Wrong]:
    for name in sorted({*found, *wanted}):
        if found.get(name, NOTHING) != wanted.get(name, NOTHING):
            yield Wrong(what, name, found.get(name, NOTHING), wanted.get(name, NOTHING))


def _policies(name: str, kinds: tuple[str, ...], found: Found) -> Iterator[tuple[str, Entry]]:
    """Yield the policies that apply to a name: the one of the highest priority, and an operator's beside it."""
    for policies in (found.policies, found.operators):
        matching = [each for each in policies if each.get("apply-to", "all") in kinds and _matches(each, name)]
        highest = max((int(each.get("priority", 0)) for each in matching), default=0)
        for each in matching:
            if int(each.get("priority", 0)) == highest:
                yield str(each["name"]), each["definition"]


def _matches(policy: Entry, name: str) -> bool:
    try:
        return re.search(str(policy["pattern"]), name) is not None
    except re.error:
        return True  # Erlang reads more than Python: better one start too few
