"""What agents ask about runs over gRPC."""

import grpc

from muster_protos.v1 import runs_pb2 as wire
from muster_protos.v1.runs_pb2_grpc import AgentRunsServicer
from muster_server.access.core import Operation
from muster_server.conversations.claiming import Claims
from muster_server.edge.rpc import RpcGuard, answering

__all__ = ["RunsService"]


class RunsService(AgentRunsServicer):
    """The service AgentRuns."""

    def __init__(self, claims: Claims, guard: RpcGuard) -> None:
        self._claims = claims
        self._guard = guard

    async def ClaimRun(self, request: wire.ClaimRunRequest, context: grpc.aio.ServicerContext) -> wire.ClaimRunResponse:
        """Say whether the agent may begin a run."""
        async with answering(context):
            principal = await self._guard.need(context, Operation.CLAIM_RUN)
            return wire.ClaimRunResponse(granted=await self._claims.claim(principal.id, request.run_id))
        raise AssertionError
