"""One running program: its output as it comes, its end, and a stop that is confirmed.

A thread for each of its two outputs reads into a bounded log; when the log is full, the thread waits, the pipe fills,
and the program waits too. So a flood costs neither memory nor the event loop's time. A third thread waits for the end.
"""

import asyncio
import contextlib
import os
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple

from muster_agent.clock import now_ms
from muster_agent.machine import System, this_system
from muster_agent.machine.output import OutputLog, Piece

__all__ = ["Program", "StopReport"]

READ_BYTES = 64 * 1024
#: Bytes waiting to be taken at which reading pauses.
FULL_BYTES = 512 * 1024
#: After a program's end, how long its outputs may stay open: somebody it started may have inherited them.
DRAIN_S = 0.5
#: Between looks at whether the processes are gone.
LOOK_S = 0.02
#: How long after SIGKILL the processes may take to vanish.
KILL_S = 10.0
#: How long a program that nobody wants any more may take to end before it is killed.
UNWANTED_S = 2.0


class StopReport(NamedTuple):
    """What became of a stop. `confirmed_at_ms` is 0 when processes survived it."""

    acknowledged_at_ms: int
    confirmed_at_ms: int
    processes: int


class Program:
    """A started program; `mark` is the value of MUSTER_COMMAND_ID in its environment."""

    def __init__(self, process: "subprocess.Popen[bytes]", mark: str, system: System) -> None:
        self._process = process
        self._mark = mark
        self._system = system
        self._log = OutputLog()
        self._room = threading.Condition()
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._noted = False
        self._open_outputs = 2
        self._over = False
        self._released = False
        self._exited: asyncio.Future[int] = self._loop.create_future()
        self._drained = asyncio.Event()
        self.pid = process.pid
        self.started_at_ms = now_ms()
        for stderr, pipe in ((False, process.stdout), (True, process.stderr)):
            assert pipe is not None
            self._thread(self._read, stderr, pipe)
        self._thread(self._wait)

    @classmethod
    async def start(cls, argv: Sequence[str], *, cwd: Path, environment: Mapping[str, str], mark: str) -> "Program":
        """Start exactly `argv`, no shell; raises OSError or ValueError when that is not possible."""
        system = this_system()
        # In a thread: the caller of exec waits until the new program is loaded.
        starting = asyncio.ensure_future(asyncio.to_thread(system.spawn, argv, cwd, environment))
        try:
            return cls(await asyncio.shield(starting), mark, system)
        except asyncio.CancelledError:
            # It starts all the same, and nobody else would end it.
            await asyncio.wait({starting})
            if starting.exception() is None:
                program = cls(starting.result(), mark, system)
                await program.stop(UNWANTED_S)
                program.release()
            raise

    @property
    def output_bytes(self) -> int:
        """Everything it printed so far, counted."""
        return self._log.total

    @property
    def running(self) -> bool:
        """Whether its first process lives."""
        return not self._exited.done()

    def take(self, *, everything: bool = False) -> list[Piece]:
        """Return the output since the last call."""
        with self._room:
            pieces = self._log.take(everything=everything)
            self._noted = False
            self._news.clear()
            self._room.notify_all()
        return pieces

    @property
    def waiting_bytes(self) -> int:
        """Output that can be taken now."""
        return self._log.waiting

    async def news(self) -> None:
        """Return when there is output to take, or the program has ended."""
        await self._news.wait()

    async def ended(self) -> int:
        """Return the exit code (negative: the signal that killed it) after its output is read."""
        code = await asyncio.shield(self._exited)
        # Somebody it started may keep the pipes open: what they say later is not this program's output.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                await self._drained.wait()
        return code

    async def members(self) -> list[int]:
        """Return its living processes."""
        return await asyncio.to_thread(self._system.members, self.pid, self._mark)

    async def stop(self, grace_s: float, acknowledged: Callable[[int, int], None] = lambda *_: None) -> StopReport:
        """Ask all its processes to end, kill them after `grace_s`, and return when none is left.

        `acknowledged(at_ms, processes)` is called once they have been asked.
        """
        count = await asyncio.to_thread(self._system.signal, self.pid, self._mark, kill=False)
        asked_at = now_ms()
        acknowledged(asked_at, count)
        if not await self._gone(grace_s):
            await asyncio.to_thread(self._system.signal, self.pid, self._mark, kill=True)
            if not await self._gone(KILL_S):
                return StopReport(asked_at, 0, count)
        return StopReport(asked_at, now_ms(), count)

    def release(self) -> None:
        """Let go of the outputs; call when nothing more is wanted of it."""
        with self._room:
            self._released = True
            self._room.notify_all()

    async def _gone(self, within_s: float) -> bool:
        """Wait until nobody is left: look at those who are known often, for others when those are gone."""
        give_up_at = self._loop.time() + within_s
        killing = within_s == KILL_S
        known = await self.members()
        while known:
            if self._loop.time() >= give_up_at:
                return False
            await asyncio.sleep(LOOK_S)
            known = self._system.alive(known)
            if not known:
                known = await self.members()
                if known and killing:  # forked between the look and the signal
                    await asyncio.to_thread(self._system.signal, self.pid, self._mark, kill=True)
        return True

    def _thread(self, work: Callable[..., None], *arguments: object) -> None:
        threading.Thread(target=work, args=arguments, daemon=True, name=f"program-{self.pid}").start()

    def _read(self, stderr: bool, pipe: IO[bytes]) -> None:
        with pipe:
            while data := self._read_some(pipe):
                with self._room:
                    # After the program's end its pipes hold little: that is taken in without waiting.
                    while self._log.waiting >= FULL_BYTES and not (self._over or self._released):
                        self._room.wait()
                    self._log.push(stderr, data)
                    unbraked = self._log.over_the_bound
                self._note()
                if unbraked:  # nothing is taken any more, so nothing else would slow a flood down
                    time.sleep(0.001)
        self._tell(self._output_closed)

    def _read_some(self, pipe: IO[bytes]) -> bytes:
        try:
            while not self._system.wait_readable(pipe.fileno(), LOOK_S * 10):
                if self._released:
                    return b""
            return b"" if self._released else os.read(pipe.fileno(), READ_BYTES)
        except OSError:
            return b""

    def _note(self) -> None:
        if not self._noted:
            self._noted = True
            self._tell(self._news.set)

    def _output_closed(self) -> None:
        self._open_outputs -= 1
        if self._open_outputs == 0:
            self._drained.set()

    def _wait(self) -> None:
        code = self._process.wait()
        with self._room:
            self._over = True
            self._room.notify_all()
        self._tell(self._end, code)

    def _end(self, code: int) -> None:
        if not self._exited.done():
            self._exited.set_result(code)
        self._news.set()

    def _tell(self, callback: Callable[..., object], *arguments: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens any more
            self._loop.call_soon_threadsafe(callback, *arguments)
