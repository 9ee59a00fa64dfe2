"""A tool card: what an agent does, shown while it does it, with a receipt in the journal when it changes something."""

import asyncio
import time
from collections.abc import Awaitable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from muster_shared_models.problems import MusterError

if TYPE_CHECKING:  # the two know each other: a reply makes cards, a card speaks through its reply
    from muster_agent.runs.reply import Reply

__all__ = ["ToolCard"]

MAX_ARGUMENTS = 8000


class ToolCard:
    """Use with `async with` (or `with`, in a plain function). An exception within ends the card as failed.

    `resumable`: what is kept in the journal as `outcome` can stand in for doing it again.
    """

    def __init__(
        self, reply: "Reply", name: str, *, title: str, subject: str, arguments: Mapping[str, Any], acts: bool,
        resumable: bool = False, call_id: str = "",
    ) -> None:  # fmt: skip
        self._reply = reply
        self._name = name
        self._title = title
        self._subject = subject
        self._arguments = arguments
        self.acts = acts
        self._resumable = resumable
        self._receipt = ""
        self._begun_at = 0.0
        self._facts: dict[str, Any] = {}
        self._ok: bool | None = None
        self.call_id = call_id or reply.new_call_id()
        #: What the journal keeps of the result.
        self.outcome: dict[str, Any] = {}

    def say(self, text: str) -> Awaitable[None]:
        """Add to the live output. `await` it in async handlers."""
        core, call_id = self._reply.run.core, self.call_id
        self._reply.tell(lambda: core.tool_says(call_id, str(text)))
        return self._reply.say("")

    def result(self, *, ok: bool = True, output: str | None = None, **facts: Any) -> None:
        """Set how it ended. Facts: media (text, markdown, code, terminal), language, exit_code."""
        self._ok = ok
        self._facts = {"output": output, **facts}

    async def __aenter__(self) -> Self:
        self._begun_at = time.monotonic()
        core, shown = self._reply.run.core, self._shown_arguments()
        self._reply.tell(lambda: core.tool_begins(self.call_id, self._name, self._title, self._subject or "", shown))
        if self.acts:
            self._receipt = self._receipt or self._reply.receipt(self._name, self._arguments)[0]
            await self._reply.intend(self._receipt, self._name, resumable=self._resumable)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end(error)
        if self.acts and (error is None or isinstance(error, Exception)):
            await self._reply.done(self._receipt, self.outcome)

    def __enter__(self) -> Self:
        self._reply.wait_for(self.__aenter__())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reply.wait_for(self.__aexit__(kind, error, trace))

    def with_receipt(self, receipt: str) -> Self:
        """Use a receipt that was looked up before."""
        self._receipt = receipt
        return self

    def _end(self, error: BaseException | None) -> None:
        ok = error is None if self._ok is None else self._ok and error is None
        facts = dict(self._facts)
        if error is not None and facts.get("output") is None and not isinstance(error, asyncio.CancelledError):
            why = error.detail if isinstance(error, MusterError) else type(error).__name__
            core, call_id = self._reply.run.core, self.call_id
            self._reply.tell(lambda: core.tool_says(call_id, why))
        duration_ms = round((time.monotonic() - self._begun_at) * 1000)
        core, call_id = self._reply.run.core, self.call_id
        self._reply.tell(lambda: core.tool_ends(call_id, ok=ok, duration_ms=duration_ms, **facts))

    def _shown_arguments(self) -> Mapping[str, Any]:
        return self._arguments if len(str(self._arguments)) <= MAX_ARGUMENTS else {"…": "too large to show"}
