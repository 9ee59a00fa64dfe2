"""Makes the pictures of the documentation from a running Muster: `python -m tests.e2e.screenshots`.

With `--all FOLDER` it makes every page in both themes and on a phone instead, to be looked at before a release.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, expect, sync_playwright

from muster_shared_models.commands import PushCommand
from muster_shared_models.conversations import SendMessage
from tests.e2e.conftest import CHROMIUM_FLAGS
from tests.e2e.fleet import Fleet, running_fleet
from tests.e2e.person import PHONE, Person
from tests.provision.chromium import chromium_provision

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs" / "screenshots"
LOOKS = ("dark", "light", "phone-dark", "phone-light")
#: Programs that the agents' machines have: they only look busy, but they run.
PROGRAMS = {
    "build": """for n in $(seq 40); do
  echo "$(date +%T) [$n/40] compiled module-$n in $((n * 7 % 90 + 11)) ms"; sleep 0.4
done""",
    "integration-tests": "for n in $(seq 900); do echo test_resume_after_$n PASSED; sleep 1; done",
    "crawl": "for n in $(seq 900); do echo page $n: $((n % 17 + 3)) links; sleep 1; done",
    "backup": 'echo "3.1 GB in 4 minutes"',
}
AT_WORK = {
    "crawler": "/shell crawl --pages 40..60",
    "build-2": "/shell integration-tests --shard 3/8",
    "build-5": "/shell integration-tests --shard 6/8",
}
QUESTION = "How full are the disks of this machine, and how am I told before one is full?"
ECHOED = "Words can be **bold**, *slanted* or `code`.\n\n- one\n- two\n\n1. first\n2. second\n\n> quoted\n\n[a link](https://example.org)"


class Studio:
    """A fleet to be seen, and people who look at it in one theme and size."""

    def __init__(self, fleet: Fleet, browser: Browser) -> None:
        self.fleet = fleet
        self._browser = browser

    def visitor(self, look: str) -> Person:
        size = PHONE if look.startswith("phone") else {"viewport": {"width": 1440, "height": 900}}
        return Person(self._browser, self.fleet, color_scheme=look.rpartition("-")[2], **size)

    def _add(self, name: str, labels: str = "") -> None:
        path = f"{self._programs()}{os.pathsep}{os.environ['PATH']}"
        self.fleet.add(name, kind="operator", MUSTER_AGENT_LABELS=labels, PATH=path)

    def _programs(self) -> Path:
        folder = self.fleet.folder / "bin"
        folder.mkdir(exist_ok=True)
        for name, text in PROGRAMS.items():
            (folder / name).write_text(f"#!/bin/sh\n{text}\n")
            (folder / name).chmod(0o755)
        return folder

    def join_first(self) -> None:
        """Those who are there before anybody else."""
        self.fleet.add("echo")
        self._add("operator", "env=prod,site=fra")

    def join_all(self) -> None:
        """Enough of them for a wall."""
        # One after another: a small machine needs seconds to start a dozen of them at once.
        self.fleet.add("scribe", script=HERE / "scribe.py")
        self.fleet.add("storyteller", script=HERE / "storyteller.py")
        self._add("crawler", "env=prod,site=fra")
        for number in range(1, 9):
            self._add(f"build-{number}", f"env=build,rack={number}")
        for number in range(1, 4):
            self._add(f"web-{number}", "env=prod,site=fra")
        for number in range(1, 4):
            self._add(f"lab-{number}", "env=lab,site=ber")

    def happen(self) -> None:
        """Some work, one agent dies, another is stopped."""
        self.fleet.processes["lab-1"].kill()
        self.fleet.processes["lab-2"].stop()
        for name, text in AT_WORK.items():
            self.fleet.post("/api/v1/messages", SendMessage(text=text, to=f"agent:{name}"))
        self.push("all:env=build", "build --version")
        self.push("all:env=prod", "backup --verify")
        self.fleet.wait_for("lab-1", "lost")

    def doubt(self, person: Person) -> None:
        """Freeze an agent for so long that nobody knows whether it lives, and this person sees it."""
        self.fleet.processes["lab-3"].freeze()
        expect(person.cell("lab-3").get_by_test_id("state-word")).to_have_text("suspect", timeout=20_000)

    def push(self, to: str, line: str) -> str:
        return str(self.fleet.post("/api/v1/commands", PushCommand(to=to, shell=line))["id"])


def take(person: Person, path: Path) -> None:
    """Take the picture of a page at rest, without a pointer that rests on something."""
    person.page.wait_for_load_state("networkidle")
    person.page.mouse.move(2, 2)
    expect(person.page.get_by_role("tooltip")).to_have_count(0)
    person.page.screenshot(path=path, animations="disabled")


def talk(person: Person) -> None:
    """A conversation worth a picture: a tool card, a table, code."""
    person.begin_with("scribe", QUESTION)
    person.finished()
    # The agent is known to be idle again a moment after its answer.
    expect(person.page.locator("header svg[data-state=idle]")).to_be_visible()


def run_build(studio: Studio, person: Person) -> None:
    """An agent's page with some commands behind it and one that runs."""
    for line in ("uptime", "df -h /", "make test", "nproc; free -m", "build --release"):
        studio.push("agent:build-3", line)
    person.open_agent("build-3")
    expect(person.terminal).to_contain_text("[14/40]", timeout=20_000)


