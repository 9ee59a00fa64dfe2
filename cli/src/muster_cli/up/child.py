"""One process that `muster up` started: its log, its restarts, its end."""

import asyncio
import contextlib
import json
import logging
import random
import signal
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from logging.handlers import RotatingFileHandler
from pathlib import Path

from muster_cli.looping import LOADED
from muster_cli.output import say
from muster_cli.settings import child_environment, interpreter

__all__ = ["Child"]

LOG_BYTES = 5 * 1024 * 1024
LOG_FILES = 3
TAIL_LINES = 12
#: Seconds between restarts: doubled from the first to the longest; a process that lived longer than that starts anew.
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
STOP_TIMEOUT_S = 12.0


class Child:
    """A `muster` process that is started again when it ends by itself."""

    def __init__(self, name: str, arguments: Sequence[str], log_dir: Path) -> None:
        self.name = name
        self._arguments = arguments
        self._environment: asyncio.Future[Mapping[str, str]] = asyncio.get_running_loop().create_future()
        #: Set when its modules are loaded: it then only waits for its environment.
        self.loaded = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._stop = asyncio.Event()
        #: Whether it is started again when it ends. What never came up is explained instead.
        self.kept_up = True
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        log_dir.mkdir(parents=True, exist_ok=True)
        self._log = logging.Logger(name)
        self._file = RotatingFileHandler(log_dir / f"{name}.log", maxBytes=LOG_BYTES, backupCount=LOG_FILES)
        self._log.addHandler(self._file)

    def begin(self, environment: Mapping[str, str]) -> None:
        """Let it work, with this over the environment that it has from us."""
        self._environment.set_result(environment)

    @property
    def ended(self) -> bool:
        """Whether the process was started and lives no longer."""
        return self._process is not None and self._process.returncode is not None

    @property
    def tail(self) -> str:
        """The last lines of its log."""
        return "\n".join(self._tail)

    async def run(self) -> None:
        """Start it, and again whenever it ends, until stopped."""
        pause = FIRST_PAUSE_S
        loop = asyncio.get_running_loop()
        while not self._stop.is_set():
            began = loop.time()
            code = await self._once()
            if self._stop.is_set() or not self.kept_up:
                return
            if loop.time() - began > LONGEST_PAUSE_S:
                pause = FIRST_PAUSE_S
            say(f"{self.name} ended with {code}; its last lines:\n{self.tail}\nstarting it again in {pause:.0f} s")
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311 - jitter
            pause = min(LONGEST_PAUSE_S, pause * 2)

    async def _once(self) -> int:
        self._process = await asyncio.create_subprocess_exec(
            *interpreter(),
            *self._arguments,
            "--with-parent",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=child_environment(),
            # Ctrl-C in the terminal is for `muster up`, which stops everything in order.
            start_new_session=sys.platform != "win32",
        )
        assert self._process.stdout is not None
        while line := await self._line(self._process.stdout):
            if line.encode() == LOADED:
                self.loaded.set()
                await self._tell(self._process)
                continue
            self._tail.append(line.rstrip("\n"))
            self._log.info(line.rstrip("\n"))
        return await self._process.wait()

    async def _tell(self, process: asyncio.subprocess.Process) -> None:
        environment = await asyncio.shield(self._environment)
        assert process.stdin is not None
        with contextlib.suppress(ConnectionError):  # it ended: its last lines say why
            process.stdin.write(json.dumps(dict(environment)).encode() + b"\n")
            await process.stdin.drain()

    @staticmethod
    async def _line(stream: asyncio.StreamReader) -> str:
        try:
            return (await stream.readline()).decode(errors="replace")
        except ValueError:  # longer than the reader's limit: the rest comes next
            return "(a very long line)\n"

    async def stop(self) -> None:
        """Ask it to end, wait, and kill it when it does not."""
        self._stop.set()
        try:
            if self._process is not None and self._process.returncode is None:
                await self._end(self._process)
        finally:
            self._file.close()

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await process.wait()
        except TimeoutError:
            say(f"{self.name} did not stop within {STOP_TIMEOUT_S:.0f} s: killed")
            with contextlib.suppress(ProcessLookupError):
                process.kill()
