"""Commands from their arrival to the acknowledged result.

The laws: a program is started only after the journal says so, and only if the journal did not know it; so a command
runs at most once, whatever dies. A result is in the journal before it is sent, and stays until the server has it.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import structlog

from muster_agent.clock import now_ms
from muster_agent.commands.core import Do, Verdict, after_crash, judge, without_running
from muster_agent.commands.reporter import Reporter
from muster_agent.commands.running import RunningCommand
from muster_agent.control.board import Board
from muster_agent.journal.commands import CommandRow, CommandRows
from muster_agent.machine import end_leftovers
from muster_protos.v1.commands_pb2 import OUTCOME_REFUSED, CommandResult, RunProgram, StopCommand

__all__ = ["Commands"]

log = structlog.get_logger()

#: Programs at the same time; more wait, and may expire meanwhile.
AT_ONCE = 16
#: Commands in hand; more are refused.
LIMIT = 500
TOMBSTONES = 1000
#: Between asking and killing when the agent itself stops, and how long its results may take to be heard.
STOP_GRACE_S = 2.0
FAREWELL_S = 5.0


class Commands:
    """One for the agent. `refuses(program)` says why the agent's policy is against a program, or nothing."""

    def __init__(
        self, rows: CommandRows, reporter: Reporter, board: Board, *, agent_id: str, workdir: Path,
        environment: Callable[[], dict[str, str]], refuses: Callable[[RunProgram], str],
    ) -> None:  # fmt: skip
        self._rows = rows
        self._reporter = reporter
        self._board = board
        self._agent_id = agent_id
        self._workdir = workdir
        self._environment = environment
        self._refuses = refuses
        self._places = asyncio.Semaphore(AT_ONCE)
        self._commands: dict[str, RunningCommand] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped_before: OrderedDict[str, None] = OrderedDict()
        self._stopping = False

    @property
    def in_hand(self) -> list[str]:
        """The commands that need not be sent again."""
        return list(self._commands)

    def resume(self) -> None:
        """Report what the last process could not: results it had, and commands at which it died."""
        for row in self._rows.untold():
            self._spawn(self._report_again(row))

    def take(self, program: RunProgram) -> None:
        """Follow an instruction to run a program."""
        command_id = program.command_id
        row = self._rows.find(command_id)
        verdict = judge(
            program,
            in_hand=command_id in self._commands,
            journalled=row is not None,
            stopped=command_id in self._stopped_before,
            refusal=self._refuses(program),
            now_ms=now_ms(),
        )
        if verdict.do is Do.RUN and (self._stopping or len(self._commands) >= LIMIT):
            verdict = Verdict(Do.DECLINE, OUTCOME_REFUSED, f"The agent has {len(self._commands)} commands in hand.")
        if verdict.do is Do.RUN:
            command = RunningCommand(program, self._workdir, self._environment(), self._mark(command_id))
            self._commands[command_id] = command
            self._spawn(self._run(command, program))
        elif verdict.do is Do.DECLINE:
            self._stopped_before.pop(command_id, None)
            self._spawn(self._conclude(without_running(command_id, verdict, now_ms())))
        elif verdict.do is Do.REPORT and row is not None:
            self._spawn(self._report_again(row))

    def stop(self, order: StopCommand) -> None:
        """Follow an instruction to stop a command, in hand or not yet here."""
        command = self._commands.get(order.command_id)
        if command is not None:
            command.stop(order.grace_ms / 1000)
        if command is None or not command.progress:
            self._stopped_before[order.command_id] = None
            if len(self._stopped_before) > TOMBSTONES:
                self._stopped_before.popitem(last=False)

    async def close(self) -> None:
        """Stop what runs, and tell the server if it listens; what it does not hear is told at the next start."""
        self._stopping = True
        for command in self._commands.values():
            command.stop(STOP_GRACE_S, "The agent was stopped.")
        if self._tasks:
            _, left = await asyncio.wait(self._tasks, timeout=STOP_GRACE_S + FAREWELL_S)
            for task in left:
                task.cancel()
            if left:
                await asyncio.wait(left)

    async def _run(self, command: RunningCommand, program: RunProgram) -> None:
        reporting: asyncio.Task[None] | None = None
        try:
            async with self._places:
                if self._stopping:
                    return  # nothing was begun: the server sends it again
                if (late := self._too_late(program)) is not None:
                    await self._conclude(without_running(program.command_id, late, now_ms()))
                    return
                await self._rows.begin(program.command_id)
                reporting = self._spawn(self._reporter.progress(command))
                self._board.did = f"$ {program.shell or ' '.join(program.argv)}"
                log.info("command", id=program.command_id, argv=list(program.argv) or program.shell, by=program.by)
                result = await command.run()
            await self._rows.end(program.command_id, result.SerializeToString())
            await reporting
            await self._reporter.result(result)
        finally:
            command.close()
            del self._commands[program.command_id]

    def _too_late(self, program: RunProgram) -> Verdict | None:
        """Judge once more: it may have waited long for its place."""
        verdict = judge(
            program, in_hand=False, journalled=False, stopped=program.command_id in self._stopped_before, refusal="",
            now_ms=now_ms(),
        )  # fmt: skip
        return None if verdict.do is Do.RUN else verdict

    async def _conclude(self, result: CommandResult) -> None:
        await self._rows.end(result.command_id, result.SerializeToString())
        await self._reporter.result(result)

    async def _report_again(self, row: CommandRow) -> None:
        if row.result is not None:
            await self._reporter.result(CommandResult.FromString(row.result))
            return
        if row.command_id in self._commands:
            return
        ended = await asyncio.to_thread(end_leftovers, [self._mark(row.command_id)])
        await self._conclude(after_crash(row.command_id, row.at_ms, ended, now_ms()))

    def _mark(self, command_id: str) -> str:
        """Return what marks this agent's programs of a command; other agents here may run the same one."""
        return f"{self._agent_id}/{command_id}"

    def _spawn(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("a command could not be followed", why=str(task.exception()))
