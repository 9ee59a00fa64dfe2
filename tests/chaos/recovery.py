"""How long it took after each fault until everybody had answers again. Pure: facts in, seconds out.

A fault is over for a conversation when a message that was sent after the fault has ended at its sender; it is over when
that is so for every conversation that was still talking. So a recovery includes two whole round trips, and for a
process that was frozen the time of its sleep.

A run that its agent's death has interrupted is told so by the agent's next life: so long its people wait for an end.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from typing import Any

from tests.chaos.checker import ENDS, INTERRUPTED, Book

__all__ = ["interruptions", "recoveries", "summary"]

#: What shows that a run has begun, the best sign first.
SIGNS = ("executed", "shown", "accepted")


def recoveries(book: Book) -> dict[str, list[float]]:
    """Return the seconds of each kind of fault's recoveries."""
    ended = {fact.run: fact.at for fact in reversed(book.by_event["shown"]) if fact.kind in ENDS}
    talks: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for ref, sent in book.sent.items():
        accepted = book.accepted.get(ref)
        if accepted is not None and accepted.run in ended:
            talks[accepted.conversation].append((sent.at, ended[accepted.run]))
    kinds: dict[str, list[float]] = defaultdict(list)
    for fault in book.by_event["fault"]:
        back = []
        for talk in talks.values():
            later = talk[bisect_right(talk, (fault.at, float("inf"))) :]
            if later:
                back.append(min(end for _, end in later[:8]) - fault.at)
        if back:
            kinds[fault.kind].append(max(back))
    return dict(kinds)


def interruptions(book: Book) -> list[float]:
    """Return for each interrupted run the seconds from the first fault after it had begun until somebody saw its end.

    Where it is not known when a run had begun, only that it was accepted, that is more than it took.
    """
    faults = sorted(fact.at for fact in book.by_event["fault"])
    began: dict[str, float] = {}
    for event in SIGNS:
        for fact in book.by_event[event]:
            if fact.kind not in ENDS:
                began.setdefault(fact.run, fact.at)
    ends = {fact.run: fact.at for fact in reversed(book.by_event["shown"]) if fact.ref == INTERRUPTED}
    deaths = {run: next(iter(faults[bisect_right(faults, began[run]) :]), at) for run, at in ends.items()}
    return [at - deaths[run] for run, at in ends.items()]


def summary(book: Book) -> dict[str, Any]:
    """Return the faults by kind, how long recoveries took, and how long interrupted runs waited for their end."""
    faults = Counter(fact.kind for fact in book.by_event["fault"])
    times = {kind: _quantiles(seconds) for kind, seconds in recoveries(book).items()}
    cut = interruptions(book)
    return {"faults": dict(faults), "recovery_s": times, **({"interrupted_s": _quantiles(cut)} if cut else {})}


def _quantiles(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)

    def at(part: float) -> float:
        return round(ordered[min(len(ordered) - 1, int(len(ordered) * part))], 2)

    return {"p50": at(0.5), "p95": at(0.95), "max": round(ordered[-1], 2)}
