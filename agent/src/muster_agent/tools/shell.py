"""The tool `shell`: a line for the platform's shell, in the working folder, its output as it comes."""

import asyncio
import codecs
import contextlib
from collections.abc import Callable
from pathlib import Path

from pydantic import Field

from muster_agent.errors import ToolFailed
from muster_agent.machine import this_system
from muster_agent.machine.contract import MARK
from muster_agent.machine.output import Piece
from muster_agent.machine.program import Program
from muster_agent.runs.tool_text import ToolText
from muster_agent.tools.contract import Arguments, Live, Outcome, ToolSpec

__all__ = ["ShellTool"]

FLUSH_S = 0.05
#: Between asking its processes to end and killing them.
GRACE_S = 2.0


class ShellArguments(Arguments):
    """What `shell` wants."""

    command: str = Field(min_length=1, max_length=32_000, description="The line for the shell.")
    timeout_s: int = Field(default=120, ge=1, le=3600, description="Seconds after which it is ended.")


class ShellTool:
    """Runs a line; all its processes end with the call."""

    spec = ToolSpec(
        "shell", "Run a command line in the machine's shell and return its output and exit code.", ShellArguments,
        acts=True,
    )  # fmt: skip

    def __init__(self, workdir: Path, environment: Callable[[], dict[str, str]]) -> None:
        self._workdir = workdir
        self._environment = environment

    def describe(self, arguments: ShellArguments) -> tuple[str, str]:
        """Return the intent and the line."""
        return "Runs a command", arguments.command

    async def run(self, arguments: ShellArguments, live: Live, mark: str) -> Outcome:
        """Run it to its end, its time limit, or the run's stop."""
        heard = _Heard(live)
        try:
            program = await Program.start(
                this_system().shell(arguments.command), cwd=self._workdir,
                environment={**self._environment(), MARK: mark}, mark=mark,
            )  # fmt: skip
        except (OSError, ValueError) as error:
            raise ToolFailed(f"The shell cannot be started: {error}.") from error
        late = False
        pump = asyncio.create_task(_pump(program, heard))
        try:
            async with asyncio.timeout(arguments.timeout_s):
                code = await program.ended()
        except TimeoutError:
            late = True
            await program.stop(GRACE_S)
            code = await program.ended()
        except asyncio.CancelledError:
            await program.stop(GRACE_S)
            raise
        finally:
            pump.cancel()
            await asyncio.wait({pump})
            heard.take(program.take(everything=True))
            program.release()
        if late:
            live(f"\n(ended after {arguments.timeout_s} s)\n")
        said = heard.kept.kept() + (f"\n(ended after {arguments.timeout_s} s)" if late else "")
        return Outcome(
            f"{said}\nexit code: {code}", ok=code == 0 and not late, media="terminal", exit_code=code, shown=True
        )


class _Heard:
    """Bytes in pieces made into text, for people at once and for the model at the end."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._decoders = {flag: codecs.getincrementaldecoder("utf-8")("replace") for flag in (False, True)}
        self.kept = ToolText("")

    def take(self, pieces: list[Piece]) -> None:
        for piece in pieces:
            text = f"\n… {piece.dropped} bytes left out …\n" if piece.dropped else ""
            text += self._decoders[piece.stderr].decode(piece.data)
            if text:
                self.kept.add(text)
                self._live(text)


async def _pump(program: Program, heard: _Heard) -> None:
    with contextlib.suppress(asyncio.CancelledError):
        while True:
            await program.news()
            heard.take(program.take())
            await asyncio.sleep(FLUSH_S)
