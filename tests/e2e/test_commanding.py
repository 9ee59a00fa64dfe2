"""A person pushes commands from an agent's page, watches their output and stops them."""

import re
import uuid
from collections.abc import Iterator

import psutil
import pytest
from playwright.sync_api import Locator, expect

from muster_shared_models.commands import PushCommand
from tests.e2e.fleet import Fleet
from tests.e2e.person import Person
from tests.e2e.waiting import until


@pytest.fixture(scope="module")
def bus() -> str:
    """One is enough: commands do not go through queues."""
    return "embedded"


@pytest.fixture(scope="module", autouse=True)
def operator(fleet: Fleet) -> None:
    fleet.add("operator")


@pytest.fixture
def unique() -> Iterator[str]:
    """A piece of a command line that no other process has; afterwards none has it."""
    mark = str(uuid.uuid4().int)[:9]
    yield mark
    for process in bearing(mark):
        process.kill()


def bearing(mark: str) -> list[psutil.Process]:
    """The living processes with this in their command line."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and mark in " ".join(process.cmdline()):
                found.append(process)
        except psutil.NoSuchProcess:  # it ended while we looked
            continue
    return found


def push(person: Person, line: str) -> Locator:
    """Push a line from the agent's page; returns the place that says how it stands."""
    person.open_agent("operator")
    person.page.get_by_role("textbox", name="Command for operator").fill(line)
    person.button("Run").click()
    expect(person.page.locator("[data-testid=command-row][aria-pressed=true]")).to_contain_text(line)
    return person.page.get_by_test_id("command-state")


def test_output_appears_line_by_line_then_exit_code_and_duration(person: Person) -> None:
    state = push(person, "for n in 1 2 3 4 5 6 7 8 9 10; do echo line-$n-of-10; sleep 0.2; done; exit 5")
    expect(person.terminal).to_contain_text("line-1-of-10")
    person.record_growth(person.terminal)
    expect(state).to_have_attribute("data-state", "running")
    assert "line-10-of-10" not in person.terminal.inner_text()

    expect(person.terminal).to_contain_text("line-10-of-10")
    expect(state).to_have_attribute("data-state", "failed")
    expect(person.page.get_by_test_id("exit-code")).to_have_text("exit 5")
    expect(state).to_contain_text(re.compile(r"2\.\d s"))
    assert len(person.growth()) > 5, f"the output came in one piece: {person.growth()}"
    shown = person.terminal.inner_text()
    assert [shown.count(f"line-{number}-of-10") for number in range(1, 11)] == [1] * 10


def test_a_finished_command_is_shown_again_after_a_reload(person: Person) -> None:
    state = push(person, "seq -f row-%g 1 200; sleep 0.5; echo to stderr >&2")
    expect(state).to_have_attribute("data-state", "done")
    expect(person.page.get_by_test_id("exit-code")).to_have_text("exit 0")
    expect(person.terminal).to_contain_text("to stderr")

    person.page.reload()
    expect(state).to_have_attribute("data-state", "done")
    expect(person.page.get_by_test_id("exit-code")).to_have_text("exit 0")
    expect(person.terminal).to_contain_text("row-200")
    expect(person.terminal).to_contain_text("to stderr")


def test_stop_ends_a_program_and_its_children(person: Person, unique: str) -> None:
    state = push(person, f"sh -c 'sleep 1{unique} & sleep 2{unique} & wait'")
    expect(state).to_have_attribute("data-state", "running")
    until(lambda: len(bearing(unique)) >= 3, 10, "the program and its children run")

    person.button("Stop").click()
    expect(state).to_have_attribute("data-state", "stopped")
    assert bearing(unique) == []
    stages = person.page.get_by_test_id("stop-stages")
    expect(stages).to_contain_text("Stop requested")
    expect(stages).to_contain_text("Acknowledged")
    expect(stages).to_contain_text("Confirmed dead")
    expect(stages).to_contain_text(re.compile(r"[2-9] processes ended"))


def test_kill_ends_a_program_that_does_not_listen(person: Person, unique: str) -> None:
    state = push(person, f"trap '' TERM; echo deaf; while true; do sleep 0.{unique}; done")
    expect(person.terminal).to_contain_text("deaf")

    person.button("Stop").click()
    person.button("Kill now").click()
    expect(state).to_have_attribute("data-state", "stopped")
    assert bearing(unique) == []


def test_a_command_follows_its_agent_and_its_page(fleet: Fleet, person: Person) -> None:
    push(person, "echo once; sleep 1; echo twice")
    command = fleet.get("/api/v1/commands")["items"][0]

    person.page.goto(f"/commands/{command['id']}")
    expect(person.terminal).to_contain_text("once")
    expect(person.terminal).to_contain_text("twice")
    expect(person.page.get_by_test_id("command-state")).to_have_attribute("data-state", "done")


def test_a_stop_reaches_only_the_agent_that_it_is_for(fleet: Fleet, person: Person, unique: str) -> None:
    fleet.add("neighbour", kind="operator")
    push_to_all = PushCommand(to="all:skill=shell", shell=f"sleep 3{unique}")
    command = fleet.post("/api/v1/commands", push_to_all)["id"]

    def states() -> dict[str, str]:
        targets = fleet.get(f"/api/v1/commands/{command}")["targets"]
        return {target["agent_name"]: target["state"] for target in targets}

    until(lambda: states() == {"operator": "running", "neighbour": "running"}, 10, "it runs on both agents")
    person.page.goto(f"/commands/{command}?target={fleet.agent_id('operator')}")
    person.button("Stop").click()
    expect(person.page.get_by_test_id("command-state")).to_have_attribute("data-state", "stopped")

    assert states() == {"operator": "stopped", "neighbour": "running"}
    assert bearing(unique), "the neighbour's program was ended as well"
