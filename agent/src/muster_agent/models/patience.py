"""How a model is asked: how long to wait, when to ask again, and how failures are told to people.

The law: once something was heard, a question is never asked again: half an answer is kept and marked, not doubled.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

import structlog

from muster_agent.errors import ModelFailed
from muster_agent.models.provider import Fault, Provider, ProviderError, ProviderEvent
from muster_agent.tools.contract import ToolSpec
from muster_agent.turn.facts import ModelDone, ModelMessage
from muster_shared_models.problems import Reason

__all__ = ["Patience", "ask"]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds and counts."""

    tries: int = 4
    #: Between pieces of an answer, and for the whole of it.
    idle_s: float = 60.0
    total_s: float = 600.0
    #: The first pause between tries, doubled each time, with jitter; and the longest that a provider may ask for.
    first_pause_s: float = 0.5
    longest_pause_s: float = 30.0


async def ask(
    provider: Provider, messages: Sequence[ModelMessage], tools: Sequence[ToolSpec], patience: Patience = Patience()
) -> AsyncGenerator[ProviderEvent]:
    """Yield the model's answer; raises ModelFailed."""
    loop = asyncio.get_running_loop()
    give_up_at = loop.time() + patience.total_s
    for attempt in range(1, patience.tries + 1):
        heard = False
        try:
            async for event in _listen(provider, messages, tools, patience, give_up_at):
                heard = True
                yield event
        except ProviderError as error:
            pause = _pause(error, attempt, patience)
            if heard or pause is None or loop.time() + pause > give_up_at:
                raise _explain(provider, error, heard) from error
            log.info("asking the model again", model=provider.name, why=error.detail, in_s=round(pause, 1))
            await asyncio.sleep(pause)
        else:
            return


async def _listen(
    provider: Provider, messages: Sequence[ModelMessage], tools: Sequence[ToolSpec], patience: Patience,
    give_up_at: float,
) -> AsyncGenerator[ProviderEvent]:  # fmt: skip
    """Yield pieces, each in time, up to the last one that there must be."""
    loop = asyncio.get_running_loop()
    stream = provider.stream(messages, tools)
    try:
        while True:
            left = min(patience.idle_s, give_up_at - loop.time())
            try:
                async with asyncio.timeout(max(left, 0.001)):
                    event = await anext(stream)
            except TimeoutError:
                raise ProviderError(Fault.PASSING, f"The model was silent for {left:.0f} s.") from None
            except StopAsyncIteration:
                raise ProviderError(Fault.BROKEN, "The answer broke off.") from None
            yield event
            if isinstance(event, ModelDone):
                return
    finally:
        close = getattr(stream, "aclose", None)
        if close is not None:
            await close()


def _pause(error: ProviderError, attempt: int, patience: Patience) -> float | None:
    """Return how long to wait before asking again, or None: do not."""
    if attempt >= patience.tries or error.fault is Fault.REFUSED:
        return None
    jitter: float = random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, keeps no secret
    if error.fault is Fault.LIMITED:
        # Without a word about when, it is a spending limit: asking again makes it worse.
        wanted = error.retry_after_s
        return None if wanted is None or wanted > patience.longest_pause_s else wanted + jitter * patience.first_pause_s
    return min(patience.longest_pause_s, patience.first_pause_s * float(2 ** (attempt - 1))) * jitter


def _explain(provider: Provider, error: ProviderError, heard: bool) -> ModelFailed:
    hint = error.hint
    if error.fault is Fault.LIMITED:
        wait = error.retry_after_s
        hint = (
            f"It is limited: try again in {wait:.0f} s."
            if wait is not None
            else "The account may have reached its limit: see the provider's console."
        )
        return ModelFailed(error.detail, hint, Reason.OVERLOADED)
    if heard:
        return ModelFailed(f"{error.detail} What it said until then is kept.", hint or "Ask again.")
    return ModelFailed(error.detail, hint or f"Ask again in a moment; is '{provider.name}' the right model?")
