"""Small things that asyncio lacks."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from muster_shared_models.problems import MusterError

__all__ = ["cancel", "first_error", "for_ever", "unless"]

T = TypeVar("T")


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
