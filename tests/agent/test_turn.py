"""The loop of a model agent, decided without a model."""

import pytest

from muster_agent.turn.core import CALLS_AT_ONCE, Turn, TurnState
from muster_agent.turn.facts import (
    Ask,
    CallPiece,
    Fail,
    Finish,
    ModelDone,
    ModelMessage,
    Say,
    TextPiece,
    ToolDone,
    Use,
)

QUESTION = (ModelMessage("user", "How are you?"),)


def asked(steps: int = 5) -> Turn:
    turn = Turn(QUESTION, steps)
    turn.begin()
    return turn


def test_a_plain_answer_is_said_as_it_comes_and_then_finished() -> None:
    turn = Turn(QUESTION, 5)
    assert turn.begin() == [Ask(QUESTION, with_tools=True)]
    assert turn.on(TextPiece("Fi")) == [Say("Fi")]
    assert turn.on(TextPiece("")) == []
    assert turn.on(TextPiece("ne.")) == [Say("ne.")]
    assert turn.on(ModelDone(10, 2)) == [Finish(10, 2)]
    assert turn.state is TurnState.DONE


def test_a_call_is_assembled_used_and_its_result_goes_back_to_the_model() -> None:
    turn = asked()
    turn.on(TextPiece("Let me look."))
    turn.on(CallPiece(0, "abc123def", "read", '{"pa'))
    turn.on(CallPiece(0, "", "", 'th": "x"}'))
    assert turn.on(ModelDone(5, 5)) == [Use("abc123def", "read", {"path": "x"})]
    (ask,) = turn.on(ToolDone("abc123def", "content"))
    assert isinstance(ask, Ask)
    assert [message.role for message in ask.messages] == ["user", "assistant", "tool"]
    assert ask.messages[1].calls[0].arguments == '{"path": "x"}'
    assert (ask.messages[2].text, ask.messages[2].call_id, ask.messages[2].name) == ("content", "abc123def", "read")
    assert turn.on(TextPiece("Done.")) == [Say("\n\nDone.")]
    assert turn.on(ModelDone(7, 1)) == [Finish(12, 6)]


def test_calls_are_made_one_after_another_in_their_order() -> None:
    turn = asked()
    turn.on(CallPiece(0, "one", "read", "{}"))
    turn.on(CallPiece(1, "two", "fetch", "{}"))
    assert turn.on(ModelDone()) == [Use("one", "read", {})]
    assert turn.on(ToolDone("one", "1")) == [Use("two", "fetch", {})]
    assert isinstance(turn.on(ToolDone("two", "2"))[0], Ask)


def test_calls_with_the_same_index_but_other_ids_are_different_calls() -> None:
    turn = asked()
    turn.on(CallPiece(0, "one", "read", "{}"))
    turn.on(CallPiece(0, "two", "list", "{}"))
    assert turn.on(ModelDone()) == [Use("one", "read", {})]
    assert turn.on(ToolDone("one", "")) == [Use("two", "list", {})]


def test_missing_and_double_ids_are_made_unique() -> None:
    turn = asked()
    for index in range(2):
        turn.on(CallPiece(index, "same", "read", "{}"))
    turn.on(CallPiece(2, "null", "read", "{}"))
    ids = []
    (use,) = turn.on(ModelDone())
    while isinstance(use, Use):
        ids.append(use.call_id)
        (use,) = turn.on(ToolDone(use.call_id, ""))  # type: ignore[assignment]
    assert len(set(ids)) == 3
    assert ids[0] == "same"


@pytest.mark.parametrize("arguments", ['{"path": ', "[1, 2]", '"text"', "{'a': 1}"])
def test_arguments_that_cannot_be_read_are_answered_not_used(arguments: str) -> None:
    turn = asked()
    turn.on(CallPiece(0, "one", "read", arguments))
    (ask,) = turn.on(ModelDone())
    assert isinstance(ask, Ask)
    assert "not" in ask.messages[-1].text


def test_too_many_calls_at_once_are_answered_not_used() -> None:
    turn = asked()
    for index in range(CALLS_AT_ONCE + 1):
        turn.on(CallPiece(index, f"c{index}", "read", "{}"))
    (ask,) = turn.on(ModelDone())
    assert isinstance(ask, Ask)
    assert sum(message.role == "tool" for message in ask.messages) == CALLS_AT_ONCE + 1


def test_after_its_steps_the_model_is_asked_once_more_without_tools() -> None:
    turn = asked(steps=1)
    turn.on(CallPiece(0, "one", "read", "{}"))
    turn.on(ModelDone())
    (ask,) = turn.on(ToolDone("one", ""))
    assert isinstance(ask, Ask)
    assert not ask.with_tools
    turn.on(CallPiece(0, "two", "read", "{}"))
    (fail,) = turn.on(ModelDone())
    assert isinstance(fail, Fail)


def test_nothing_at_all_is_no_answer() -> None:
    assert isinstance(asked().on(ModelDone())[0], Fail)


def test_events_that_make_no_sense_are_our_own_fault() -> None:
    turn = asked()
    with pytest.raises(AssertionError):
        turn.on(ToolDone("one", ""))
