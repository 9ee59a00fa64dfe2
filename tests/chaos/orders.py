"""What became of commands and of runs that somebody stopped. Pure: in goes what was done and stored, out come problems.

C1  what was accepted ends, once, and says how                                       lost, unfinished, ended_twice
C2  a program is begun at most once on each agent; it has ended where it is `done`,
    and has never begun where it was refused, expired or withdrawn                   executed_twice, unexpected
C3  the output of what is `done` is there in order; of what died with its agent it
    is said how much                                                                 text_differs
C4  as `stopped` ends only what somebody, or its agent's own end, stopped; as
    `interrupted` only what ran where an agent died; nothing fails by itself         failed
C5  nothing is begun when people have seen the end                                   began_after_end
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.checker import Problem

__all__ = ["Order", "check_orders", "check_stops", "marks"]

ENDED = frozenset({"done", "failed", "stopped", "timed_out", "refused", "expired", "interrupted"})
#: Ends of what its agent must never have begun.
NEVER_BEGUN = frozenset({"refused", "expired"})
RUN_ENDS = frozenset({"RUN_FINISHED", "RUN_ERROR"})


@dataclass(slots=True)
class Order:
    """What an operator asked for, under its idempotency key `ref`; times are the machine's monotonic seconds."""

    ref: str
    #: The command's or the run's id, when the server has answered that it is stored.
    id: str = ""
    conversation: str = ""
    stop_asked: bool = False
    stopped_at: float = 0.0
    #: When the operator saw that it had ended everywhere.
    ended_at: float = 0.0
    #: The command as the server shows it afterwards; the events of the command or of the conversation.
    view: dict[str, Any] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)


def marks(order: Order) -> Iterator[str]:
    """Yield what each program of a command bears: agent and command."""
    for target in order.view["targets"]:
        yield f"{target['agent_id']}/{order.id}"


def check_orders(orders: Iterable[Order], lines: Iterable[str], *, interrupted: int) -> Iterator[Problem]:
    """`lines`: "<mark> began" and "<mark> ended", as programs wrote them. So many targets may be interrupted."""
    wrote = Counter(lines)
    known: set[str] = set()
    cut = 0
    for order in orders:
        if not order.id:
            yield Problem("lost", f"{order.ref} was never accepted")
            continue
        for target, mark in zip(order.view["targets"], marks(order), strict=True):
            known.add(mark)
            cut += target["state"] == "interrupted" or _went_with_its_agent(target)
            yield from _target(order, target, wrote[f"{mark} began"], wrote[f"{mark} ended"])
    if cut > interrupted:
        yield Problem("failed", f"{cut} targets were interrupted, where {interrupted} may have been")
    for line in wrote:
        if line.rpartition(" ")[0] not in known:
            yield Problem("unexpected", f"'{line}' is of no command that was accepted")


def _target(order: Order, target: dict[str, Any], began: int, ended: int) -> Iterator[Problem]:
    state, what = target["state"], f"{order.ref} on {target['agent_name']}"
    changes = [event["target"] for event in order.events if event["kind"] == "TARGET_CHANGED"]
    states = [change["state"] for change in changes if change["agent_id"] == target["agent_id"]]
    ends = [one for one in states if one in ENDED]
    if state not in ENDED:
        yield Problem("unfinished", f"{what} is {state}")
    elif not ends or set(ends) != {state} or states[-1] != state:
        yield Problem("ended_twice", f"{what} is {state}, and its events said {states}")
    if began > 1:
        yield Problem("executed_twice", f"{what} began {began} times")
    if state in NEVER_BEGUN and began:
        yield Problem("unexpected", f"{what} is {state}, and it began")
    if state == "done":
        if (began, ended) != (1, 1):
            yield Problem("unexpected", f"{what} is done; it began {began} times and ended {ended} times")
        whole = f"one {order.ref}\ntwo {order.ref}\n"
        text, missing = _output(order, target["agent_id"])
        if not whole.startswith(text) or len(text) + missing != len(whole):
            yield Problem("text_differs", f"the output of {what} is {text!r}, and {missing} bytes are missing")
    if state in ("failed", "timed_out", "refused"):
        yield Problem("failed", f"{what} is {state}: {target['detail']}")
    if state in ("stopped", "expired") and not order.stop_asked and not _went_with_its_agent(target):
        yield Problem("failed", f"{what} is {state}, and nobody stopped it: {target['detail']}")


def _went_with_its_agent(target: dict[str, Any]) -> bool:
    """Whether an agent that was ended in order has ended it."""
    return target["state"] == "stopped" and target["detail"] == "The agent was stopped."


def _output(order: Order, agent_id: str) -> tuple[str, int]:
    """Return a target's output and how many bytes of it are said to be missing; what is out of place is marked."""
    text, at, missing = "", 0, 0
    for event in order.events:
        if event["kind"] == "OUTPUT" and event["agent_id"] == agent_id:
            at += event["dropped"]
            missing += event["dropped"]
            text += event["text"] if event["offset"] == at else f"<{event['offset']} instead of {at}>"
            at += len(event["text"].encode())
    return text, missing


def check_stops(orders: Iterable[Order], executed: dict[str, list[float]], *, interrupted: int) -> Iterator[Problem]:
    """Runs that were stopped, or not. `executed`: when the tool of each run acted. So many may be interrupted."""
    cut = 0
    for order in orders:
        if not order.id:
            yield Problem("lost", f"{order.ref} was never accepted")
            continue
        acted = executed.get(order.id, [])
        if len(acted) > 1:
            yield Problem("executed_twice", f"{order.ref} acted {len(acted)} times")
        if acted and order.ended_at and acted[0] > order.ended_at:
            yield Problem("began_after_end", f"{order.ref} acted {acted[0] - order.ended_at:.2f} s after its end")
        ends = [event for event in order.events if event["kind"] in RUN_ENDS and event["run_id"] == order.id]
        if len(ends) != 1:
            yield Problem("ended_twice" if ends else "unfinished", f"{order.ref} has {len(ends)} terminal events")
            continue
        cut += ends[0].get("reason") == "interrupted"
        yield from _end(order, ends[0], acted)
    if cut > interrupted:
        yield Problem("failed", f"{cut} runs were interrupted, where {interrupted} may have been")


def _end(order: Order, end: dict[str, Any], acted: list[float]) -> Iterator[Problem]:
    reason = end.get("reason", "")
    if end["kind"] == "RUN_FINISHED":
        if len(acted) != 1:
            yield Problem("not_executed", f"{order.ref} has finished and acted {len(acted)} times")
    elif reason not in ("interrupted", "stopped") or (reason == "stopped" and not order.stop_asked):
        yield Problem("failed", f"{order.ref} ended with the error {reason}")
