"""Reads a ledger and says what was broken. Pure: facts in, problems out.

I1  what was accepted is shown exactly once, to every viewer of its conversation      lost, doubled
I2  what was accepted has exactly one terminal event; an error only where an agent
    was killed at work, for that reason, and not more often                         unfinished, ended_twice, failed
I3  what is shown comes in the order of seq, without gaps; messages are accepted in
    the order in which they were sent, and answered in the order of their conversation   reordered, gap
I4  the final text is the same at the agent, in the database and at every viewer      text_differs, garbled
I5  nothing is shown that nobody sent                                                 unexpected
I6  a command is executed at most once; exactly once where its run finished           executed_twice, not_executed
I8  when all is over, queues, outbox and dead letters are empty                       left_over
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

from tests.chaos.ledger import Fact

__all__ = ["Book", "Problem", "Rules", "check", "figures"]

ENDS = frozenset({"RUN_FINISHED", "RUN_ERROR"})
SAID, TEXT = "USER_MESSAGE", "TEXT_MESSAGE_END"
DATABASE = "database"
INTERRUPTED = "interrupted"
#: What an attempt of a run tells at most once; of a tool call, by its id.
ONCE = frozenset({"RUN_STARTED", "TOOL_CALL_START", "TOOL_CALL_RESULT"})


class Problem(NamedTuple):
    """One broken promise."""

    kind: str
    detail: str


class Rules(NamedTuple):
    """What a run may do besides keeping every promise."""

    #: So many runs may end as interrupted: their agents are killed in the middle.
    errors: int = 0
    #: Answers come in the order of their messages; not where the bench itself swaps messages on the way.
    answers_in_order: bool = True
    #: Every message executes a command: where its run has finished, it was executed.
    acts: bool = False


class Book:
    """The facts by what they are about."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        self.facts = list(facts)
        self.by_event: dict[str, list[Fact]] = defaultdict(list)
        for fact in self.facts:
            self.by_event[fact.event].append(fact)
        self.sent = {fact.ref: fact for fact in self.by_event["sent"]}
        self.accepted = {fact.ref: fact for fact in self.by_event["accepted"]}
        self.runs = {fact.run: fact for fact in self.by_event["accepted"]}
        #: (viewer or DATABASE, conversation) -> events in the order in which they were shown.
        self.views: dict[tuple[str, str], list[Fact]] = defaultdict(list)
        for fact in self.by_event["follows"]:
            self.views[fact.actor, fact.conversation] = []
        for conversation in {fact.conversation for fact in self.accepted.values()}:
            self.views[DATABASE, conversation] = []
        for fact in self.by_event["shown"]:
            self.views[fact.actor, fact.conversation].append(fact)
        for fact in self.by_event["stored"]:
            self.views[DATABASE, fact.conversation].append(fact)


def check(book: Book, rules: Rules) -> list[Problem]:
    """Return everything that was broken."""
    problems = [*_answers(book), *_identities(book), *_left(book), *_commands(book, rules), *_errors(book, rules)]
    for (viewer, conversation), shown in book.views.items():
        who = f"{viewer} in {conversation}"
        problems += _order(shown, who)
        problems += _once(book, conversation, shown, who)
        problems += _ends(book, conversation, shown, who, rules)
        problems += _texts(book, shown, who)
        stored = {fact.seq for fact in book.views[DATABASE, conversation]}
        missing = sorted(stored - {fact.seq for fact in shown})
        if missing:
            problems.append(Problem("lost", f"{who}: events {missing[:5]} are stored and never shown"))
    return problems


def figures(book: Book, problems: list[Problem]) -> dict[str, int]:
    """Return what is worth printing of a run."""
    kinds = Counter(problem.kind for problem in problems)
    ends = [fact for fact in book.by_event["stored"] if fact.kind in ENDS]
    return {
        "sent": len(book.sent),
        "resent": len(book.by_event["resent"]),
        "accepted": len(book.accepted),
        "finished": sum(fact.kind == "RUN_FINISHED" for fact in ends),
        "failed": sum(fact.kind == "RUN_ERROR" for fact in ends),
        "executed": len(book.by_event["executed"]),
        "lost": kinds["lost"] + kinds["gap"] + kinds["unfinished"],
        "doubled": kinds["doubled"] + kinds["ended_twice"] + kinds["executed_twice"],
        "reordered": kinds["reordered"],
        "unexpected": kinds["unexpected"] + kinds["contradicted"] + kinds["text_differs"] + kinds["garbled"],
        "left_over": kinds["left_over"],
    }


def _answers(book: Book) -> Iterator[Problem]:
    """Every message sent was accepted; nobody was refused, or saw nonsense."""
    for ref in book.sent.keys() - book.accepted.keys():
        yield Problem("lost", f"{ref} was sent and never accepted")
    for fact in book.by_event["refused"]:
        yield Problem("unexpected", f"{fact.actor} was refused {fact.ref}: {fact.kind}")
    for kind in ("garbled", "contradicted"):
        for fact in book.by_event[kind]:
            yield Problem(kind, f"{fact.actor} in {fact.conversation}: seq {fact.seq} {fact.run}")