def documents(studio: Studio) -> None:
    """The four pictures of the documentation."""
    DOCS.mkdir(parents=True, exist_ok=True)
    studio.join_first()
    studio.join_all()
    studio.happen()
    dark, light, phone = studio.visitor("dark"), studio.visitor("light"), studio.visitor("phone-dark")
    studio.doubt(light.log_in())
    take(light, DOCS / "fleet-light.png")
    talk(dark.log_in())
    take(dark, DOCS / "conversation-dark.png")
    talk(phone.log_in())
    take(phone, DOCS / "phone.png")
    run_build(studio, dark)
    take(dark, DOCS / "agent-dark.png")


def everything(studio: Studio, folder: Path) -> None:
    """Every page in every look, in the order in which a newcomer's fleet grows."""
    folder.mkdir(parents=True, exist_ok=True)
    people = {look: studio.visitor(look) for look in LOOKS}

    def each(name: str, act: Callable[[Person], object]) -> None:
        for look, person in people.items():
            act(person)
            take(person, folder / f"{name}.{look}.png")

    each("01-login", lambda person: person.page.goto("/"))
    each("02-login-used", lambda person: person.page.goto(f"/login#code=ml_{'x' * 43}"))
    each("03-first-run-empty", lambda person: person.log_in())
    studio.join_first()
    each("04-first-run-two", lambda person: person.open_fleet())
    studio.join_all()
    studio.happen()
    people["dark"].open_fleet()
    studio.doubt(people["dark"])
    each("05-fleet", lambda person: person.open_fleet())
    each("06-fleet-table", lambda person: person.page.goto("/fleet?view=table"))
    each("07-fleet-none", lambda person: person.page.goto("/fleet?q=state%3Apaused"))
    each("08-queues", lambda person: person.page.goto("/queues"))
    _conversations(each)
    _agents(studio, each)
    _errors(studio, each)


