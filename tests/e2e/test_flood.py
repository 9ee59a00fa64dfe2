"""One agent floods at full speed beside a few normal ones: it is cut off, and nobody else loses anything."""

from pathlib import Path
from typing import Any

import pytest

from muster_shared_models.conversations import SendMessage
from tests.e2e import flooder
from tests.e2e.fleet import Fleet, running_fleet
from tests.e2e.waiting import until
from tests.provision.rabbitmq import TestRabbit

pytestmark = pytest.mark.long

NORMAL = ("ann", "bob", "cleo")
EACH = 30


def say(fleet: Fleet, name: str, text: str) -> str:
    return str(fleet.post("/api/v1/messages", SendMessage(to=f"agent:{name}", text=text))["conversation"])


def answered(fleet: Fleet, conversations: list[str]) -> bool:
    views = {view["id"]: view for view in fleet.get("/api/v1/conversations", limit=200)["items"]}
    return all(not views[each]["active_runs"] and views[each]["failed"] is None for each in conversations)


def fullest(fleet: Fleet) -> float:
    """How full the fullest input of the brokers is, of 1."""
    queues: list[dict[str, Any]] = fleet.get("/api/v1/queues")["items"]
    return max((each["depth"] or 0) / each["bound"] for each in queues if each["role"] == "broker_input")


@pytest.mark.timeout(240)
def test_a_flooding_agent_is_cut_off_and_comes_back_when_it_is_released(
    tmp_path: Path, rabbitmq: TestRabbit, rabbitmq_url: str
) -> None:
    with running_fleet(tmp_path, rabbitmq_url, MUSTER_BUS_API=rabbitmq.management_url) as fleet:
        for name in NORMAL:
            fleet.add(name, kind="echo", wait=False)
        fleet.add("flooder", script=Path(flooder.__file__), PYTHONPATH=str(Path(__file__).parents[2]))
        for name in NORMAL:
            fleet.wait_for(name, "idle")

        # When one floods while the others work
        say(fleet, "flooder", "flood")
        asked, depths = [], [0.0]
        for number in range(EACH):
            asked += [say(fleet, name, f"message {number}") for name in NORMAL]
            depths.append(fullest(fleet))

        # Then it is cut off, all others are answered, and no queue was ever full
        until(lambda: fleet.state_of("flooder") == "quarantined", 30, "the flooder is quarantined")
        until(lambda: answered(fleet, asked), 60, "all others are answered")
        depths.append(fullest(fleet))
        count = fleet.folder / flooder.COUNT
        until(count.exists, 20, "the flooder's connection is closed")
        assert int(count.read_text()) < flooder.MOST
        assert max(depths) < 1
        letters = fleet.get("/api/v1/dead-letters", limit=200)["items"]
        assert {letter["reason"] for letter in letters} <= {"agent_quarantined"}
        quarantine = (fleet.agent("flooder") or {})["quarantine"]
        assert (quarantine["offence"], quarantine["by"]) == ("flooding", "broker-1")
        users = {entry["user"] for entry in rabbitmq.call("GET", "/api/permissions")}  # type: ignore[attr-defined]
        assert fleet.agent_id("flooder") not in users

        # Messages to it wait, and it comes back by itself once a person lets it
        waits = say(fleet, "flooder", "are you well?")
        assert "quarantined" in fleet.muster("agents")
        fleet.muster("agents", "release", "flooder")
        until(lambda: fleet.state_of("flooder") == "idle", 60, "the flooder is back")
        until(lambda: answered(fleet, [waits]), 30, "what waited is answered")
