"""RabbitMQ lost its users, or somebody deleted them: agents and brokers get theirs back, and nobody is restarted."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from muster_shared_models.conversations import SendMessage
from tests.e2e.fleet import Fleet, running_fleet
from tests.e2e.waiting import until
from tests.provision.rabbitmq import TestRabbit


def answers(fleet: Fleet, text: str) -> bool:
    sent = fleet.post("/api/v1/messages", SendMessage(to="agent:echo", text=text))
    view = f"/api/v1/conversations/{sent['conversation']}"
    until(lambda: fleet.get(view)["preview"] == text and not fleet.get(view)["active_runs"], 60, f"'{text}' comes back")
    return True


@pytest.mark.timeout(200)
def test_an_agent_and_a_broker_whose_logins_vanish_get_them_back_and_go_on(
    tmp_path: Path, rabbitmq: TestRabbit, rabbitmq_url: str
) -> None:
    vhost = urlsplit(rabbitmq_url).path[1:]

    def logins() -> set[str]:
        users: list[dict[str, str]] = rabbitmq.call("GET", f"/api/vhosts/{vhost}/permissions")  # type: ignore[assignment]
        return {each["user"] for each in users if each["user"].startswith(("agt_", "brk_"))}

    with running_fleet(tmp_path, rabbitmq_url, MUSTER_BUS_API=rabbitmq.management_url) as fleet:
        fleet.add("echo")
        assert answers(fleet, "before")
        before = logins()
        assert len(before) == 2

        for user in before:
            rabbitmq.call("DELETE", f"/api/users/{user}")
        assert logins() == set()

        until(lambda: logins() == before, 60, "both have their logins back")
        assert answers(fleet, "after")
