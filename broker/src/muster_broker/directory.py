"""Follows the server's status stream; what the fleet looked like last stays while the server is away."""

import asyncio
import random
from collections.abc import Callable

import grpc
import structlog

from muster_broker.core.fleet import Fleet, Known
from muster_broker.joining import Membership
from muster_messaging.link.problems import read_problem
from muster_protos.v1.status_pb2 import AgentRecord, AgentStatusChange, SubscribeToAgentStatusRequest
from muster_protos.v1.status_pb2_grpc import AgentStatusStub
from muster_shared_models.problems import MusterError, Reason

__all__ = ["Directory"]

#: Seconds between attempts to follow: full jitter, doubled from the first to the longest.
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 3.0

log = structlog.get_logger()


class Directory:
    """Fills a fleet; calls `on_release` with an agent that was let out of quarantine."""

    def __init__(self, membership: Membership, fleet: Fleet, on_release: Callable[[str], None]) -> None:
        self._membership = membership
        self._fleet = fleet
        self._on_release = on_release
        self.known = asyncio.Event()

    async def run(self) -> None:
        """Follow for ever."""
        pause = FIRST_PAUSE_S
        while True:
            try:
                await self._follow()
                pause = FIRST_PAUSE_S
            except grpc.aio.AioRpcError as error:
                problem = read_problem(error)
                log.info("status stream ended", detail=problem.detail)
                await self._maybe_register(problem)
            await asyncio.sleep(random.uniform(0, pause))  # noqa: S311 - jitter
            pause = min(LONGEST_PAUSE_S, pause * 2)

    async def _maybe_register(self, problem: MusterError) -> None:
        if problem.reason is not Reason.UNAUTHENTICATED:
            return
        try:
            await self._membership.register()
        except MusterError as error:
            log.warning("registering again failed", detail=error.detail)

    async def _follow(self) -> None:
        call = AgentStatusStub(self._membership.channel).SubscribeToAgentStatus(
            SubscribeToAgentStatusRequest(), metadata=self._membership.metadata()
        )
        async for change in call:
            self._take(change)

    def _take(self, change: AgentStatusChange) -> None:
        what = change.WhichOneof("change")
        if what == "snapshot":
            agents = [_known(record) for record in change.snapshot.agents]
            for agent in agents:
                self._release(agent)
            self._fleet.reset(agents)
            self.known.set()
        elif what == "changed":
            agent = _known(change.changed)
            self._release(agent)
            self._fleet.put(agent)
        elif what == "removed":
            self._fleet.remove(change.removed)

    def _release(self, agent: Known) -> None:
        before = self._fleet.find(agent.id)
        if before and before.quarantined and not agent.quarantined:
            self._on_release(agent.id)


def _known(record: AgentRecord) -> Known:
    return Known(
        id=record.agent_id,
        name=record.name,
        labels=dict(record.labels),
        skills=frozenset(record.skills),
        attached=record.attached,
        accepts_work=record.accepts_work,
        runs=record.runs,
        slots=record.slots,
        last_heard_ms=record.last_heard_ms,
        quarantined=record.quarantined,
    )
