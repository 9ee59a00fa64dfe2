"""Processes are killed and come back: what a person sees meanwhile, and that conversations end complete and once."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.fleet import Fleet
from tests.e2e.person import OUTAGE, Person

PIECES = 40
STORY = "".join(f"piece {number}, " for number in range(1, PIECES + 1)) + "the end."
#: Three missed heartbeats of five seconds, and what it takes to notice: the promise that is kept to people.
LOST_WITHIN_MS = 20_000
BACK_WITHIN_MS = 30_000


@pytest.fixture(scope="module", autouse=True)
def agents(fleet: Fleet) -> None:
    fleet.add("storyteller", script=Path(__file__).with_name("storyteller.py"), wait=False)
    fleet.add("echo", wait=False)
    fleet.add("mortal", kind="echo", wait=False)
    for name in ("storyteller", "echo", "mortal"):
        fleet.wait_for(name, "idle")


@pytest.fixture(autouse=True)
def everybody_lives(fleet: Fleet) -> Iterator[None]:
    yield
    fleet.revive()


def assert_told_once(fleet: Fleet, person: Person, conversation: str, answers: list[str]) -> None:
    """The conversation holds each question and its answer once, in order, and the page shows what is stored."""
    stored = fleet.events(conversation)
    assert [one["seq"] for one in stored] == list(range(1, len(stored) + 1))
    events = [one["event"] for one in stored]
    kinds = [event["kind"] for event in events]
    assert kinds.count("USER_MESSAGE") == kinds.count("RUN_FINISHED") == len(answers)
    assert "RUN_ERROR" not in kinds
    assert [event["text"] for event in events if event["kind"] == "TEXT_MESSAGE_END"] == answers
    runs = [event["run_id"] for event in events if event["kind"] == "USER_MESSAGE"]
    assert [event["run_id"] for event in events if event["kind"] == "RUN_FINISHED"] == runs

    person.finished(len(answers))
    assert person.replies.evaluate_all("all => all.map((one) => one.dataset.run)") == runs
    for number, answer in enumerate(answers):
        assert answer in person.replies.nth(number).inner_text()
    said = [event["text"] for event in events if event["kind"] == "USER_MESSAGE"]
    assert person.said.locator("p").all_inner_texts() == said


def test_a_killed_agent_is_lost_and_comes_back(fleet: Fleet, person: Person) -> None:
    state = person.cell("mortal").get_by_test_id("state-word")
    expect(state).to_have_text("idle")
    agent = fleet.processes["mortal"]

    agent.kill()
    expect(state).to_have_text("lost", timeout=LOST_WITHIN_MS)
    expect(person.cell("mortal")).to_contain_text(re.compile(r"last heard \d+ s ago"))
    person.open_agent("mortal")
    presence = person.page.get_by_role("region", name="Presence")
    expect(presence.get_by_test_id("state-word")).to_have_text("lost")
    expect(presence).to_contain_text(re.compile(r"last heard \d+ s ago"))

    agent.start()
    expect(presence.get_by_test_id("state-word")).to_have_text("idle")
    expect(presence).not_to_contain_text("last heard")


def test_a_reply_outlives_the_server(fleet: Fleet, person: Person) -> None:
    conversation = person.begin_with("storyteller", str(PIECES))
    person.page.evaluate("window.sameDocument = true")
    expect(person.replies).to_contain_text("piece 8,")

    with person.expecting(OUTAGE):
        fleet.server.kill()
        expect(person.connection).to_contain_text("reconnecting")
        # What was there stays, and what one types is kept until it can be sent.
        expect(person.replies).to_contain_text("piece 8,")
        person.composer.fill("2")
        person.composer.press("Enter")
        expect(person.composer).to_have_value("2")
        fleet.start_server()
        expect(person.connection).to_contain_text("live", timeout=BACK_WITHIN_MS)

    person.button("Send").click()
    expect(person.composer).to_have_value("")
    person.finished(2)
    assert person.page.evaluate("window.sameDocument"), "the page was loaded anew"
    assert_told_once(fleet, person, conversation, [STORY, "piece 1, piece 2, the end."])


def test_a_reply_outlives_the_broker(fleet: Fleet, person: Person) -> None:
    conversation = person.begin_with("storyteller", str(PIECES))
    expect(person.replies).to_contain_text("piece 8,")

    fleet.broker.kill()
    person.say("2")
    # The server lives and has it; nobody carries it yet, and the page says who is missing.
    expect(person.page.get_by_test_id("receipt").last).to_have_text("stored")
    expect(person.page.get_by_role("contentinfo")).to_contain_text("broker 0 of 1", timeout=15_000)
    expect(person.replies.first).not_to_contain_text("the end.")
    fleet.start_broker()

    person.finished(2)
    assert_told_once(fleet, person, conversation, [STORY, "piece 1, piece 2, the end."])


def test_a_message_that_a_dying_server_did_not_hear_is_sent_again_once(fleet: Fleet, person: Person) -> None:
    conversation = person.begin_with("echo", "before")
    person.finished()

    with person.expecting(OUTAGE):
        # Frozen, it takes the message from the network and never reads it; the page cannot know.
        fleet.server.freeze()
        person.say("into the void")
        expect(person.page.get_by_test_id("receipt").last).to_have_text("sending")
        fleet.server.kill()
        expect(person.connection).to_contain_text("reconnecting")
        expect(person.said.last).to_contain_text("into the void")
        fleet.start_server()
        expect(person.connection).to_contain_text("live", timeout=BACK_WITHIN_MS)
        person.finished(2)

    assert_told_once(fleet, person, conversation, ["before", "into the void"])
