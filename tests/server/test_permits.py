"""Over the relay an agent or broker may do what its login on RabbitMQ would let it do, no more and no less."""

import re
from typing import Any

import pytest

from muster_messaging.topology import agent_topology, base_topology
from muster_server.access.core import Principal, Role
from muster_server.permits import Permits
from muster_server.queues.logins import agent_rights, broker_rights

PARTITIONS = 4
OWN, OTHER = "agt_own", "agt_other"


class Guard:
    def __init__(self, principal: Principal) -> None:
        self._principal = principal

    async def need(self, *_: Any) -> Principal:
        return self._principal


@pytest.mark.parametrize(
    ("principal", "rights"),
    [
        (Principal(Role.BROKER, "brk_1", "b"), broker_rights(PARTITIONS)),
        (Principal(Role.AGENT, OWN, "a"), agent_rights(OWN)),
    ],
    ids=["broker", "agent"],
)
async def test_the_relay_permits_what_a_login_permits(principal: Principal, rights: dict[str, str]) -> None:
    peer = await Permits(Guard(principal), PARTITIONS).identify(None)  # type: ignore[arg-type]
    base = base_topology(PARTITIONS)
    exchanges = [exchange.name for exchange in base.exchanges]
    queues = [queue.name for each in (base, agent_topology(OWN), agent_topology(OTHER)) for queue in each.queues]

    assert [name for name in exchanges if peer.may_publish(name)] == permitted(rights["write"], exchanges)
    assert [name for name in queues if peer.may_subscribe(name)] == permitted(rights["read"], queues)
    assert permitted(rights["write"], exchanges)
    assert permitted(rights["read"], queues)


def permitted(pattern: str, names: list[str]) -> list[str]:
    return [name for name in names if re.search(pattern, name)]
