"""Agents and messages as the tests of the broker's core speak of them."""

from typing import Any

from muster_broker.core.fleet import Fleet, Known
from muster_broker.core.router import Answer, Decision, Forward, Notice, Unknown, decide
from muster_messaging.message import Message

NOW = 1_800_000_000_000


def agent(number: int, name: str = "", **facts: Any) -> Known:
    """An agent that is attached and takes work."""
    return Known(**{"id": f"agt_{number}", "name": name or f"worker-{number}", "attached": True, **facts})


def fleet_of(*agents: Known) -> Fleet:
    fleet = Fleet()
    fleet.reset(agents)
    return fleet


def message_to(to: str, **fields: Any) -> Message:
    return Message(
        **{"id": "msg_1", "type": "chat.message", "to": to, "conversation": "cnv_1", "run": "run_1", "sender": "server"}
        | fields
    )


def routed(to: str, fleet: Fleet, **fields: Any) -> Decision:
    return decide(message_to(to, **fields), fleet, NOW)


def targets(decision: Decision) -> list[str]:
    """Whose queues it goes to."""
    assert isinstance(decision, Forward), decision
    return [copy.agent_id for copy in decision.copies]


def target(decision: Decision) -> str:
    (only,) = targets(decision)
    return only


def refusal(decision: Decision) -> Notice:
    """What the sender is told in the end."""
    assert isinstance(decision, Answer | Unknown), decision
    notice = decision.notice if isinstance(decision, Answer) else decision.answer
    assert notice.final
    assert notice.detail
    return notice
