"""One command while it runs: its program, what there is to report of it, and its end."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from muster_agent.clock import now_ms
from muster_agent.machine import this_system
from muster_agent.machine.contract import MARK
from muster_agent.machine.output import Piece
from muster_agent.machine.program import Program, StopReport
from muster_protos.v1.commands_pb2 import (
    OUTCOME_EXITED,
    OUTCOME_NOT_STARTED,
    OUTCOME_STOPPED,
    OUTCOME_TIMED_OUT,
    CommandOutput,
    CommandProgress,
    CommandResult,
    CommandStarted,
    RunProgram,
    StopAcknowledged,
)

__all__ = ["RunningCommand"]

#: Output is passed on at most so often.
FLUSH_S = 0.05
DEFAULT_TIMEOUT_S = 600
#: Between asking and killing, when a time limit ends a command.
TIMEOUT_GRACE_S = 5.0


#: For the program itself: which command it is.
COMMAND_ID = "MUSTER_COMMAND_ID"


class RunningCommand:
    """A command in hand. `progress` only grows; `news` is set when it has."""

    def __init__(self, program: RunProgram, workdir: Path, environment: Mapping[str, str], mark: str) -> None:
        self.command_id = program.command_id
        self.progress: list[CommandProgress] = []
        self.news = asyncio.Event()
        #: Nothing more will be added to `progress`.
        self.closed = False
        self._order = program
        self._workdir = workdir
        self._environment = {**environment, COMMAND_ID: program.command_id, MARK: mark}
        self._mark = mark
        self._program: Program | None = None
        self._stopping: asyncio.Task[StopReport] | None = None
        self._why_stopped = ""
        self._timed_out = False
        self._stop_at_once = False

    async def run(self) -> CommandResult:
        """Run it to its end and return the result; cancelling kills its processes."""
        argv = list(self._order.argv) or this_system().shell(self._order.shell)
        try:
            self._program = await Program.start(argv, cwd=self._workdir, environment=self._environment, mark=self._mark)
        except (OSError, ValueError) as error:
            return self._not_started(error, argv[0])
        program = self._program
        self._add(CommandProgress(
            command_id=self.command_id,
            started=CommandStarted(started_at_ms=program.started_at_ms, pid=program.pid),
        ))  # fmt: skip
        if self._stop_at_once:
            self.stop(0)
        pump = asyncio.create_task(self._pump(program))
        try:
            code = await self._end_in_time(program)
            report = await self._stopping if self._stopping else None
            detail = self._why_stopped or await _left_behind(program, stopped=report is not None)
        except asyncio.CancelledError:
            await program.stop(0)
            raise
        finally:
            pump.cancel()
            await asyncio.wait({pump})
            self._pass_on(program.take(everything=True))
            program.release()
            self.close()
        return self._result(program, code, report, detail)

    def stop(self, grace_s: float, why: str = "") -> None:
        """Ask its processes to end, and kill them after `grace_s`; a second stop with less grace kills sooner."""
        self._why_stopped = self._why_stopped or why
        if self._program is None:
            self._stop_at_once = True
            return
        if self.closed or (self._stopping is not None and grace_s > 0):
            return
        self._stopping = asyncio.create_task(self._program.stop(grace_s, self._acknowledge))

    def close(self) -> None:
        """Add nothing more."""
        self.closed = True
        self.news.set()

    async def _end_in_time(self, program: Program) -> int:
        try:
            async with asyncio.timeout(self._order.timeout_s or DEFAULT_TIMEOUT_S):
                return await program.ended()
        except TimeoutError:
            self._timed_out = True
            self.stop(TIMEOUT_GRACE_S, f"It took longer than {self._order.timeout_s or DEFAULT_TIMEOUT_S} s.")
            return await program.ended()

    async def _pump(self, program: Program) -> None:
        while True:
            await program.news()
            self._pass_on(program.take())
            await asyncio.sleep(FLUSH_S)

    def _pass_on(self, pieces: list[Piece]) -> None:
        for piece in pieces:
            output = CommandOutput(offset=piece.offset, stderr=piece.stderr, data=piece.data, dropped=piece.dropped)
            self._add(CommandProgress(command_id=self.command_id, output=output))

    def _acknowledge(self, at_ms: int, processes: int) -> None:
        acknowledged = StopAcknowledged(at_ms=at_ms, processes=processes)
        self._add(CommandProgress(command_id=self.command_id, stop_acknowledged=acknowledged))

    def _add(self, progress: CommandProgress) -> None:
        self.progress.append(progress)
        self.news.set()

    def _not_started(self, error: OSError | ValueError, name: str) -> CommandResult:
        self.close()
        if isinstance(error, FileNotFoundError):
            what = f"the folder {self._workdir}" if not self._workdir.is_dir() else f"a program '{name}'"
            detail = f"There is not {what} on the agent's machine."
        elif isinstance(error, OSError):
            detail = f"'{name}' cannot be started: {error.strerror}."
        else:
            detail = f"'{name}' cannot be started: {error}."
        return CommandResult(
            command_id=self.command_id, outcome=OUTCOME_NOT_STARTED, ended_at_ms=now_ms(), detail=detail
        )

    def _result(self, program: Program, code: int, report: StopReport | None, detail: str) -> CommandResult:
        outcome = OUTCOME_TIMED_OUT if self._timed_out else OUTCOME_STOPPED if report else OUTCOME_EXITED
        if report is not None and not report.confirmed_at_ms:
            detail = f"{detail} Some of its processes could not be ended.".strip()
        return CommandResult(
            command_id=self.command_id,
            outcome=outcome,
            exit_code=code,
            started_at_ms=program.started_at_ms,
            ended_at_ms=now_ms(),
            output_bytes=program.output_bytes,
            detail=detail,
            stop_acknowledged_at_ms=report.acknowledged_at_ms if report else 0,
            stop_confirmed_at_ms=report.confirmed_at_ms if report else 0,
            processes_ended=report.processes if report else 0,
        )


async def _left_behind(program: Program, *, stopped: bool) -> str:
    """Say what a program left running when it ended by itself: that may be on purpose, so it is not ended."""
    left = 0 if stopped else len(await program.members())
    if not left:
        return ""
    return f"{left} process{'' if left == 1 else 'es'} that it started still run{'s' if left == 1 else ''}."
