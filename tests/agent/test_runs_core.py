"""What a run tells, and when."""

from hashlib import sha256
from typing import Any

from muster_agent.runs.core import FLUSH_CHARACTERS, FLUSH_S, FULL_EVERY, FULL_S, RunCore, RunState, derived_id
from muster_agent.runs.encode import encode_events
from muster_messaging.message import MAX_BODY_BYTES
from muster_shared_models.bodies import RUN_EVENTS
from muster_shared_models.problems import Reason
from muster_shared_models.run_events import MAX_TEXT


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["kind"] for event in events]


def begun() -> RunCore:
    core = RunCore("run_1", 1, 100.0)
    core.take(100.0)
    return core


def test_an_answer_complete_at_the_first_flush_has_no_passing_text() -> None:
    core = RunCore("run_1", 1, 100.0)
    core.say("Hel")
    core.say("lo")
    core.finish(100.5)
    events = core.take(100.5)
    assert kinds(events) == ["RUN_STARTED", "TEXT_MESSAGE_END", "RUN_FINISHED"]
    assert events[1]["text"] == "Hello"
    assert events[1]["sha256"] == sha256(b"Hello").hexdigest()
    assert events[2]["duration_ms"] == 500
    assert core.state is RunState.ENDED
    assert core.due() is None


def test_a_run_without_words_ends_without_text() -> None:
    core = RunCore("run_1", 1, 0.0)
    core.finish(0.0)
    assert kinds(core.take(0.0)) == ["RUN_STARTED", "RUN_FINISHED"]


def test_text_flows_in_pieces_with_offsets_in_code_points() -> None:
    core = begun()
    core.say("Grüße ")
    first = core.take(100.1)
    core.say("𝄞!")
    second = core.take(100.2)
    assert (first[0]["offset"], first[0]["delta"]) == (0, "Grüße ")
    assert (second[0]["offset"], second[0]["delta"]) == (6, "𝄞!")


def test_flushes_keep_their_distance_unless_there_is_much_to_say() -> None:
    core = begun()
    assert core.due() is None
    core.say("a")
    core.take(100.1)
    core.say("b")
    assert core.due() == 100.1 + FLUSH_S
    core.say("x" * FLUSH_CHARACTERS)
    assert core.due() == 0.0


def test_the_whole_text_is_repeated_by_count_and_by_time() -> None:
    core = begun()
    for index in range(FULL_EVERY):
        core.say("x")
        events = core.take(100.0 + index / 1000)
    assert (events[0]["offset"], events[0]["delta"]) == (0, "x" * (FULL_EVERY - 1) + "x")
    core.say("y")
    assert core.take(100.1)[0]["offset"] == FULL_EVERY
    core.say("z")
    later = core.take(100.1 + FULL_S)[0]
    assert (later["offset"], later["delta"]) == (0, "x" * FULL_EVERY + "yz")


def test_a_failure_keeps_what_was_said() -> None:
    core = begun()
    core.say("half an ans")
    core.fail(101.0, Reason.MODEL_FAILED, "It broke.", "Ask again.")
    events = core.take(101.0)
    assert kinds(events) == ["TEXT_MESSAGE_END", "RUN_ERROR"]
    assert events[0]["text"] == "half an ans"
    assert events[1]["reason"] == "model_failed"


def test_a_run_ends_once_and_hears_nothing_after_that() -> None:
    core = begun()
    core.fail(101.0, Reason.STOPPED, "Stopped.")
    core.finish(102.0)
    core.say("late")
    core.tool_begins("tc_1", "shell", "t", "s", {})
    events = core.take(102.0)
    assert kinds(events)[-1] == "RUN_ERROR"
    assert "TEXT_MESSAGE_END" not in kinds(events)


