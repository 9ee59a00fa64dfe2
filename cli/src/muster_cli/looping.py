"""Runs a coroutine on the fastest loop there is."""

import asyncio
import gc
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

__all__ = ["end_with_parent", "run_loop"]

T = TypeVar("T")


def run_loop(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run to the end, on uvloop where it exists."""
    # Threads here only wait for the disk: whoever comes back from it must not wait 5 ms for the interpreter.
    sys.setswitchinterval(0.0005)
    # Each message makes objects that go by themselves, hardly a cycle: looking for cycles took a third of the time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)
    try:
        import uvloop  # noqa: PLC0415 - does not exist on Windows
    except ImportError:
        return asyncio.run(coroutine)
    return uvloop.run(coroutine)


def end_with_parent() -> None:
    """Send this process SIGTERM when standard input ends: its parent, `muster up`, is gone."""
    import os  # noqa: PLC0415 - only children of `muster up` need these
    import signal  # noqa: PLC0415
    import threading  # noqa: PLC0415

    def watch() -> None:
        # Not through sys.stdin: its lock would still be held when the interpreter shuts down.
        while os.read(0, 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()
