"""The simulated browser's reducer keeps the client's rules."""

from typing import Any

from tests.chaos.transcript import News, Transcript


def event(kind: str, **fields: Any) -> dict[str, Any]:
    return {"kind": kind, "run_id": "run_1", **fields}


def piece(offset: int, delta: str, attempt: int = 1) -> dict[str, Any]:
    return event("TEXT_MESSAGE_CONTENT", attempt=attempt, offset=offset, delta=delta)


def begun() -> Transcript:
    held = Transcript()
    assert held.event(1, event("USER_MESSAGE", text="hi")) is News.SHOWN
    assert held.event(2, event("RUN_STARTED", attempt=1)) is News.SHOWN
    return held


def test_what_is_there_is_ignored_and_a_gap_is_said() -> None:
    held = begun()
    assert held.event(2, event("RUN_STARTED", attempt=1)) is News.KNOWN
    assert held.event(4, event("RUN_FINISHED", attempt=1)) is News.GAP
    assert held.last == 2


def test_another_event_under_a_known_seq_is_a_contradiction() -> None:
    assert begun().event(1, event("USER_MESSAGE", text="ho")) is News.CONTRADICTED


def test_pieces_are_placed_by_their_offset() -> None:
    held = begun()
    for offset, delta in ((0, "one "), (0, "one "), (8, "three"), (2, "e two "), (4, "two ")):
        held.passing(piece(offset, delta))
    assert held.draft("run_1") == "one two "
    assert held.event(3, event("TEXT_MESSAGE_END", attempt=1, text="one two three")) is News.SHOWN
    held.passing(piece(8, "late"))
    assert held.event(4, event("RUN_FINISHED", attempt=1)) is News.SHOWN
    assert (held.open_runs, held.ended) == (set(), {"run_1"})


def test_a_draft_that_is_not_the_beginning_of_the_final_text_is_said() -> None:
    held = begun()
    held.passing(piece(0, "two one"))
    assert held.event(3, event("TEXT_MESSAGE_END", attempt=1, text="one two")) is News.GARBLED


def test_a_higher_attempt_clears_the_draft_and_an_earlier_one_is_over() -> None:
    held = begun()
    held.passing(piece(0, "first"))
    assert held.event(3, event("RUN_STARTED", attempt=2)) is News.SHOWN
    assert held.draft("run_1") == ""
    held.passing(piece(0, "first"))
    held.passing(piece(0, "second", attempt=2))
    assert held.draft("run_1") == "second"


def test_a_snapshot_brings_its_own_drafts() -> None:
    held = begun()
    held.passing(piece(0, "one"))
    held.drafts([{"run_id": "run_1", "attempt": 2, "text": "anew", "tools": []}])
    assert held.draft("run_1") == "anew"
