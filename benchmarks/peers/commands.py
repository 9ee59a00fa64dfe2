"""What a peer's process hears and says: on stdin lines of how much to do, on stdout `ready` and lines of figures.

Runs in the peers' environments: standard library only. When stdin ends, whoever started the process is gone.
"""

import asyncio
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable

__all__ = ["TEXT", "answer", "command", "end_with_parent", "keep_in_flight", "ready"]

TEXT = "x" * 300


def ready() -> None:
    """Say that this process is of use."""
    os.write(1, b"ready\n")


def command() -> tuple[int, int] | None:
    """Wait for a command: how many at a time, how many in all; None when there will be no more."""
    line = sys.stdin.readline()
    if not line:
        return None
    in_flight, count = line.split()
    return int(in_flight), int(count)


def answer(latencies_s: list[float], elapsed_s: float) -> None:
    """Say what was measured."""
    sys.stdout.write(json.dumps({"latencies_s": latencies_s, "elapsed_s": elapsed_s}) + "\n")
    sys.stdout.flush()


def end_with_parent() -> None:
    """End this process in order when its stdin ends."""

    def watch() -> None:
        while os.read(0, 64):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


async def keep_in_flight(ask: Callable[[], Awaitable[object]]) -> None:
    """Obey commands: as many talkers as are to be in flight, each of which asks again once it is answered."""
    while (told := await asyncio.to_thread(command)) is not None:
        in_flight, count = told
        latencies: list[float] = []

        async def talk(turns: int, latencies: list[float] = latencies) -> None:
            for _ in range(turns):
                began = time.perf_counter()
                await ask()
                latencies.append(time.perf_counter() - began)

        began = time.perf_counter()
        await asyncio.gather(*(talk(max(1, count // in_flight)) for _ in range(in_flight)))
        answer(latencies, time.perf_counter() - began)
