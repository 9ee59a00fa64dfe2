"""Commands over gRPC: instructions out, progress and results in."""

from collections.abc import AsyncIterator
from typing import Protocol

import grpc

from muster_protos.v1 import commands_pb2 as wire
from muster_protos.v1.commands_pb2_grpc import AgentCommandsServicer
from muster_server.access.core import Operation
from muster_server.commands.core import MOST_PRINTED, Result
from muster_server.commands.progress import Piece, Progress
from muster_server.commands.service import Commands
from muster_server.edge.rpc import RpcGuard, answering
from muster_shared_models.commands import OutputStream, TargetState
from muster_shared_models.problems import MusterError, Reason

__all__ = ["CommandsService", "Presence"]

_STATES = {
    wire.OUTCOME_EXITED: TargetState.DONE,
    wire.OUTCOME_STOPPED: TargetState.STOPPED,
    wire.OUTCOME_TIMED_OUT: TargetState.TIMED_OUT,
    wire.OUTCOME_REFUSED: TargetState.REFUSED,
    wire.OUTCOME_EXPIRED: TargetState.EXPIRED,
    wire.OUTCOME_NOT_STARTED: TargetState.FAILED,
    wire.OUTCOME_INTERRUPTED: TargetState.INTERRUPTED,
}
#: Outcomes of a program that ran, and so has an exit code.
_RAN = frozenset({wire.OUTCOME_EXITED, wire.OUTCOME_STOPPED, wire.OUTCOME_TIMED_OUT})
MAX_DETAIL = 2_000


class Presence(Protocol):
    """Who is told that a command stream is open."""

    def commands_opened(self, agent_id: str) -> None:
        """It is open."""
        ...

    def commands_closed(self, agent_id: str) -> None:
        """It has ended."""
        ...


class CommandsService(AgentCommandsServicer):
    """The service AgentCommands."""

    def __init__(self, commands: Commands, progress: Progress, presence: Presence, guard: RpcGuard) -> None:
        self._commands = commands
        self._progress = progress
        self._presence = presence
        self._guard = guard

    async def ReceiveCommands(
        self, request: wire.ReceiveCommandsRequest, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[wire.Instruction]:
        """Send what the agent has to do."""
        async with answering(context), self._guard.serving(context, Operation.RECEIVE_COMMANDS) as principal:
            agent_id = principal.id
            feed = await self._commands.open_feed(agent_id, list(request.running))
            self._presence.commands_opened(agent_id)
            try:
                # Metadata first: the agent then knows that it is attached, though there is nothing to do.
                await context.send_initial_metadata(())
                while (instruction := await feed.next()) is not None:
                    yield instruction
            finally:
                self._commands.close_feed(agent_id, feed)
                self._presence.commands_closed(agent_id)

    async def SendCommandOutput(
        self, requests: AsyncIterator[wire.CommandProgress], context: grpc.aio.ServicerContext
    ) -> wire.SendCommandOutputResponse:
        """Take what happens while a command runs."""
        async with answering(context), self._guard.serving(context, Operation.SEND_COMMAND_OUTPUT) as principal:
            agent_id = principal.id
            async for said in requests:
                await self._take(agent_id, said)
        return wire.SendCommandOutputResponse()

    async def _take(self, agent_id: str, said: wire.CommandProgress) -> None:
        what = said.WhichOneof("what")
        if what == "started":
            await self._progress.started(said.command_id, agent_id, said.started.pid)
        elif what == "stop_acknowledged":
            await self._progress.stop_acknowledged(said.command_id, agent_id)
        elif what == "output":
            output = said.output
            stream = OutputStream.STDERR if output.stderr else OutputStream.STDOUT
            if output.offset > MOST_PRINTED:
                raise MusterError(Reason.INVALID_REQUEST, f"No program prints {output.offset} bytes.")
            await self._progress.output(said.command_id, agent_id, Piece(stream, output.offset, output.data))

    async def SendCommandResult(
        self, request: wire.CommandResult, context: grpc.aio.ServicerContext
    ) -> wire.SendCommandResultResponse:
        """Take how a command ended; a repeated result changes nothing."""
        async with answering(context):
            agent_id = (await self._guard.need(context, Operation.SEND_COMMAND_RESULT)).id
            state = _STATES.get(request.outcome)
            if state is None:
                raise MusterError(Reason.INVALID_REQUEST, "The result has no outcome.")
            ran = request.outcome in _RAN
            result = Result(
                state=state,
                exit_code=request.exit_code if ran else None,
                duration_ms=max(0, request.ended_at_ms - request.started_at_ms) if ran else 0,
                detail=request.detail[:MAX_DETAIL],
                stop_acknowledged_at=request.stop_acknowledged_at_ms,
                stop_confirmed_at=request.stop_confirmed_at_ms,
                processes_ended=request.processes_ended,
                output_bytes=request.output_bytes,
            )
            await self._progress.finished(request.command_id, agent_id, result)
        return wire.SendCommandResultResponse()
