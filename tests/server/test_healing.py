"""Shared queues that somebody has deleted are declared again, and nothing that was accepted is lost for it."""

from pathlib import Path

import pytest

from muster_messaging.amqp.bus import AmqpBus
from muster_messaging.topology import base_topology
from tests.server.desk import at_work
from tests.server.running import eventually, running_server


@pytest.mark.rabbitmq
async def test_deleted_queues_are_made_again_and_messages_wait_for_them(tmp_path: Path, rabbitmq_url: str) -> None:
    async with (
        running_server(tmp_path / "data", bus=rabbitmq_url) as server,
        server.broker(),
        at_work(server, tmp_path, "digger") as digger,
    ):
        # When an operator deletes every queue that agents, brokers and server share
        operator = await AmqpBus.open(rabbitmq_url, name="operator")
        names = [queue.name for queue in base_topology().queues]
        for name in names:
            await operator.delete_queue(name)

        # Then what is said goes through as soon as they are back
        sent = await server.post("/api/v1/messages", {"to": "agent:digger", "text": "dig"}, 202)
        asked, _ = await digger.take()
        assert asked.run == sent["run_id"]
        await digger.answer(asked, "dug")

        async def answered() -> bool:
            items = (await server.get(f"/api/v1/conversations/{sent['conversation']}/events"))["items"]
            return bool(items[-1]["event"]["kind"] == "RUN_FINISHED")

        await eventually(answered)
        assert all([await operator.queue_info(name) for name in names])
        assert (await server.get("/api/v1/dead-letters"))["waiting"] == 0
        await operator.close()
