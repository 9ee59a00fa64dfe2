"""Presence over gRPC: heartbeats in, the status stream for brokers out."""

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

import grpc

from muster_protos.v1 import status_pb2 as status
from muster_protos.v1.status_pb2_grpc import AgentStatusServicer
from muster_server.access.core import Operation
from muster_server.agents.core import Beat
from muster_server.agents.hearing import Hearing
from muster_server.agents.registry import Agent
from muster_server.agents.service import Agents
from muster_server.clock import Clock
from muster_server.edge.rpc import RpcGuard, answering, is_local
from muster_shared_models.agents import AgentState, RunBrief
from muster_shared_models.model import from_ms
from muster_shared_models.problems import MusterError, Reason

__all__ = ["AgentStatusService"]

#: Changes that may wait for a slow broker before it has to begin anew.
MAX_CHANGES = 10_000

_LIFECYCLES = {
    status.LIFECYCLE_PAUSED: "paused",
    status.LIFECYCLE_DRAINING: "draining",
    status.LIFECYCLE_STOPPING: "stopping",
    status.LIFECYCLE_FAILED: "failed",
}


class Way(Protocol):
    """Says which way agents take to the queue server."""

    def __call__(self, *, local: bool) -> str:
        """Return amqp or relay; `local`: for those on the server's own machine."""
        ...


class Routers(Protocol):
    """Who is told that a broker follows the fleet."""

    def connected(self, broker_id: str) -> None:
        """It does."""
        ...

    def disconnected(self, broker_id: str) -> None:
        """It does no longer."""
        ...


class AgentStatusService(AgentStatusServicer):
    """Heartbeats in, presence out."""

    def __init__(
        self, agents: Agents, hearing: Hearing, brokers: Routers, guard: RpcGuard, clock: Clock, way: Way
    ) -> None:
        self._agents = agents
        self._hearing = hearing
        self._brokers = brokers
        self._way = way
        self._guard = guard
        self._clock = clock

    async def ReportStatus(
        self, requests: AsyncIterator[status.Heartbeat], context: grpc.aio.ServicerContext
    ) -> AsyncIterator[status.HeartbeatReply]:
        """Take an agent's heartbeats and say what the server believes."""
        async with answering(context), self._guard.serving(context, Operation.REPORT_STATUS) as principal:
            agent_id = principal.id
            self._hearing.status_opened(agent_id, self._way(local=is_local(context)))
            try:
                async for said in requests:
                    stale = self._hearing.beat(agent_id, _beat(said))
                    yield status.HeartbeatReply(
                        number=said.number,
                        server_time_ms=self._clock(),
                        commands_attached=bool(self._agents.need(agent_id).facts.commands_since),
                        runs_to_stop=stale,
                    )
            finally:
                self._hearing.status_closed(agent_id)

    async def SubscribeToAgentStatus(
        self, request: status.SubscribeToAgentStatusRequest, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[status.AgentStatusChange]:
        """Send every agent, then changes."""
        async with answering(context), self._guard.serving(context, Operation.FOLLOW_STATUS) as principal:
            broker_id = principal.id
            changes: asyncio.Queue[Agent | str] = asyncio.Queue(MAX_CHANGES)
            slow = asyncio.Event()

            def follow(change: Agent | str) -> None:
                try:
                    changes.put_nowait(change)
                except asyncio.QueueFull:
                    slow.set()

            unfollow = self._hearing.follow(follow)
            self._brokers.connected(broker_id)
            try:
                snapshot = status.AgentStatusSnapshot(agents=[_record(agent) for agent in self._agents.everyone()])
                yield status.AgentStatusChange(sequence=1, snapshot=snapshot)
                sequence = 1
                while not slow.is_set():
                    change = await changes.get()
                    sequence += 1
                    if isinstance(change, str):
                        yield status.AgentStatusChange(sequence=sequence, removed=change)
                    else:
                        yield status.AgentStatusChange(sequence=sequence, changed=_record(change))
            finally:
                unfollow()
                self._brokers.disconnected(broker_id)
            raise MusterError(Reason.OVERLOADED, "Too many changes waited for you.", "Subscribe again.")


def _beat(said: status.Heartbeat) -> Beat:
    runs = [
        RunBrief(
            run_id=run.run_id,
            conversation=run.conversation,
            title=run.title[:200],
            started_at=from_ms(run.started_at_ms) if run.started_at_ms else None,
        )
        for run in said.runs[:1024]
    ]
    return Beat(
        started_at=said.started_at_ms,
        load=min(100, said.load_percent),
        consumer=said.consumer_attached,
        slots=said.slots,
        runs=tuple(runs),
        last_line=said.last_line[:200],
        lag_ms=said.loop_lag_ms,
        lifecycle=_LIFECYCLES.get(said.lifecycle, "running"),
    )


def _record(agent: Agent) -> status.AgentRecord:
    facts = agent.facts
    beat = facts.beat
    return status.AgentRecord(
        agent_id=agent.id,
        name=agent.description.name,
        labels=agent.description.labels,
        skills=agent.description.skills,
        attached=agent.attached,
        accepts_work=agent.shown.state not in (AgentState.PAUSED, AgentState.DRAINING, AgentState.QUARANTINED),
        quarantined=facts.quarantined is not None,
        runs=len(beat.runs) if beat else 0,
        slots=agent.description.slots,
        last_heard_ms=facts.last_beat_at or agent.row.last_heard_at,
    )
