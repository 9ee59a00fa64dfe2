"""The command stream: kept open, opened anew when it breaks, its instructions handed on one by one."""

import asyncio
from collections.abc import Callable

import grpc
import structlog

from muster_agent.clock import awake_s, now_ms
from muster_agent.commands.service import Commands
from muster_agent.control.access import Access, is_refusal
from muster_agent.control.backoff import Backoff
from muster_agent.control.board import NOT_TOLD, Board
from muster_messaging.link.problems import read_problem
from muster_protos.v1.commands_pb2 import Instruction, ReceiveCommandsRequest
from muster_protos.v1.commands_pb2_grpc import AgentCommandsStub

__all__ = ["CommandStream"]

log = structlog.get_logger()

#: The server says at every heartbeat whether it sees this stream: so long may it deny what we believe.
DISBELIEF_S = 15.0
LOOK_S = 1.0
#: A stream that lived so long was good: the next one is opened soon.
STEADY_S = 10.0


class CommandStream:
    """One for the agent. `stop_run(run id)` is called for runs that people stop."""

    def __init__(self, access: Access, commands: Commands, board: Board, stop_run: Callable[[str], None]) -> None:
        self._access = access
        self._commands = commands
        self._board = board
        self._stop_run = stop_run
        self._backoff = Backoff()
        board.told_since_ms = NOT_TOLD

    async def run(self) -> None:
        """Receive for ever; raises MusterError when the server will not have us back."""
        while True:
            generation = self._access.generation
            pause_s = 0.0
            began_at = awake_s()
            try:
                pause_s = await self._receive()
            except grpc.aio.AioRpcError as error:
                if is_refusal(error):
                    await self._access.refused(generation)
                else:
                    log.debug("command stream interrupted", why=read_problem(error).detail)
            if awake_s() - began_at > STEADY_S:
                self._backoff.reset()
            if pause_s:
                await asyncio.sleep(pause_s)
            await self._access.pause(self._backoff.next())

    async def _receive(self) -> float:
        """Follow instructions until the stream ends; return how long the server wants us to stay away, in seconds."""
        call = AgentCommandsStub(self._access.channel).ReceiveCommands(
            ReceiveCommandsRequest(running=self._commands.in_hand), metadata=self._access.metadata()
        )
        watch = asyncio.create_task(self._watch(call))
        try:
            await call.wait_for_connection()
            self._board.told_since_ms = now_ms()
            async for instruction in call:
                if instruction.HasField("goodbye"):
                    return float(instruction.goodbye.reconnect_after_ms) / 1000
                self._follow(instruction)
        except asyncio.CancelledError:
            if call.cancelled() and not _being_cancelled():
                return 0.0  # by the watch
            raise
        finally:
            self._board.told_since_ms = NOT_TOLD
            watch.cancel()
            call.cancel()
            await asyncio.wait({watch})
        return 0.0

    async def _watch(self, call: grpc.aio.UnaryStreamCall) -> None:
        """End a stream of which the server knows nothing: it would stay silent for ever."""
        denied_s = 0.0
        while denied_s < DISBELIEF_S:
            await asyncio.sleep(LOOK_S)
            denied_s = denied_s + LOOK_S if self._board.commands_attached is False and self._board.lease_holds else 0.0
        log.warning("the server does not see the command stream: opening it anew")
        call.cancel()

    def _follow(self, instruction: Instruction) -> None:
        what = instruction.WhichOneof("what")
        if what == "run_program":
            self._commands.take(instruction.run_program)
        elif what == "stop_command":
            self._commands.stop(instruction.stop_command)
        elif what == "stop_run":
            self._stop_run(instruction.stop_run.run_id)
        else:
            log.warning("an instruction that this agent does not know", what=what)


def _being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
