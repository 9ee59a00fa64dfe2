"""A message that could have gone to several agents is one agent's, whatever brokers did with it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from muster_broker import loop
from muster_protos.v1.runs_pb2 import ClaimRunRequest
from muster_protos.v1.runs_pb2_grpc import AgentRunsStub
from muster_server.conversations import store as runs
from muster_server.conversations.core import Run
from muster_server.store.store import Store
from muster_shared_models.bodies import MessageType
from muster_shared_models.conversations import RunState
from muster_shared_models.run_events import RunError, RunStarted
from tests.server.desk import Desk, at_work
from tests.server.puppet import Puppet, puppet
from tests.server.running import RunningServer, eventually

LETTERS = "/api/v1/dead-letters"


@pytest.fixture
async def alice(server: RunningServer, tmp_path: Path) -> AsyncIterator[Desk]:
    async with at_work(server, tmp_path, "alice", skills=["dig"]) as desk:
        yield desk


@pytest.fixture
async def bob(server: RunningServer, tmp_path: Path, alice: Desk) -> AsyncIterator[Puppet]:
    """Another agent that might have been asked; it is not at work."""
    token = await server.join_token()
    async with puppet(server.started.grpc_address, token, tmp_path, "bob", skills=["dig"]) as agent:
        yield agent


async def claim(agent: Puppet, run_id: str) -> bool:
    call = AgentRunsStub(agent.channel).ClaimRun(ClaimRunRequest(run_id=run_id), metadata=agent.metadata(), timeout=10)
    return bool((await call).granted)


async def ask(server: RunningServer, to: str) -> dict[str, Any]:
    return dict(await server.post("/api/v1/messages", {"to": to, "text": "dig"}, 202))


async def ended_as(server: RunningServer, conversation: str, kind: str) -> None:
    async def ended() -> bool:
        items = (await server.get(f"/api/v1/conversations/{conversation}/events"))["items"]
        return bool(items[-1]["event"]["kind"] == kind)

    await eventually(ended)


async def test_whoever_claims_first_has_the_run(server: RunningServer, alice: Desk, bob: Puppet) -> None:
    async with server.broker():
        sent = await ask(server, "any:skill=dig")
        asked, _ = await alice.take()
    assert (asked.run, asked.claim) == (sent["run_id"], True)
    assert [await claim(each, asked.run) for each in (bob, alice.agent, bob)] == [True, False, True]


async def test_who_was_asked_directly_need_not_claim(server: RunningServer, alice: Desk, bob: Puppet) -> None:
    async with server.broker():
        await ask(server, "agent:alice")
        asked, _ = await alice.take()
    assert not asked.claim
    assert not await claim(bob, asked.run)
    assert await claim(alice.agent, asked.run)


async def test_nobody_gets_what_has_ended_or_never_was(server: RunningServer, alice: Desk, bob: Puppet) -> None:
    async with server.broker():
        sent = await ask(server, "any:skill=dig")
        asked, _ = await alice.take()
        error = RunError(run_id=asked.run, reason="internal", message="no")
        await alice.report(asked, RunStarted(run_id=asked.run), error)
        await ended_as(server, sent["conversation"], "RUN_ERROR")
    assert not await claim(alice.agent, asked.run)
    assert not await claim(bob, asked.run)
    assert not await claim(bob, "run_nobody_knows")


async def test_a_message_that_was_never_delivered_may_be_anothers_when_it_is_sent_again(
    server: RunningServer, alice: Desk, bob: Puppet, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a run that bob has claimed, and whose message a broker puts aside
    sent = await ask(server, "any:skill=dig")
    assert await claim(bob, sent["run_id"])
    failing, decide = [True], loop.decide

    def fail(message: Any, *others: Any) -> Any:
        if failing and message.type == MessageType.CHAT.value:
            failing.clear()
            raise RuntimeError("the broker has a fault")
        return decide(message, *others)

    monkeypatch.setattr(loop, "decide", fail)
    async with server.broker():
        await ended_as(server, sent["conversation"], "RUN_ERROR")

        # When a person sends it again
        [letter] = (await server.get(LETTERS))["items"]
        await server.post(f"{LETTERS}/{letter['id']}/replay", status=202)

        # Then the agent that gets it now may have it
        asked, _ = await alice.take()
        assert asked.run == sent["run_id"]
        assert await claim(alice.agent, asked.run)
        await alice.answer(asked, "dug")
        await ended_as(server, sent["conversation"], "RUN_FINISHED")


async def test_a_claim_takes_what_is_free_only(store: Store) -> None:
    def unit(tx: Any) -> list[str]:
        held = []
        for name, agent_id, ended_at in (("free", "", 0), ("held", "agt_1", 0), ("ended", "", 5)):
            run = Run(f"run_{name}", "cnv_1", "msg_1", agent_id, RunState.QUEUED, 1, 1)
            runs.add_run(tx, run)
            if ended_at:
                runs.save_run(tx, Run(run.id, "cnv_1", "msg_1", "", RunState.FAILED, 1, 1, ended_at=ended_at))
            runs.claim_run(tx, run.id, "agt_2")
            found = runs.run_by_id(tx, run.id)
            assert found
            held.append(found.agent_id)
        return held

    assert await store.write(unit) == ["agt_2", "agt_1", ""]
