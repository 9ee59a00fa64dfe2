"""Tells the server what becomes of commands, however often the connection breaks: progress by its offsets, results
until they are acknowledged."""

import asyncio
from collections.abc import Awaitable, Callable

import grpc
import structlog

from muster_agent.commands.running import RunningCommand
from muster_agent.control.access import CALL_S, Access, is_refusal
from muster_agent.control.backoff import Backoff
from muster_agent.journal.commands import CommandRows
from muster_messaging.link.problems import read_problem
from muster_protos.v1.commands_pb2 import CommandResult
from muster_protos.v1.commands_pb2_grpc import AgentCommandsStub

__all__ = ["Reporter"]

log = structlog.get_logger()

#: What the server says when trying again is pointless: it does not know the command (any more).
HOPELESS = frozenset({
    grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNIMPLEMENTED,
})  # fmt: skip


class Reporter:
    """Stateless but for the channel: what must not be forgotten is in the command and in the journal."""

    def __init__(self, access: Access, rows: CommandRows) -> None:
        self._access = access
        self._rows = rows

    async def progress(self, command: RunningCommand) -> None:
        """Send a command's progress until it is closed; after a break everything that is held is sent again."""
        await self._persist(lambda: self._send_progress(command), command.command_id)

    async def result(self, result: CommandResult) -> None:
        """Send a result until the server has it; then the journal may forget that it owes it."""
        await self._persist(lambda: self._send_result(result), result.command_id)
        await self._rows.told(result.command_id)

    async def _persist(self, send: Callable[[], Awaitable[bool]], command_id: str) -> None:
        backoff = Backoff()
        while True:
            generation = self._access.generation
            try:
                if await send():
                    return
            except grpc.aio.AioRpcError as error:
                if is_refusal(error):
                    await self._access.refused(generation)
                elif error.code() in HOPELESS:
                    log.warning("the server takes no report", command=command_id, why=read_problem(error).detail)
                    return
                else:
                    log.debug("report interrupted", command=command_id, why=read_problem(error).detail)
            await self._access.pause(backoff.next())

    async def _send_progress(self, command: RunningCommand) -> bool:
        """Return whether the server has taken everything."""
        call = AgentCommandsStub(self._access.channel).SendCommandOutput(metadata=self._access.metadata())
        call.add_done_callback(lambda _: command.news.set())
        try:
            sent = 0
            while not (command.closed and sent == len(command.progress)):
                command.news.clear()
                while sent < len(command.progress):
                    await call.write(command.progress[sent])
                    sent += 1
                if not command.closed:
                    await command.news.wait()
                if call.done():
                    await call  # raises what ended it
                    return False
            await call.done_writing()
            async with asyncio.timeout(CALL_S):
                await call
        except asyncio.InvalidStateError:
            await call  # it ended while it was written to
            return False
        except TimeoutError:
            return False
        finally:
            call.cancel()
        return True

    async def _send_result(self, result: CommandResult) -> bool:
        await AgentCommandsStub(self._access.channel).SendCommandResult(
            result, metadata=self._access.metadata(), timeout=CALL_S
        )
        return True
