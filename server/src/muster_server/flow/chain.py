"""One future after another, without a task for each."""

from asyncio import Future, get_running_loop
from collections.abc import Callable
from typing import TypeVar

__all__ = ["done", "then"]

A = TypeVar("A")
B = TypeVar("B")


def done() -> "Future[None]":
    """Return a future that has ended well."""
    future: Future[None] = get_running_loop().create_future()
    future.set_result(None)
    return future


def then(first: "Future[A]", follow: Callable[[A], B]) -> "Future[B]":
    """Return a future that ends with `follow(result)` when `first` has ended, or fails as either does."""
    second: Future[B] = first.get_loop().create_future()

    def settled(ended: "Future[A]") -> None:
        if second.done():
            return
        error = ended.exception()
        if error is not None:
            second.set_exception(error)
            return
        try:
            second.set_result(follow(ended.result()))
        except Exception as failure:  # noqa: BLE001 - it belongs to whoever awaits the second future
            second.set_exception(failure)

    first.add_done_callback(settled)
    return second
