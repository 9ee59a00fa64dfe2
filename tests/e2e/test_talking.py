"""A person opens the link and talks to agents, over real queues; a second one looks on."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Newcomer
from tests.e2e.fleet import Fleet
from tests.e2e.person import REFUSED, Person
from tests.e2e.process import run_muster

ROOT = Path(__file__).parents[2]
WORDS = " ".join(f"word{number}" for number in range(1, 31))


@pytest.fixture(scope="module", autouse=True)
def agents(fleet: Fleet) -> None:
    fleet.add("echo", wait=False)
    fleet.add("operator", wait=False)
    fleet.add("storyteller", script=Path(__file__).with_name("storyteller.py"), wait=False)
    for name in ("echo", "operator", "storyteller"):
        fleet.wait_for(name, "idle")


def test_the_printed_link_logs_one_browser_in_once(fleet: Fleet, newcomer: Newcomer) -> None:
    link = fleet.muster("token", "login").strip()
    first, second = newcomer(), newcomer()

    first.page.goto(link)
    expect(first.page).to_have_url(re.compile("/fleet$"))
    for name in ("echo", "operator", "storyteller"):
        expect(first.cell(name).get_by_test_id("state-word")).to_have_text("idle")
    expect(first.page.get_by_test_id("headcount")).to_contain_text("3 agents on 1 machine")

    with second.expecting(REFUSED):
        second.page.goto(link)
        expect(second.page.get_by_role("heading", name="This link has been used or has expired")).to_be_visible()
        second.page.goto("/fleet")
        expect(second.page.get_by_role("heading", name="You are not logged in")).to_be_visible()


def test_an_answer_is_seen_while_it_is_written(person: Person) -> None:
    person.begin_with("echo", "Hello!")
    expect(person.finished()).to_contain_text("Hello!")
    expect(person.page.get_by_test_id("receipt").first).to_contain_text("started in")

    person.record_growth(person.thread)
    person.say(f"/slow {WORDS}")
    expect(person.replies.last).to_have_attribute("data-stage", "writing")
    expect(person.finished(2)).to_contain_text(WORDS)

    growth = person.growth()
    assert len(growth) > 5, f"the answer came in one piece: {growth}"


def test_a_tool_shows_its_card_with_exit_and_output(person: Person) -> None:
    person.begin_with("operator", "/shell echo out; echo err >&2; exit 3")

    reply = person.finished()
    card = reply.get_by_test_id("tool-card")
    expect(card).to_have_count(1)
    expect(card).to_have_attribute("data-tool", "shell")
    expect(card).to_contain_text("echo out; echo err >&2; exit 3")
    expect(card.get_by_test_id("tool-exit")).to_have_text("exit 3")
    expect(card.get_by_test_id("tool-output")).to_contain_text("out")
    expect(card.get_by_test_id("tool-output")).to_contain_text("err")


def test_a_reload_and_another_browser_show_the_identical_transcript(person: Person, newcomer: Newcomer) -> None:
    conversation = person.begin_with("operator", "/shell seq 1 20; printf '\\033[31mred\\033[0m\\n'")
    person.finished()
    person.say("/help")
    person.finished(2)
    person.say("/shell exit 4")
    person.finished(3)
    before = person.outline()

    person.page.reload()
    person.finished(3)
    after = person.outline()
    other = newcomer().log_in()
    other.open_conversation(conversation)
    other.finished(3)

    assert after == before
    assert other.outline() == before
    assert "red" in str(before)


def test_stop_ends_a_reply_and_keeps_what_was_said(fleet: Fleet, person: Person) -> None:
    conversation = person.begin_with("storyteller", "300")
    reply = person.replies.last
    expect(reply).to_contain_text("piece 5,")

    person.button("Stop").click()
    expect(reply).to_have_attribute("data-stage", "stopped")
    expect(reply).to_contain_text("stopped by")
    expect(reply).to_contain_text("piece 5,")
    expect(reply).not_to_contain_text("the end.")
    expect(person.button("Stop")).to_have_count(0)

    shown = reply.inner_text()
    person.page.reload()
    expect(person.replies.last).to_have_attribute("data-stage", "stopped")
    assert person.replies.last.inner_text() == shown
    kinds = [stored["event"]["kind"] for stored in fleet.events(conversation)]
    assert kinds.count("RUN_ERROR") + kinds.count("RUN_FINISHED") == 1


def test_a_second_browser_follows_the_conversation_live(person: Person, newcomer: Newcomer) -> None:
    conversation = person.begin_with("storyteller", "1")
    person.finished()
    other = newcomer().log_in()
    other.open_conversation(conversation)
    other.finished()
    other.record_growth(other.thread)

    person.say("15")
    expect(other.said).to_have_count(2)
    expect(other.replies.last).to_have_attribute("data-stage", "writing")
    expect(other.finished(2)).to_contain_text("piece 15, the end.")

    person.finished(2)
    assert len(other.growth()) > 5, f"the answer came in one piece: {other.growth()}"
    assert other.outline() == person.outline()


@pytest.mark.parametrize(
    ("address", "answer"),
    [
        ("agent:nobody", "No agent is called 'nobody'."),
        ("any:skill=levitation", "No agent matches any:skill=levitation."),
    ],
)
def test_who_writes_to_nobody_is_told_so_and_keeps_the_text(person: Person, address: str, answer: str) -> None:
    person.page.goto(f"/conversations/new?to={address}")
    person.say("Is anybody there?")

    expect(person.page.get_by_role("alert")).to_contain_text(answer)
    expect(person.page.get_by_test_id("receipt")).to_have_text("not stored")
    person.button("Edit").click()
    expect(person.composer).to_have_value("Is anybody there?")


def test_the_command_line_names_an_unknown_agent_and_ends_with_its_exit_code(fleet: Fleet) -> None:
    done = run_muster(fleet.folder, "send", "nobody", "Is anybody there?")

    assert done.returncode == 3
    assert "No agent is called 'nobody'" in done.stderr
    assert not done.stdout


def test_a_message_to_an_agent_that_is_away_is_queued_and_answered_later(fleet: Fleet, person: Person) -> None:
    agent = fleet.add("sleeper", kind="echo")
    agent.stop()
    fleet.wait_for("sleeper", "lost")

    person.begin_with("sleeper", "Wake up!")
    reply = person.replies.last
    expect(reply).to_have_attribute("data-stage", "queued")
    expect(reply).to_contain_text("queued, ")

    agent.start()
    expect(person.finished()).to_contain_text("Wake up!")
    agent.stop()


def test_the_agent_of_the_readme_answers(fleet: Fleet, person: Person, tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    code = next(block for block in blocks if "agent.run()" in block)
    assert len(code.splitlines()) <= 15
    script = tmp_path / "greeter.py"
    script.write_text(code)

    agent = fleet.add("greeter", script=script)
    person.begin_with("greeter", "Ada")
    expect(person.finished()).to_contain_text("Hello, Ada!")
    agent.stop()
