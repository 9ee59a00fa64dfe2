"""Ctrl-C and SIGTERM: the first asks to stop, the second cancels what is still going on, the third ends the process.

Handlers are Python's own, not the event loop's, so that the third one works although a handler blocks the loop.
"""

import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["stopping_signals"]

INTERRUPTED = 130


@contextmanager
def stopping_signals(stop: asyncio.Event) -> Iterator[None]:
    """Let signals set `stop`, in the main thread; elsewhere they are somebody else's."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    received = 0

    def heard(_number: int, _frame: FrameType | None) -> None:
        nonlocal received
        received += 1
        if received == 1:
            loop.call_soon_threadsafe(stop.set)
        elif received == 2 and task is not None:
            loop.call_soon_threadsafe(task.cancel)
        else:
            os._exit(INTERRUPTED)

    before = {number: signal.signal(number, heard) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