def test_a_tool_card_has_its_place_live_output_and_result() -> None:
    core = begun()
    core.say("Look: ")
    core.tool_begins("tc_1", "shell", "Runs a command", "ls", {"command": "ls"})
    core.tool_says("tc_1", "one\n")
    events = core.take(100.1)
    assert kinds(events) == ["TOOL_CALL_START", "TEXT_MESSAGE_CONTENT", "TOOL_CALL_CONTENT"]
    assert events[0]["text_offset"] == 6
    core.tool_says("tc_1", "two\n")
    assert core.due() == 100.1 + FLUSH_S
    core.tool_ends("tc_1", ok=True, duration_ms=7, media="terminal", exit_code=0)
    result = core.take(100.2)[0]
    assert (result["output"], result["exit_code"], result["media"]) == ("one\ntwo\n", 0, "terminal")


def test_a_tool_that_is_open_at_the_end_is_closed_as_failed() -> None:
    core = begun()
    core.tool_begins("tc_1", "shell", "t", "s", {})
    core.fail(101.0, Reason.STOPPED, "Stopped.")
    events = core.take(101.0)
    assert kinds(events) == ["TOOL_CALL_START", "TOOL_CALL_RESULT", "RUN_ERROR"]
    assert events[1]["ok"] is False


def test_tool_output_that_is_too_long_keeps_its_beginning_and_its_end() -> None:
    core = begun()
    core.tool_begins("tc_1", "shell", "t", "s", {})
    for index in range(20_000):
        core.tool_says("tc_1", f"{index:09d}\n")
    core.tool_ends("tc_1", ok=True, duration_ms=1)
    result = core.take(101.0)[-1]
    assert result["output"].startswith("000000000\n")
    assert result["output"].endswith("000019999\n")
    assert result["truncated"] == 200_000 - 64_000
    assert len(result["output"]) < 64_200


def test_text_that_is_too_long_is_cut_and_says_so() -> None:
    core = begun()
    core.say("x" * (MAX_TEXT + 5))
    core.finish(101.0)
    text = core.take(101.0)[0]["text"]
    assert len(text) <= MAX_TEXT
    assert "105 characters were left out" in text


def test_much_at_the_end_is_told_in_several_messages_each_within_the_bound() -> None:
    core = begun()
    for index in range(8):
        core.tool_begins(f"tc_{index}", "read", "t", "s", {})
        core.tool_ends(f"tc_{index}", ok=True, duration_ms=1, output="€" * 64_000)
    core.say("🎼" * MAX_TEXT)
    core.finish(101.0)
    flushes = []
    while core.due() is not None:
        flushes.append(core.take(101.0))
    bodies = [encode_events("run_1", flush) for flush in flushes]
    assert all(len(body) <= MAX_BODY_BYTES for body in bodies)
    told = [event["kind"] for flush in flushes for event in flush]
    assert told.count("TOOL_CALL_RESULT") == 8
    assert told[-2:] == ["TEXT_MESSAGE_END", "RUN_FINISHED"]


def test_whatever_handlers_say_is_valid_on_the_wire() -> None:
    core = RunCore("run_1", 1, 0.0)
    core.say("lone \ud800 surrogate, NUL \0")
    core.tool_begins("tc_1", "x", "t", "s", {"nan": float("nan"), "odd": object(), "bytes": b"\xff"})
    core.finish(0.0)
    events = RUN_EVENTS.validate_json(encode_events("run_1", core.take(0.0))).events
    assert events[-1].kind == "RUN_FINISHED"


def test_control_characters_without_end_still_fit() -> None:
    core = RunCore("run_1", 1, 0.0)
    core.say("\x01" * MAX_TEXT)
    core.finish(0.0)
    assert len(encode_events("run_1", core.take(0.0))) <= MAX_BODY_BYTES


def test_derived_ids_are_stable_and_differ_by_every_part() -> None:
    assert derived_id("msg", "run_1", 1, "end") == derived_id("msg", "run_1", 1, "end")
    assert len({derived_id("msg", *parts) for parts in (("a", 1), ("a", 2), ("b", 1))}) == 3
    assert len(derived_id("msg", "x")) == len("msg_") + 26
