"""What `muster send` prints: each piece once, in order, whatever comes twice, late, or in a new attempt."""

import random
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster_cli.answer import Answer
from muster_shared_models.problems import MusterError, Reason


class Heard:
    def __init__(self, name: str = "") -> None:
        self.out = ""
        self.said: list[str] = []
        self.answer = Answer(self._write, self.said.append, name)

    def _write(self, text: str) -> None:
        self.out += text

    def take(self, kind: str, attempt: int = 1, **fields: Any) -> bool:
        return self.answer.take({"kind": kind, "run_id": "run_1", "attempt": attempt, **fields})

    def piece(self, offset: int, delta: str, attempt: int = 1) -> None:
        self.take("TEXT_MESSAGE_CONTENT", attempt, offset=offset, delta=delta)

    def final(self, text: str, attempt: int = 1) -> None:
        self.take("TEXT_MESSAGE_END", attempt, text=text)


@pytest.fixture
def heard() -> Heard:
    return Heard()


def test_pieces_come_out_as_they_are_written(heard: Heard) -> None:
    heard.piece(0, "Hel")
    assert heard.out == "Hel"
    heard.piece(3, "lo")
    heard.final("Hello")
    assert heard.take("RUN_FINISHED")

    assert heard.out == "Hello\n"


def test_offsets_count_code_points(heard: Heard) -> None:
    heard.piece(0, "👩‍🚀é")
    heard.piece(4, "!")
    heard.final("👩‍🚀é!")

    assert heard.out == "👩‍🚀é!\n"


def test_what_is_missing_comes_with_the_final_text(heard: Heard) -> None:
    heard.piece(0, "one ")
    heard.piece(8, "three")
    assert heard.out == "one "
    heard.final("one two three")

    assert heard.out == "one two three\n"


def test_a_final_text_that_differs_is_shown_whole(heard: Heard) -> None:
    heard.piece(0, "draft")
    heard.final("final")

    assert heard.out == "draft\nfinal\n"


def test_a_new_attempt_shows_its_first_piece_too(heard: Heard) -> None:
    heard.piece(0, "Once upon")
    heard.piece(0, "Once again", attempt=2)
    heard.piece(9, " a time", attempt=1)
    heard.piece(10, ".", attempt=2)
    heard.final("Once again.", attempt=2)

    assert heard.out == "Once upon\nOnce again.\n"
    assert heard.said == ["attempt 2: it begins anew"]


def test_an_attempt_that_had_said_nothing_is_replaced_without_words(heard: Heard) -> None:
    heard.take("RUN_STARTED", attempt=2)
    heard.piece(0, "hi", attempt=2)

    assert (heard.out, heard.said) == ("hi", [])


def test_a_draft_is_what_was_said_before_we_listened(heard: Heard) -> None:
    heard.answer.draft({"run_id": "run_1", "attempt": 2, "text": "so f", "tools": []})
    heard.piece(4, "ar", attempt=2)

    assert heard.out == "so far"


def test_tools_say_what_they_do_and_print_what_they_print(heard: Heard) -> None:
    heard.take("TOOL_CALL_START", title="Runs", subject="ls", tool_call_id="t")
    heard.take("TOOL_CALL_CONTENT", tool_call_id="t", offset=0, delta="a\n")
    heard.take("TOOL_CALL_RESULT", tool_call_id="t", output="a\nb")
    heard.final("Done.")

    assert heard.out == "a\nb\nDone.\n"
    assert heard.said == ["Runs: ls"]


def test_of_long_tool_output_nothing_is_shown_twice(heard: Heard) -> None:
    heard.take("TOOL_CALL_CONTENT", tool_call_id="t", offset=0, delta="beginning middle end")
    heard.take("TOOL_CALL_RESULT", tool_call_id="t", output="beginning ... end")

    assert heard.out == "beginning middle end\n"


def test_waiting_and_failing_are_told(heard: Heard) -> None:
    heard.take("RUN_QUEUED", detail="echo is away")
    heard.piece(0, "par")
    with pytest.raises(MusterError) as failed:
        heard.take("RUN_ERROR", reason="stopped", message="It was stopped.", hint="")

    assert failed.value.reason is Reason.STOPPED
    assert (heard.out, heard.said) == ("par\n", ["echo is away"])


def test_one_of_many_says_all_at_once_with_its_name_before_each_line() -> None:
    heard = Heard("lab-1")
    heard.piece(0, "a\n")
    assert heard.out == ""
    heard.final("a\nb")

    assert heard.out == "lab-1: a\nlab-1: b\n"


@given(st.text(max_size=60), st.lists(st.integers(0, 60), max_size=12), st.randoms(use_true_random=False))
def test_whatever_is_lost_doubled_or_late_the_text_is_printed_once(
    text: str, cuts: list[int], chance: random.Random
) -> None:
    heard = Heard()
    edges = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    pieces = [(start, text[start:end]) for start, end in pairwise(edges)]
    for offset, delta in chance.choices(pieces, k=len(pieces) * 2) if pieces else ():
        heard.piece(offset, delta)
        assert text.startswith(heard.out)
    heard.final(text)

    assert heard.out.removesuffix("\n") == text.removesuffix("\n")
