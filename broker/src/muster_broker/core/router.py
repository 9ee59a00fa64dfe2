"""Where a message goes. One call takes a message's control fields and returns what to do; bodies are never read.

Forward    publish these copies, then tell these notices
Unknown    nobody has this address now: the status stream may be behind, so look again, then answer
Answer     it will not be delivered: tell its sender why
Park       nobody can make sense of it: keep it where a person looks, and tell its sender
"""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal

from muster_broker.core.fleet import Fleet, Known
from muster_messaging.message import SCHEMA, Message
from muster_messaging.topology import partition_key, partition_of
from muster_shared_models.addresses import Address, AddressKind, parse_address
from muster_shared_models.bodies import MessageType, branch_run
from muster_shared_models.problems import MusterError, Reason
from muster_shared_models.selectors import parse_selector

__all__ = ["Answer", "Copy", "Decision", "Forward", "Notice", "Park", "Unknown", "decide", "misplaced"]

#: Agents that may pass a message on before it counts as a loop.
MAX_HOPS = 8
#: Targets of one message.
MAX_TARGETS = 10_000


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy for an agent's queue, or for the server when `agent_id` is empty. `run` replaces the message's.

    `chosen`: it might have gone to another agent as well, and does when the next broker decides anew.
    """

    agent_id: str
    run: str
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """What the sender is told. `final`: the message will not be delivered. `run`: one target's, of many."""

    reason: Reason | Literal["queued", "fanned_out"]
    detail: str
    final: bool
    agent_id: str = ""
    last_heard_ms: int = 0
    targets: tuple[str, ...] = ()
    run: str = ""


@dataclass(frozen=True, slots=True)
class Forward:
    """Publish the copies in order."""

    copies: tuple[Copy, ...]
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class Unknown:
    """Look again; `answer` is what to say when nothing changes."""

    answer: Notice


@dataclass(frozen=True, slots=True)
class Answer:
    """Tell the sender, then forget the message."""

    notice: Notice


@dataclass(frozen=True, slots=True)
class Park:
    """Keep the message for a person."""

    reason: Reason
    detail: str

    @property
    def notice(self) -> Notice:
        """What its sender is told."""
        return _final(self.reason, self.detail)


Decision = Forward | Unknown | Answer | Park


def misplaced(message: Message, key: str, partitions: int) -> bool:
    """Tell whether a message came through a partition that is not its conversation's."""
    return bool(message.conversation) and key != partition_key(partition_of(message.conversation, partitions))


def decide(message: Message, fleet: Fleet, now_ms: int) -> Decision:
    """Decide about one message."""
    if message.schema > SCHEMA:
        return Park(Reason.SCHEMA_UNKNOWN, f"Its schema is {message.schema}, this broker knows {SCHEMA}.")
    if not message.sender:
        # RabbitMQ checks the name of a sender who gives one: who gives none could claim anything in the headers.
        return Park(Reason.UNAUTHENTICATED, "Nobody vouches for its sender.")
    decision = _judge(message, fleet, now_ms)
    if isinstance(decision, Answer) and message.type == MessageType.NOTICE.value:
        # A notice about a notice would be taken for news of the message itself.
        return Park(Reason(decision.notice.reason), decision.notice.detail)
    return decision


def _judge(message: Message, fleet: Fleet, now_ms: int) -> Decision:
    if message.hops > MAX_HOPS:
        return Answer(_final(Reason.UNROUTABLE, f"It was passed on {message.hops} times: agents answer each other."))
    if message.expires_at_ms and message.expires_at_ms < now_ms:
        return Answer(_final(Reason.EXPIRED, "It expired before it could be delivered."))
    try:
        return _route(message, parse_address(message.to), fleet)
    except MusterError as error:
        return Answer(_final(error.reason, error.detail))


def _route(message: Message, address: Address, fleet: Fleet) -> Decision:  # noqa: PLR0911 - one per kind of address
    if address.kind in (AddressKind.SERVER, AddressKind.USER):
        return Forward((Copy("", message.run),))
    if address.kind is AddressKind.AGENT:
        agent = fleet.find(address.value)
        if agent is None:
            return Unknown(_final(Reason.AGENT_NOT_FOUND, f"No agent is called '{address.value}'."))
        return _to_one(message, agent)
    if address.kind is AddressKind.POOL:
        return Answer(_final(Reason.NO_TARGET, f"There is no pool called '{address.value}'."))
    found = fleet.match(parse_selector(address.value))
    if not found:
        return Unknown(_final(Reason.NO_TARGET, f"No agent matches {address}."))
    if address.kind is AddressKind.ANY:
        before = fleet.chosen(message.conversation) or message.sticky
        return _to_one(message, choose(found, before, message.conversation), chosen=True)
    return _to_all(message, found)


def _to_one(message: Message, agent: Known, *, chosen: bool = False) -> Forward:
    return Forward((Copy(agent.id, message.run, chosen),), () if agent.ready else (_queued(agent),))


def _queued(agent: Known, run: str = "") -> Notice:
    why = "is quarantined" if agent.quarantined else "is paused" if agent.attached else "is away"
    detail = f"{agent.name} {why}; the message waits in its queue."
    return Notice("queued", detail, False, agent.id, agent.last_heard_ms, run=run)


def _to_all(message: Message, found: list[Known]) -> Decision:
    if len(found) > MAX_TARGETS:
        return Answer(_final(Reason.INVALID_ADDRESS, f"{len(found)} agents match; {MAX_TARGETS} is the most."))
    found = sorted(found, key=lambda agent: agent.name)
    runs = {agent.id: branch_run(message.run, agent.id) if message.run else "" for agent in found}
    split = Notice("fanned_out", f"It went to {len(found)} agents.", False, targets=tuple(runs))
    # The split comes first: it makes the runs that the other notices speak of.
    waiting = tuple(_queued(agent, runs[agent.id]) for agent in found if not agent.ready and message.run)
    return Forward(tuple(Copy(agent_id, run) for agent_id, run in runs.items()), (split, *waiting))


def choose(found: list[Known], sticky: str, conversation: str) -> Known:
    """Return who takes a message: who has the conversation already, else the least loaded, else who was heard last.

    Whoever is quarantined may stay so for long, and takes it only when there is nobody else.

    Among equals a conversation always falls to the same agent, and different conversations to different ones.
    """
    ready = [agent for agent in found if agent.ready]
    for agent in ready:
        if agent.id == sticky:
            return agent
    if ready:
        return min(ready, key=lambda agent: (agent.load, _rank(conversation, agent.id)))
    return max(found, key=lambda agent: (not agent.quarantined, agent.id == sticky, agent.last_heard_ms))


def _rank(conversation: str, agent_id: str) -> bytes:
    return blake2b(f"{conversation}|{agent_id}".encode(), digest_size=8).digest()


def _final(reason: Reason, detail: str) -> Notice:
    return Notice(reason, detail, final=True)
