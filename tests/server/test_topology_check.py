"""A server that would lose messages by somebody's policy, or by foreign arguments, does not start, and says why."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from muster_messaging.amqp.arguments import queue_arguments
from muster_messaging.topology import agent_topology, base_topology
from muster_server.queues.checking import Found, wrongs
from muster_shared_models.problems import MusterError, Reason
from tests.provision.rabbitmq import TestRabbit
from tests.server.running import running_server

TOPOLOGY = base_topology(4)

Put = Callable[..., None]


@pytest.fixture
def put(rabbitmq: TestRabbit, rabbitmq_url: str) -> Put:
    """Make a policy on the vhost: put(kind, name, pattern, definition)."""
    vhost = urlsplit(rabbitmq_url).path[1:]

    def make(kind: str, name: str, pattern: str, definition: dict[str, Any], apply_to: str = "queues") -> None:
        body = {"pattern": pattern, "definition": definition, "apply-to": apply_to}
        rabbitmq.call("PUT", f"/api/{kind}/{vhost}/{quote(name)}", body)

    return make


async def refused(folder: Path, rabbitmq: TestRabbit, url: str) -> MusterError:
    with pytest.raises(MusterError) as error:
        async with running_server(folder, bus=url, bus_api=rabbitmq.management_url):
            pass
    assert error.value.reason is Reason.TOPOLOGY_MISMATCH
    return error.value


@pytest.mark.parametrize(
    ("kind", "pattern", "definition", "apply_to", "says"),
    [
        (
            "policies", "^broker_input_queue$", {"max-length": 10}, "queues",
            "The queue broker_input_queue has max-length 10 (by the policy 'theirs'), where 50000 is wanted.",
        ),
        (
            "operator-policies", "server_input", {"message-ttl": 60_000}, "queues",
            "The queue server_input_queue has message-ttl 60000 (by the policy 'theirs'), where nothing is wanted.",
        ),
        (
            "policies", "^agent_queue_", {"expires": 1_800_000}, "all",
            "has expires 1800000 (by the policy 'theirs'), where nothing is wanted.",
        ),
        (
            "policies", "to_agent", {"alternate-exchange": "amq.fanout"}, "exchanges",
            "The exchange muster.to_agent has alternate-exchange amq.fanout (by the policy 'theirs'), where nothing is",
        ),
        ("policies", ".*", {"delivery-limit": 5}, "all", "has delivery-limit 5 (by the policy 'theirs'), where 1000"),
    ],
)  # fmt: skip
async def test_a_foreign_policy_that_would_lose_messages_stops_the_start(
    tmp_path: Path, rabbitmq: TestRabbit, rabbitmq_url: str, put: Put,
    kind: str, pattern: str, definition: dict[str, Any], apply_to: str, says: str,
) -> None:  # fmt: skip
    put(kind, "theirs", pattern, definition, apply_to)

    error = await refused(tmp_path / "data", rabbitmq, rabbitmq_url)

    assert says in error.detail
    assert "nothing was started" in error.detail
    assert "policy" in error.hint


async def test_policies_that_change_nothing_of_ours_are_let_be(
    tmp_path: Path, rabbitmq: TestRabbit, rabbitmq_url: str, put: Put
) -> None:
    put("policies", "theirs", "^their_", {"max-length": 1})
    put("policies", "larger", "^broker_input", {"max-length": 60_000, "overflow": "reject-publish"})
    put("policies", "leaders", "^server_", {"queue-leader-locator": "balanced"})
    put("policies", "exchanges", "^broker_input", {"alternate-exchange": "amq.fanout"}, "exchanges")
    async with running_server(tmp_path / "data", bus=rabbitmq_url, bus_api=rabbitmq.management_url) as server:
        assert (await server.get("/api/v1/system"))["bus"] == "rabbitmq"


# ---- decided without a queue server


def listed(**policies: Any) -> Found:
    """What RabbitMQ lists when all is as intended, with these policies."""
    queues = [
        {
            "name": queue.name,
            "type": "quorum",
            "durable": True,
            "auto_delete": False,
            "arguments": queue_arguments(queue),
        }
        for queue in (*TOPOLOGY.queues, *agent_topology("agt_1").queues)
    ]
    exchanges = [
        {
            "name": each.name,
            "type": each.kind,
            "durable": True,
            "auto_delete": False,
            "internal": False,
            "arguments": {},
        }
        for each in TOPOLOGY.exchanges
    ]
    return Found(queues, exchanges, policies.get("policies", []), policies.get("operators", []))


def policy(pattern: str, priority: int = 0, **definition: Any) -> dict[str, Any]:
    keys = {key.replace("_", "-"): value for key, value in definition.items()}
    return {"name": f"p{priority}", "pattern": pattern, "apply-to": "all", "priority": priority, "definition": keys}


def test_nothing_is_wrong_with_what_muster_itself_declares() -> None:
    assert list(wrongs(TOPOLOGY, listed())) == []


@pytest.mark.parametrize("field", ["type", "durable", "auto_delete", "arguments"])
def test_each_property_of_a_queue_and_an_exchange_counts(field: str) -> None:
    for kind in ("queues", "exchanges"):
        found = listed()
        entry = next(iter(getattr(found, kind)))
        entry[field] = {"type": "topic", "durable": False, "auto_delete": True, "arguments": {"x-expires": 1}}[field]
        assert [wrong.what.split()[1] for wrong in wrongs(TOPOLOGY, found)][:1] == [entry["name"]]


def test_of_several_policies_the_highest_counts_and_the_operators_beside_it() -> None:
    high, low = policy("^parking", 2, max_length=200_000), policy("^parking", 1, max_length=1)
    assert list(wrongs(TOPOLOGY, listed(policies=[high, low]))) == []
    [wrong] = wrongs(TOPOLOGY, listed(policies=[high], operators=[low]))
    assert (wrong.argument, wrong.found, wrong.wanted, wrong.policy) == ("max-length", 1, 100_000, "p1")


def test_consumers_must_be_given_the_time_that_a_run_may_take() -> None:
    [wrong] = wrongs(TOPOLOGY, listed(policies=[policy("^server_", consumer_timeout=1_800_000)]))
    assert str(wrong).startswith("the queue server_input_queue has consumer-timeout 1800000 (by the policy 'p0')")
    assert list(wrongs(TOPOLOGY, listed(policies=[policy("^server_", consumer_timeout=21_600_000)]))) == []


def test_what_is_not_known_to_be_harmless_is_wrong_and_so_is_a_pattern_that_cannot_be_read() -> None:
    assert len(list(wrongs(TOPOLOGY, listed(policies=[policy("^parking", something_new=1)])))) == 1
    assert list(wrongs(TOPOLOGY, listed(policies=[policy(r"(?i)\p{L}+(", max_length=1)])))
