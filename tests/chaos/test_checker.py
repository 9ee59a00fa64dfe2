"""The checker sees each fault that it is there for, and nothing in a run without any."""

from pathlib import Path

import pytest

from tests.chaos.checker import Book, Rules, check, figures
from tests.chaos.ledger import Fact, Ledger, digest, read_facts
from tests.chaos.recovery import interruptions, recoveries

CALM = Rules()
VIEWERS = ("anna", "watcher")


def told(messages: int = 3) -> list[Fact]:
    """A run in which nothing goes wrong: one conversation, two viewers."""
    facts = [Fact(0, viewer, "follows", "cnv") for viewer in VIEWERS]
    seq = 0
    for number in range(messages):
        ref, run, asked, answer = f"m{number}", f"run_{number}", digest(f"q{number}"), digest(f"a{number}")
        facts += [Fact(number, "anna", "sent", ref=ref, sha=asked)]
        facts += [Fact(number, "anna", "accepted", "cnv", seq + 1, ref, run)]
        facts += [Fact(number, "parrot", "final", run=run, attempt=1, sha=answer)]
        events = (("USER_MESSAGE", asked, 0), ("RUN_STARTED", "", 1), ("TEXT_MESSAGE_END", answer, 1))
        for kind, sha, attempt in (*events, ("RUN_FINISHED", "", 1)):
            seq += 1
            facts += [
                Fact(number + 0.5, viewer, "shown", "cnv", seq, "", run, kind, attempt, sha) for viewer in VIEWERS
            ]
            facts += [Fact(99, "database", "stored", "cnv", seq, "", run, kind, attempt, sha)]
    return facts


def kinds(facts: list[Fact], rules: Rules = CALM) -> set[str]:
    return {problem.kind for problem in check(Book(facts), rules)}


def without(facts: list[Fact], **fields: object) -> list[Fact]:
    """The facts without those that have all these fields."""
    return [fact for fact in facts if any(getattr(fact, name) != value for name, value in fields.items())]


def of(facts: list[Fact], **fields: object) -> Fact:
    return next(fact for fact in facts if all(getattr(fact, name) == value for name, value in fields.items()))


def test_a_run_without_faults_has_no_problems() -> None:
    book = Book(told())
    assert check(book, CALM) == []
    counted = figures(book, [])
    assert (counted["sent"], counted["accepted"], counted["finished"], counted["lost"]) == (3, 3, 3, 0)


def test_a_lost_message_is_named() -> None:
    gone = [fact for fact in told() if not (fact.run == "run_1" and fact.event in ("shown", "stored"))]
    assert {"lost", "unfinished", "gap"} <= kinds(gone)
    assert "lost" in kinds([fact for fact in told() if fact.event != "accepted" or fact.ref != "m1"])


def test_a_message_that_one_viewer_never_saw_is_lost() -> None:
    facts = told()
    gone = without(facts, actor="watcher", event="shown", run="run_2")
    problems = check(Book(gone), CALM)
    assert {"lost", "unfinished"} <= {problem.kind for problem in problems}
    assert all(problem.detail.startswith("watcher") for problem in problems)


def test_a_viewer_that_saw_nothing_at_all_is_not_forgotten() -> None:
    assert "lost" in kinds(without(told(), actor="watcher", event="shown"))


def test_a_doubled_message_is_named() -> None:
    facts = told()
    again = of(facts, event="shown", actor="anna", kind="USER_MESSAGE", run="run_1")
    assert "doubled" in kinds([*facts, again])
    assert "doubled" in kinds([*facts, again._replace(seq=13), of(facts, event="stored", seq=1)._replace(seq=13)])
    assert "doubled" in kinds([*facts, of(facts, event="accepted", ref="m1")._replace(run="run_9", seq=13)])


def test_a_doubled_tool_call_is_named() -> None:
    facts = told(1)
    for seq, call in ((5, "tc_1"), (6, "tc_2")):
        tool = Fact(1, "database", "stored", "cnv", seq, call, "run_0", "TOOL_CALL_START", 1)
        facts += [tool, *(tool._replace(event="shown", actor=viewer) for viewer in VIEWERS)]
    assert kinds(facts) == set()
    assert kinds([fact._replace(ref="tc_1") if fact.ref == "tc_2" else fact for fact in facts]) == {"doubled"}


def test_swapped_events_are_named() -> None:
    facts = told()
    at = [index for index, fact in enumerate(facts) if fact.actor == "watcher" and fact.event == "shown"]
    facts[at[2]], facts[at[3]] = facts[at[3]], facts[at[2]]
    assert {"gap", "reordered"} <= kinds(facts)


def test_messages_accepted_in_another_order_are_named() -> None:
    facts = told()
    first, second = of(facts, event="sent", ref="m0"), of(facts, event="sent", ref="m1")
    one, other = facts.index(first), facts.index(second)
    facts[one], facts[other] = second, first
    assert kinds(facts) == {"reordered"}


