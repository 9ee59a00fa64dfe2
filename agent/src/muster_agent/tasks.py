"""Small things that asyncio lacks."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from muster_shared_models.problems import MusterError

__all__ = ["cancel", "first_error", "for_ever", "run_and_leave", "unless"]

T = TypeVar("T")

#: How long tasks that were left behind may take to end when they are cancelled for the last time.
LEAVE_S = 1.0


def run_and_leave(work: Coroutine[Any, Any, T], loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> T:
    """Run as `asyncio.run` does; but tasks that go on although they are cancelled are left behind with their loop."""
    runner = asyncio.Runner(loop_factory=loop_factory)
    try:
        return runner.run(work)
    finally:
        if runner.run(_end_others()):
            runner.close()


async def _end_others() -> bool:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    return not others or not (await asyncio.wait(others, timeout=LEAVE_S))[1]


async def unless(stop: asyncio.Event, coming: Coroutine[Any, Any, T]) -> T | None:
    """Return what comes, or None when `stop` is set before."""
    task = asyncio.ensure_future(coming)
    stopped = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped.cancel()
        if not task.done():
            await cancel(task)
    return None if task.cancelled() else task.result()


async def cancel(task: "asyncio.Future[Any]") -> None:
    """Cancel and wait until it has ended: channels are closed only when nobody reads from them."""
    task.cancel()
    await asyncio.wait({task})


async def for_ever(work: Any) -> None:
    """Await what never ends well."""
    await work


def first_error(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the error to tell: the first that we can explain."""
    for error in group.exceptions:
        if isinstance(error, MusterError):
            return error
    error = group.exceptions[0]
    return first_error(error) if isinstance(error, BaseExceptionGroup) else error
