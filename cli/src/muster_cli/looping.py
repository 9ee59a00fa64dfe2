"""Runs a coroutine on the fastest loop there is."""

import asyncio
import gc
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

from muster_cli.settings import take_environment

__all__ = ["LOADED", "follow_parent", "run_loop"]

#: What a child says when it can take its environment.
LOADED = b"loaded\n"

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


def follow_parent() -> None:
    """Be a child of `muster up`: say that the modules are loaded, take the environment, end when the parent is gone.

    The environment comes as a line of JSON on standard input: the children load while the server starts, so that what
    they need from it (a join token) is known only later; and nobody reads it in the list of processes.
    """
    import json  # noqa: PLC0415 - only children of `muster up` need these
    import os  # noqa: PLC0415
    import signal  # noqa: PLC0415
    import threading  # noqa: PLC0415

    # Not through sys.stdin: its lock would still be held when the interpreter shuts down.
    def more() -> bytes:
        return os.read(0, 65_536)

    os.write(1, LOADED)
    line = b""
    while not line.endswith(b"\n"):
        if not (part := more()):
            sys.exit(0)
        line += part
    take_environment(json.loads(line))

    def watch() -> None:
        while more():
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()