def test_answers_in_another_order_are_named_unless_the_bench_swaps() -> None:
    swapped = {"run_0": "run_1", "run_1": "run_0"}
    facts = [
        fact._replace(run=swapped.get(fact.run, fact.run)) if fact.kind == "RUN_FINISHED" else fact for fact in told()
    ]
    assert kinds(facts) == {"reordered"}
    assert kinds(facts, Rules(answers_in_order=False)) == set()


def test_a_foreign_message_is_named() -> None:
    facts = told()
    foreign = of(facts, event="stored", seq=1)._replace(seq=13, run="run_foreign")
    shown = [foreign._replace(event="shown", actor=viewer) for viewer in VIEWERS]
    assert "unexpected" in kinds([*facts, foreign, *shown])
    elsewhere = of(facts, event="stored", seq=1)._replace(conversation="cnv_second")
    assert "unexpected" in kinds([*facts, elsewhere])
    other = [fact._replace(sha="x") if fact.kind == "USER_MESSAGE" else fact for fact in facts]
    assert kinds(other) == {"unexpected"}


def test_a_second_end_and_no_end_are_named() -> None:
    facts = told()
    end = of(facts, event="stored", kind="RUN_FINISHED", run="run_2")._replace(seq=13)
    shown = [end._replace(event="shown", actor=viewer) for viewer in VIEWERS]
    assert "ended_twice" in kinds([*facts, end, *shown])
    assert "unfinished" in kinds([fact for fact in facts if fact.run != "run_2" or fact.kind != "RUN_FINISHED"])


def test_an_error_is_a_fault_unless_the_agent_was_killed() -> None:
    facts = [
        fact._replace(kind="RUN_ERROR", ref="interrupted") if fact.kind == "RUN_FINISHED" else fact for fact in told()
    ]
    assert kinds(facts) == {"failed"}
    assert kinds(facts, Rules(errors=3)) == set()
    assert kinds(facts, Rules(errors=2)) == {"failed"}
    other = [fact._replace(ref="internal") if fact.kind == "RUN_ERROR" else fact for fact in facts]
    assert kinds(other, Rules(errors=3)) == {"failed"}


@pytest.mark.parametrize("actor", ["parrot", "database", "watcher"])
def test_a_final_text_that_differs_anywhere_is_named(actor: str) -> None:
    changed = [fact._replace(sha="x") if fact.actor == actor and fact.attempt and fact.sha else fact for fact in told()]
    assert kinds(changed) == {"text_differs"}


def test_a_command_that_is_executed_twice_or_never_is_named() -> None:
    acts = Rules(acts=True)
    done = [Fact(1, "parrot", "executed", ref=f"m{number}") for number in range(3)]
    assert kinds([*told(), *done], acts) == set()
    assert kinds([*told(), *done, done[1]], acts) == {"executed_twice"}
    assert kinds([*told(), *done[1:]], acts) == {"not_executed"}
    assert kinds([*told(), done[0]._replace(ref="m9")]) == {"unexpected"}


@pytest.mark.parametrize("event", ["garbled", "contradicted"])
def test_what_a_viewer_complains_of_is_named(event: str) -> None:
    assert kinds([*told(), Fact(1, "anna", event, "cnv", 3)]) == {event}


def test_what_is_left_in_a_queue_and_what_was_refused_is_named() -> None:
    assert kinds([*told(), Fact(99, "database", "left", kind="outbox", seq=2)]) == {"left_over"}
    assert kinds([*told(), Fact(1, "anna", "refused", ref="m1", kind="internal")]) == {"unexpected"}


def test_a_ledger_keeps_what_several_write_and_refuses_what_is_no_fact(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    first, second = Ledger(path, "first"), Ledger(path, "second")
    first("sent", ref="a", sha=digest("text"))
    second("accepted", ref="a", seq=3)
    first.close()
    second.close()
    assert [(fact.actor, fact.event, fact.ref, fact.seq) for fact in read_facts(path)] == [
        ("first", "sent", "a", 0), ("second", "accepted", "a", 3),
    ]  # fmt: skip
    with path.open("a") as file:
        file.write('{"at": 1, "act')
    with pytest.raises(ValueError, match="Unterminated"):
        read_facts(path)


def test_a_recovery_lasts_until_every_conversation_has_an_answer_to_something_new() -> None:
    facts = told(4)
    fault = Fact(1.2, "broker", "fault", kind="kill")
    assert recoveries(Book([*facts, fault])) == {"kill": [pytest.approx(1.3)]}
    assert recoveries(Book([*facts, fault._replace(at=50)])) == {}


def test_an_interrupted_run_waits_from_the_death_after_it_had_begun() -> None:
    ends = [Fact(at, "watcher", "shown", run="run_1", kind="RUN_ERROR", ref="interrupted") for at in (7.5, 9.0)]
    deaths = [Fact(at, "parrot", "fault", kind="kill") for at in (2.0, 5.0, 6.0)]
    accepted = Fact(1.0, "browser", "accepted", ref="a", run="run_1")
    executed = Fact(4.0, "parrot", "executed", ref="a", run="run_1")
    assert interruptions(Book([accepted, executed, *deaths, *ends])) == [2.5]
    assert interruptions(Book([accepted, *deaths, *ends])) == [5.5]
    assert interruptions(Book([accepted, executed, *deaths])) == []