def _conversations(each: Callable[[str, Callable[[Person], object]], None]) -> None:
    def tools(person: Person) -> None:
        person.begin_with("operator", "/shell ls -la / | head -8; printf '\\033[32mgreen\\033[0m\\n'; exit 3")
        person.finished()
        person.say("/fetch http://127.0.0.1/")
        person.replies.nth(1).wait_for()
        person.finished(2)

    def failing(person: Person) -> None:
        person.begin_with("storyteller", "not a number")
        expect(person.replies).to_have_attribute("data-stage", "failed")

    def running(person: Person) -> None:
        person.begin_with("storyteller", "30")
        expect(person.replies).to_contain_text("piece 9,")

    def stopped(person: Person) -> None:
        running(person)
        person.button("Stop").click()
        expect(person.replies).to_have_attribute("data-stage", "stopped")

    def nobody(person: Person) -> None:
        person.page.goto("/conversations/new?to=agent:nobody")
        person.say("Is anybody there?")
        expect(person.page.get_by_role("alert")).to_be_visible()

    each("10-conversation", talk)
    each("11-conversation-tools", tools)
    each("12-conversation-running", running)
    each("13-conversation-stopped", stopped)
    each("14-conversation-failed", failing)
    each("15-conversation-queued", lambda person: person.begin_with("lab-1", "When you are back: how are you?"))
    each("16-conversation-markdown", lambda person: person.begin_with("echo", ECHOED) and person.finished())
    each("17-conversations", lambda person: person.page.goto("/conversations"))
    each("18-conversation-new", lambda person: person.page.goto("/conversations/new"))
    each("19-conversation-nobody", nobody)
    # Nothing marks the end of a message to many: a second is enough for what its targets say to be there.
    each("20-conversation-all", lambda person: person.begin("all:env=build", "/shell hostname") and time.sleep(1))


def _agents(studio: Studio, each: Callable[[str, Callable[[Person], object]], None]) -> None:
    def stopping(person: Person) -> None:
        studio.push("agent:operator", "trap '' TERM; echo deaf; while true; do sleep 1; done")
        person.open_agent("operator")
        expect(person.terminal).to_contain_text("deaf")
        person.button("Stop").click()
        expect(person.page.get_by_test_id("stop-stages")).to_be_visible()

    def killed(person: Person) -> None:
        person.button("Kill now").click()
        expect(person.page.get_by_test_id("command-state")).to_have_attribute("data-state", "stopped")

    def tab(name: str, which: str) -> Callable[[Person], object]:
        return lambda person: person.page.goto(f"/agents/{studio.fleet.agent_id(name)}?tab={which}")

    def both(person: Person) -> None:
        stopping(person)
        killed(person)

    each("30-agent-new", lambda person: person.open_agent("build-1"))
    each("31-agent-running", lambda person: run_build(studio, person))
    each("32-agent-killed", both)
    each("33-agent-lost", lambda person: person.open_agent("lab-1"))
    each("34-agent-runs", tab("storyteller", "runs"))
    each("35-agent-about", tab("operator", "about"))
    command = studio.push("all:env=build", "for n in 1 2 3; do echo $n; sleep 1; done; exit $(( $RANDOM % 2 ))")
    each("36-command", lambda person: person.page.goto(f"/commands/{command}"))


def _errors(studio: Studio, each: Callable[[str, Callable[[Person], object]], None]) -> None:
    each("40-no-conversation", lambda person: person.page.goto("/conversations/cnv_unknown"))
    each("41-no-agent", lambda person: person.page.goto("/agents/agt_unknown"))
    each("42-no-command", lambda person: person.page.goto("/commands/cmd_unknown"))
    each("43-nowhere", lambda person: person.page.goto("/nowhere"))
    each("44-before-outage", talk)
    studio.fleet.server.kill()
    each("45-outage", lambda person: expect(person.connection).to_contain_text("reconnecting"))


def main() -> None:
    """Start a fleet, make the pictures, stop it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", type=Path, metavar="FOLDER", help="every page, in both themes and on a phone")
    chosen = parser.parse_args()
    folder = tempfile.TemporaryDirectory(prefix="muster-pictures-")
    with folder as path, running_fleet(Path(path), "embedded") as fleet, sync_playwright() as playwright:
        program = chromium_provision.get()
        browser = playwright.chromium.launch(
            executable_path=program, args=[*CHROMIUM_FLAGS, "--force-color-profile=srgb"]
        )
        studio = Studio(fleet, browser)
        everything(studio, chosen.all) if chosen.all else documents(studio)
        browser.close()


if __name__ == "__main__":
    main()
