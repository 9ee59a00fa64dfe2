"""The console in a pocket: everything that matters, nothing to scroll sideways."""

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Newcomer
from tests.e2e.fleet import Fleet
from tests.e2e.person import PHONE, Person

WIDE = "a-word-without-any-place-to-break-it-" * 8


@pytest.fixture(scope="module")
def bus() -> str:
    """One is enough: no page looks different for it."""
    return "embedded"


@pytest.fixture(scope="module", autouse=True)
def agents(fleet: Fleet) -> None:
    for name in ("operator", "echo-with-a-rather-long-name-that-must-be-cut-somewhere", "echo"):
        fleet.add(name, kind=name.partition("-")[0], wait=False)
    fleet.wait_for("operator", "idle")
    fleet.wait_for("echo", "idle")


@pytest.fixture
def phone(newcomer: Newcomer) -> Person:
    return newcomer(**PHONE).log_in()


def test_one_logs_in_opens_a_conversation_and_is_answered(phone: Person) -> None:
    phone.page.get_by_role("link", name="echo", exact=True).first.tap()
    phone.page.get_by_role("button", name="Chat").tap()
    phone.composer.fill("From the sofa")
    phone.button("Send").tap()
    expect(phone.finished()).to_contain_text("From the sofa")

    phone.page.get_by_role("navigation", name="Pages").get_by_role("link", name="Chats").tap()
    row = phone.page.get_by_test_id("conversation-list").get_by_role("link").first
    row.tap()
    expect(phone.finished()).to_contain_text("From the sofa")


def test_no_page_scrolls_sideways(fleet: Fleet, phone: Person) -> None:
    talk = phone.begin_with("operator", f"/shell echo {WIDE}; seq -s - 1 200")
    expect(phone.finished().get_by_test_id("tool-output")).to_contain_text(WIDE)
    assert not phone.has_sideways_scroll(), "a conversation with a wide tool card"
    phone.begin_with("echo", f"{WIDE}\n\n```\n{WIDE}\n```\n\n|{'a|' * 30}\n|{'-|' * 30}\n|{'b|' * 30}")
    phone.finished()
    assert not phone.has_sideways_scroll(), "a conversation with wide text, code and table"
    phone.open_agent("operator")
    phone.page.get_by_role("textbox", name="Command for operator").fill(f"echo {WIDE}")
    phone.button("Run").tap()
    expect(phone.page.get_by_test_id("command-state")).to_have_attribute("data-state", "done")
    assert not phone.has_sideways_scroll(), "an agent with a wide command"

    command = fleet.get("/api/v1/commands")["items"][0]["id"]
    agent = fleet.agent_id("operator")
    paths = [
        "/fleet",
        "/queues",
        "/conversations",
        "/conversations/new",
        f"/conversations/{talk}",
        f"/commands/{command}",
    ]
    paths += [f"/agents/{agent}?tab={tab}" for tab in ("console", "runs", "about")]
    for path in [*paths, "/conversations/cnv_unknown", "/agents/agt_unknown", "/nowhere"]:
        phone.page.goto(path)
        phone.page.wait_for_load_state("networkidle")
        assert not phone.has_sideways_scroll(), path


def test_the_login_page_fits(newcomer: Newcomer) -> None:
    stranger = newcomer(**PHONE)
    with stranger.expecting("status of 401"):
        stranger.page.goto("/")
        expect(stranger.page.get_by_role("heading", name="You are not logged in")).to_be_visible()
    assert not stranger.has_sideways_scroll()
