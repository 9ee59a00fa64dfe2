"""Handlers of every form, made into one: `async def handle(message, reply)`.

    async def f(message, reply): await reply.say("…")      cancelled when the run is stopped
    async def f(message, reply): return "…"
    async def f(message): yield "…"                        (an async generator; each piece is said)
    def f(message, reply): return "…"                      plain functions and generators run in a thread of their own;
    def f(message): yield "…"                              they look at `reply.stopped` now and then

The second argument may be left out.
"""

import asyncio
import contextvars
import inspect
import threading
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from typing import Any

import structlog

from muster_agent.runs.reply import IncomingMessage, Reply

__all__ = ["Handler", "adapt"]

log = structlog.get_logger()

Handler = Callable[[IncomingMessage, Reply], Awaitable[None]]

#: How long a plain function may take to notice that it was stopped, before it is left to itself.
NOTICE_S = 5.0


def adapt(function: Callable[..., Any]) -> Handler:
    """Return `function` as an async handler; raises TypeError when it takes neither one nor two arguments."""
    wanted = _arguments(function)
    plain = inspect.unwrap(function)
    call = plain if inspect.isfunction(plain) or inspect.ismethod(plain) else getattr(plain, "__call__", plain)  # noqa: B004
    if inspect.isasyncgenfunction(call):
        return lambda message, reply: _say_all(function(*(message, reply)[:wanted]), reply)
    if inspect.iscoroutinefunction(call):
        return lambda message, reply: _say_result(function(*(message, reply)[:wanted]), reply)
    return lambda message, reply: _in_thread(function, (message, reply)[:wanted], reply)


def _arguments(function: Callable[..., Any]) -> int:
    signature = inspect.signature(function)
    for count in (2, 1):
        try:
            signature.bind(*range(count))
        except TypeError:
            continue
        return count
    raise TypeError(f"A handler takes (message, reply) or (message): {function!r} does not.")


async def _say_all(pieces: AsyncIterable[str], reply: Reply) -> None:
    async for piece in pieces:
        await reply.say(piece)


async def _say_result(coming: Awaitable[Any], reply: Reply) -> None:
    result = await coming
    if isinstance(result, str):
        await reply.say(result)


async def _in_thread(function: Callable[..., Any], arguments: tuple[Any, ...], reply: Reply) -> None:
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()
    context = contextvars.copy_context()

    def work() -> None:
        error: BaseException | None = None
        try:
            context.run(_call, function, arguments, reply)
        except BaseException as caught:  # noqa: BLE001 - it is handed to whoever waits
            error = caught
        if not loop.is_closed():
            loop.call_soon_threadsafe(_resolve, ended, error)

    # A thread of its own and a daemon: a function that never returns must not keep the process from ending.
    threading.Thread(target=work, daemon=True, name=f"handler-{reply.run.core.run_id}").start()
    try:
        await asyncio.shield(ended)
    except asyncio.CancelledError:
        done, _ = await asyncio.wait([ended], timeout=NOTICE_S)
        if not done:
            log.warning(
                "a plain handler does not look at reply.stopped: it is left to itself", run=reply.run.core.run_id
            )
        elif not ended.cancelled():
            ended.exception()
        raise


def _call(function: Callable[..., Any], arguments: tuple[Any, ...], reply: Reply) -> None:
    result = function(*arguments)
    if inspect.iscoroutine(result):  # a plain function around an async one
        result = reply.wait_for(result)
    if isinstance(result, str):
        reply.say(result)
    elif isinstance(result, Iterable):
        for piece in result:
            if reply.stopped:
                return
            reply.say(piece)


def _resolve(ended: "asyncio.Future[None]", error: BaseException | None) -> None:
    if ended.done():
        return
    if error is None:
        ended.set_result(None)
    else:
        # SystemExit and the like end the thread they were raised in, not the agent.
        ended.set_exception(error if isinstance(error, Exception) else RuntimeError(repr(error)))
