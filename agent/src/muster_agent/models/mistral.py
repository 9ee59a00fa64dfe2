"""Mistral's models, through Mistral's own client."""

import json
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, cast

import httpx2
from mistralai.client import Mistral
from mistralai.client.errors import MistralError

from muster_agent.models.provider import Fault, ProviderError, ProviderEvent
from muster_agent.tools.contract import ToolSpec
from muster_agent.turn.facts import CallPiece, ModelDone, ModelMessage, TextPiece

__all__ = ["MistralModel"]

CONNECT_S = 10.0
#: Longer than the patience between pieces, which is what decides.
READ_S = 120.0
TOO_MANY = 429
SERVER_FAULT = 500
#: Mistral answers so when it is short of capacity.
PASSING = frozenset({408, 409, 425})
KEY_HINT = "Is MISTRAL_API_KEY right, and may it use this model (MUSTER_AGENT_MODEL)?"


class MistralModel:
    """One model of Mistral's. The key is never logged and in no error."""

    def __init__(self, key: str, model: str, server_url: str = "") -> None:
        self.name = model
        self._http = httpx2.AsyncClient(timeout=httpx2.Timeout(READ_S, connect=CONNECT_S), follow_redirects=False)
        self._client = Mistral(api_key=key, server_url=server_url or None, async_client=self._http)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def stream(self, messages: Sequence[ModelMessage], tools: Sequence[ToolSpec]) -> AsyncIterator[ProviderEvent]:
        """Yield what the model says."""
        wanted: dict[str, Any] = {"tools": [_tool(spec) for spec in tools]} if tools else {}
        try:
            stream = await self._client.chat.stream_async(
                model=self.name, messages=cast("Any", [_message(one) for one in messages]), **wanted
            )
            async with stream as events:
                async for event in events:
                    for piece in _pieces(event.data):
                        yield piece
        except MistralError as error:
            raise _explain(error) from None  # the cause holds the request, and so the key
        except httpx2.TimeoutException as error:
            raise ProviderError(Fault.PASSING, "The model's server did not answer in time.") from error
        except httpx2.TransportError as error:
            raise ProviderError(Fault.BROKEN, f"The connection to the model broke: {type(error).__name__}.") from error


def _message(message: ModelMessage) -> dict[str, Any]:
    written: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.calls:
        written["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.calls
        ]
    if message.role == "tool":
        written |= {"tool_call_id": message.call_id, "name": message.name}
    return written


def _tool(spec: ToolSpec) -> dict[str, Any]:
    return {
        "type": "function",
        "function": {"name": spec.name, "description": spec.description, "parameters": spec.parameters},
    }


def _pieces(chunk: Any) -> Iterable[ProviderEvent]:
    """Return what one chunk says. The last one has a finish reason and the usage."""
    if not chunk.choices:
        return
    choice = chunk.choices[0]
    text = _text(choice.delta.content)
    if text:
        yield TextPiece(text)
    for call in choice.delta.tool_calls or ():
        arguments = call.function.arguments
        yield CallPiece(
            index=call.index or 0,
            id=call.id or "",
            name=call.function.name or "",
            arguments=arguments if isinstance(arguments, str) else json.dumps(arguments),
        )
    if choice.finish_reason:
        usage = chunk.usage
        read, written = (usage.prompt_tokens, usage.completion_tokens) if usage else (0, 0)
        yield ModelDone(read or 0, written or 0)


def _text(content: Any) -> str:
    """Return the text of a delta: a string, chunks of which only text is said, nothing, or not set."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(part.text for part in content if getattr(part, "type", "") == "text")
    return ""


def _explain(error: MistralError) -> ProviderError:
    status = error.status_code
    if status == TOO_MANY:
        wait = _seconds(error.headers.get("retry-after", ""))
        return ProviderError(Fault.LIMITED, "The model takes no more requests now (429).", retry_after_s=wait)
    if status >= SERVER_FAULT or status in PASSING:
        return ProviderError(Fault.PASSING, f"The model's server failed ({status}).")
    if status in (401, 403):
        return ProviderError(Fault.REFUSED, f"The model's server does not accept the key ({status}).", KEY_HINT)
    if status == httpx2.codes.OK:
        return ProviderError(Fault.BROKEN, "The model's answer cannot be read.")
    return ProviderError(
        Fault.REFUSED, f"The model's server refuses the request ({status}): {_says(error.body)}", KEY_HINT
    )


def _seconds(text: str) -> float | None:
    try:
        return max(0.0, float(text))
    except ValueError:
        return None


def _says(body: str) -> str:
    """Return the server's own words, shortened."""
    try:
        read = json.loads(body)
    except ValueError:
        read = None
    said = read.get("message") or read.get("detail") if isinstance(read, dict) else None
    return str(said or body)[:300]
