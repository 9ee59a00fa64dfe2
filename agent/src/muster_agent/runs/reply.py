"""What a handler gets: the message, and the reply through which it answers.

Both also work in plain functions, which run in a thread of their own.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from muster_agent.journal.effects import Effect, receipt_of
from muster_agent.runs.card import ToolCard
from muster_agent.runs.run import Run
from muster_agent.tools.contract import Outcome, ToolSpec
from muster_shared_models.bodies import Turn
from muster_shared_models.ids import IdKind, new_id

__all__ = ["IncomingMessage", "Reply", "RunServices"]

#: A handler that says much without waiting for anything lets others have a turn after this many pieces.
PIECES_AT_ONCE = 64


class Tools(Protocol):
    """The tools that an agent may use."""

    @property
    def allowed(self) -> list[ToolSpec]:
        """Return what may be used."""
        ...

    async def use(self, reply: "Reply", name: str, arguments: Mapping[str, Any]) -> Outcome:
        """Use one."""
        ...


class RunServices(Protocol):
    """What a reply needs of the agent around it."""

    tools: Tools

    def touch(self, run: Run) -> None:
        """The run has something to tell."""
        ...

    async def allow_effect(self, run: Run) -> None:
        """Return when it is known whether the run may act; one that may not is stopped. Raises MusterError."""
        ...

    def effects_of(self, message_id: str) -> dict[str, Effect]:
        """Return what earlier attempts did."""
        ...

    def intend(self, run: Run, receipt: str, tool: str, *, resumable: bool) -> Awaitable[None]:
        """Write that a tool is about to act."""
        ...

    def take_back(self, run: Run, receipt: str) -> None:
        """Write that the tool did not act after all."""
        ...

    def done(self, message_id: str, receipt: str, result: Mapping[str, Any]) -> Awaitable[None]:
        """Write what came of it."""
        ...


class IncomingMessage(NamedTuple):
    """A message to answer. `history` holds earlier messages of the conversation, as many as the agent asked for."""

    id: str
    text: str
    sender_name: str
    conversation: str
    run_id: str
    attempt: int = 1
    history: Sequence[Turn] = ()


class _Said:
    """Awaiting it is optional; a handler that awaits lets others have a turn now and then."""

    __slots__ = ("_pause",)

    def __init__(self, pause: bool) -> None:
        self._pause = pause

    def __await__(self) -> Generator[None, None, None]:
        if self._pause:
            yield


SAID = _Said(pause=False)
SAID_AND_PAUSE = _Said(pause=True)


class Reply:
    """The answer to one message, as it comes into being."""

    __slots__ = ("_calls", "_earlier", "_loop", "_pieces", "_services", "_thread", "run", "tokens")

    def __init__(self, run: Run, services: RunServices, loop: asyncio.AbstractEventLoop, thread: int) -> None:
        self.run = run
        #: Tokens that models read and wrote for this answer.
        self.tokens = (0, 0)
        self._services = services
        self._loop = loop
        self._thread = thread
        self._pieces = 0
        self._calls: dict[str, int] = {}
        self._earlier: dict[str, Effect] | None = None

    @property
    def stopped(self) -> bool:
        """Whether the run was told to stop. Plain functions look at it now and then; async ones are cancelled."""
        return self.run.stopped is not None

    def say(self, text: str) -> Awaitable[None]:
        """Add text to the answer; people see it as it grows. `await` it in async handlers."""
        self._on_loop(self._say, text)
        self._pieces += 1
        return SAID if self._pieces % PIECES_AT_ONCE else SAID_AND_PAUSE

    def tool(
        self, name: str, *, title: str = "", subject: str = "", arguments: Mapping[str, Any] | None = None,
        acts: bool = True,
    ) -> ToolCard:  # fmt: skip
        """Show a card while something is done: `async with reply.tool("deploy", title="Deploys it") as card:`.

        `acts`: it changes something, so it is never begun twice: if the agent dies meanwhile, the run ends as
        interrupted and a person decides. Say `acts=False` for what may be repeated.
        """
        return ToolCard(self, name, title=title or name, subject=subject, arguments=arguments or {}, acts=acts)

    @property
    def tools(self) -> list[ToolSpec]:
        """The built-in tools that this agent may use, as models want to know them."""
        return self._services.tools.allowed

    async def use(self, tool: str, /, **arguments: Any) -> Outcome:
        """Use a built-in tool (`tools=` of the agent, and the policy, say which), with a card of its own.

        What goes wrong is in the outcome (`ok`, `text`), not raised. Plain functions: `reply.wait_for(reply.use(…))`.
        """
        return await self._services.tools.use(self, tool, arguments)

    def used(self, input_tokens: int, output_tokens: int) -> None:
        """Count tokens."""
        self.tokens = (self.tokens[0] + input_tokens, self.tokens[1] + output_tokens)

    # ---- for cards --------------------------------------------------------------------------------------------------

    def receipt(self, tool: str, arguments: Mapping[str, Any]) -> tuple[str, Effect | None]:
        """Return what identifies this call, and what an earlier attempt did under the same receipt."""
        alike = receipt_of(tool, arguments, 0)
        earlier = self._calls.get(alike, 0)
        self._calls[alike] = earlier + 1
        if self._earlier is None:
            known = self.run.core.attempt > 1
            self._earlier = self._services.effects_of(self.run.request.id) if known else {}
        receipt = receipt_of(tool, arguments, earlier)
        return receipt, self._earlier.get(receipt)

    async def intend(self, receipt: str, tool: str, *, resumable: bool) -> None:
        """Return when the tool may act and the journal knows that it will; raises MusterError when the run is over.

        Its handler need not have noticed: it may be a plain function, or one that goes on when it is cancelled.
        """
        self.run.check_wanted()
        await self._services.allow_effect(self.run)
        self.run.check_wanted()
        self.run.has_effects = True
        await self._services.intend(self.run, receipt, tool, resumable=resumable)
        try:
            await self._services.allow_effect(self.run)  # the write may have taken long
            self.run.check_wanted()
        except BaseException:
            self._services.take_back(self.run, receipt)
            raise

    async def done(self, receipt: str, result: Mapping[str, Any]) -> None:
        """Return when the journal knows what came of it."""
        await self._services.done(self.run.request.id, receipt, result)

    def tell(self, change: Callable[[], None]) -> None:
        """Make a change to the run, on the loop's thread, and let it be told."""
        self._on_loop(self._tell, change)

    def new_call_id(self) -> str:
        """Return an id for a tool call."""
        return new_id(IdKind.TOOL_CALL)

    def wait_for(self, coroutine: Any) -> Any:
        """Run a coroutine on the loop from a plain function's thread."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def _on_loop(self, callback: Callable[[Any], None], argument: Any) -> None:
        if threading.get_ident() == self._thread:
            callback(argument)
        else:
            self._loop.call_soon_threadsafe(callback, argument)

    def _say(self, text: str) -> None:
        core = self.run.core
        idle = core.due() is None
        core.say(str(text))
        if idle or core.due() == 0.0:
            self._services.touch(self.run)

    def _tell(self, change: Callable[[], None]) -> None:
        change()
        self._services.touch(self.run)
