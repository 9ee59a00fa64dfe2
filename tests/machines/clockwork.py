"""An event loop that moves only when it is told to, on a clock that passes only when it is told to.

So a state machine can drive what needs a loop step by step, and the same steps always give the same end.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from hypothesis.stateful import RuleBasedStateMachine

__all__ = ["Clockwork", "ClockworkMachine"]

T = TypeVar("T")


class Clockwork:
    """The loop of one example. `failures` are errors that callbacks raised: nobody else would see them."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.failures: list[BaseException] = []
        self.loop = asyncio.new_event_loop()
        self.loop.time = lambda: self.now  # type: ignore[method-assign]
        self.loop.set_exception_handler(self._failed)

    def do(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call a function on the loop, let everything happen that follows from it at once, and return its result."""

        async def call() -> T:
            return function(*arguments)

        return self.run(call())

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end, and everything that follows from it at once."""
        result = self.loop.run_until_complete(coroutine)
        self.settle()
        return result

    def settle(self) -> None:
        """Let everything happen that is due."""
        loop: Any = self.loop
        while loop._ready or (loop._scheduled and loop._scheduled[0]._when <= self.now):
            loop.call_soon(loop.stop)
            loop.run_forever()
        assert not self.failures, self.failures

    def step(self, turns: int) -> None:
        """Let the loop make so many turns and no more: a process that dies now dies in the middle."""
        for _ in range(turns):
            self.loop.call_soon(self.loop.stop)
            self.loop.run_forever()

    def begin(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Call a function in the loop's next turn."""
        self.loop.call_soon(function, *arguments)

    def wait(self, seconds: float) -> None:
        """Let time pass, timer by timer."""
        until = self.now + seconds
        loop: Any = self.loop
        while loop._scheduled and loop._scheduled[0]._when <= until:
            self.now = max(self.now, loop._scheduled[0]._when)
            self.settle()
        self.now = until
        self.settle()

    def close(self) -> None:
        """Cancel what still runs, and end the loop."""

        async def end() -> None:
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        self.loop.run_until_complete(end())
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()

    def _failed(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        # A future whose owner is dead has nobody who reads its error; everything else here is a fault.
        if "never retrieved" not in context["message"]:
            self.failures.append(context.get("exception") or RuntimeError(context["message"]))


class ClockworkMachine(RuleBasedStateMachine):
    """A state machine with a loop of its own; `finish` is what must be so when everything was given time to end."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clockwork()

    def finish(self) -> None:
        """Bring it to its end."""

    def teardown(self) -> None:
        try:
            self.finish()
        finally:
            self.clock.close()
