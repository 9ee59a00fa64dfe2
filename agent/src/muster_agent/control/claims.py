"""Asks the server which runs are ours: of what could have gone to several agents, the first to ask has it."""

import asyncio

import grpc
import structlog

from muster_agent.control.access import CALL_S, Access, is_refusal
from muster_agent.control.backoff import Backoff
from muster_messaging.link.problems import read_problem
from muster_protos.v1.runs_pb2 import ClaimRunRequest
from muster_protos.v1.runs_pb2_grpc import AgentRunsStub
from muster_shared_models.problems import MusterError

__all__ = ["Claims"]

log = structlog.get_logger()

#: Nobody waits longer for an answer to a message; a run that old has ended at the server.
PATIENCE_S = 24 * 3600.0


class Claims:
    """Called with the id of a run."""

    def __init__(self, access: Access) -> None:
        self._access = access

    async def __call__(self, run_id: str) -> bool:
        """Return whether the run is ours, as soon as the server can be asked; False when it could not for a day."""
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + PATIENCE_S
        backoff = Backoff()
        while loop.time() < give_up_at:
            generation = self._access.generation
            try:
                answer = await AgentRunsStub(self._access.channel).ClaimRun(
                    ClaimRunRequest(run_id=run_id), metadata=self._access.metadata(), timeout=CALL_S
                )
            except grpc.aio.AioRpcError as error:
                log.debug("a run is not claimed yet", run=run_id, why=read_problem(error).detail)
                if is_refusal(error):
                    await self._join_again(generation)
            else:
                return bool(answer.granted)
            await self._access.pause(backoff.next())
        return False

    async def _join_again(self, generation: int) -> None:
        try:
            await self._access.refused(generation)
        except MusterError as error:
            log.debug("not let back in", why=error.detail)  # whoever keeps the agent attached ends it