def _identities(book: Book) -> Iterator[Problem]:
    """Every message was accepted under one identity, in the order of sending."""
    identities: dict[str, set[tuple[str, int]]] = defaultdict(set)
    for fact in book.by_event["accepted"]:
        identities[fact.ref].add((fact.run, fact.seq))
    for ref, several in identities.items():
        if len(several) > 1:
            yield Problem("doubled", f"{ref} was accepted as {sorted(several)}")
    order: dict[str, list[Fact]] = defaultdict(list)
    for ref in book.sent:
        if ref in book.accepted:
            order[book.accepted[ref].conversation].append(book.accepted[ref])
    for conversation, accepted in order.items():
        for first, second in pairwise(accepted):
            if first.seq >= second.seq:
                yield Problem("reordered", f"{conversation}: {second.ref} was sent after {first.ref}, and is before it")


def _left(book: Book) -> Iterator[Problem]:
    for fact in book.by_event["left"]:
        yield Problem("left_over", f"{fact.kind}: {fact.seq}")


def _commands(book: Book, rules: Rules) -> Iterator[Problem]:
    times = Counter(fact.ref for fact in book.by_event["executed"])
    for ref, count in times.items():
        if count > 1:
            yield Problem("executed_twice", f"{ref} was executed {count} times")
        if ref not in book.sent:
            yield Problem("unexpected", f"{ref} was executed and never sent")
    if not rules.acts:
        return
    for fact in book.by_event["stored"]:
        run = book.runs.get(fact.run)
        if fact.kind == "RUN_FINISHED" and run is not None and not times[run.ref]:
            yield Problem("not_executed", f"{run.ref} has finished and was not executed")


def _errors(book: Book, rules: Rules) -> Iterator[Problem]:
    errors = [fact for fact in book.by_event["stored"] if fact.kind == "RUN_ERROR"]
    for fact in errors:
        if not rules.errors or fact.ref != INTERRUPTED:
            yield Problem("failed", f"{fact.run} ended with the error {fact.ref}")
    if rules.errors and len(errors) > rules.errors:
        yield Problem("failed", f"{len(errors)} runs ended with an error, where {rules.errors} may have")


def _order(shown: list[Fact], who: str) -> Iterator[Problem]:
    expected = 1
    seen: set[int] = set()
    for fact in shown:
        if fact.seq in seen:
            yield Problem("doubled", f"{who}: seq {fact.seq} is there twice")
        elif fact.seq < expected:
            yield Problem("reordered", f"{who}: seq {fact.seq} comes after {expected - 1}")
        elif fact.seq > expected:
            yield Problem("gap", f"{who}: seq {fact.seq} follows {expected - 1}")
        seen.add(fact.seq)
        expected = max(expected, fact.seq + 1)


def _once(book: Book, conversation: str, shown: list[Fact], who: str) -> Iterator[Problem]:
    times = Counter(fact.run for fact in shown if fact.kind == SAID)
    for run, accepted in book.runs.items():
        if accepted.conversation == conversation and times[run] != 1:
            kind = "doubled" if times[run] else "lost"
            yield Problem(kind, f"{who}: {accepted.ref} is there {times[run]} times")
    told = Counter((fact.run, fact.kind, fact.ref, fact.attempt) for fact in shown if fact.kind in ONCE)
    for (run, kind, tool, attempt), count in told.items():
        if count > 1:
            yield Problem("doubled", f"{who}: {kind} {tool} of {run}, attempt {attempt}, is there {count} times")
    for fact in shown:
        accepted_as = book.runs.get(fact.run.partition("~")[0])
        if accepted_as is None or accepted_as.conversation != conversation:
            yield Problem("unexpected", f"{who}: {fact.kind} of {fact.run or 'no run'}, which nobody began here")
        elif fact.kind == SAID and fact.sha != book.sent[accepted_as.ref].sha:
            yield Problem("unexpected", f"{who}: {accepted_as.ref} has another text than was sent")


def _ends(book: Book, conversation: str, shown: list[Fact], who: str, rules: Rules) -> Iterator[Problem]:
    ends = [fact for fact in shown if fact.kind in ENDS]
    times = Counter(fact.run for fact in ends)
    for run, accepted in book.runs.items():
        if accepted.conversation == conversation and times[run] != 1:
            kind = "ended_twice" if times[run] else "unfinished"
            yield Problem(kind, f"{who}: {accepted.ref} has {times[run]} terminal events")
    if rules.answers_in_order:
        asked = [fact.run for fact in shown if fact.kind == SAID]
        answered = [fact.run for fact in ends]
        if answered != [run for run in asked if run in set(answered)]:
            yield Problem("reordered", f"{who}: answers come in another order than their messages")


def _texts(book: Book, shown: list[Fact], who: str) -> Iterator[Problem]:
    said = {(fact.run, fact.attempt): fact.sha for fact in book.by_event["final"]}
    texts: dict[str, list[Fact]] = defaultdict(list)
    for fact in shown:
        if fact.kind == TEXT:
            texts[fact.run].append(fact)
    for run in [fact.run for fact in shown if fact.kind == "RUN_FINISHED" and fact.run in book.runs]:
        if len(texts[run]) != 1:
            yield Problem("text_differs", f"{who}: {run} has {len(texts[run])} final texts")
        for fact in texts[run]:
            if said.get((run, fact.attempt)) != fact.sha:
                yield Problem("text_differs", f"{who}: the final text of {run} is not what its agent said")
