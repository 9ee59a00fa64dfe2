"""The tools of one agent: every call passes one gate (known, valid, allowed, not done before) and shows a card."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from muster_agent.errors import ToolFailed
from muster_agent.policy.core import Policy
from muster_agent.runs.card import ToolCard
from muster_agent.runs.reply import Reply
from muster_agent.runs.tool_text import ToolText
from muster_agent.tools.contract import Outcome, Tool, ToolSpec

__all__ = ["Toolbox"]


class Toolbox:
    """What `reply.use` reaches into."""

    def __init__(self, tools: Sequence[Tool[Any]], policy: Policy) -> None:
        self._tools = {tool.spec.name: tool for tool in tools}
        self._policy = policy

    @property
    def allowed(self) -> list[ToolSpec]:
        """The tools that may be used."""
        return [tool.spec for name, tool in self._tools.items() if not self._policy.refuses_tool(name)]

    async def use(self, reply: Reply, name: str, arguments: Mapping[str, Any], call_id: str = "") -> Outcome:
        """Use a tool; what goes wrong is in the outcome, for the model or the person who asked."""
        tool = self._tools.get(name)
        if tool is None:
            known = ", ".join(spec.name for spec in self.allowed) or "none"
            return await _refuse(reply, name, arguments, f"There is no tool '{name}'. There are: {known}.", call_id)
        try:
            read = tool.spec.arguments.model_validate(dict(arguments))
        except ValidationError as error:
            faults = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
            return await _refuse(reply, name, arguments, f"The arguments of '{name}' are not valid: {faults}.", call_id)
        refusal = self._policy.refuses_tool(name)
        if refusal:
            return await _refuse(reply, name, arguments, refusal, call_id)
        title, subject = tool.describe(read)
        card = ToolCard(
            reply, name, title=title, subject=subject, arguments=arguments, acts=tool.spec.acts, resumable=True,
            call_id=call_id,
        )  # fmt: skip
        if tool.spec.acts:
            receipt, earlier = reply.receipt(name, arguments)
            if earlier is not None and earlier.done:
                return await _repeat(reply, card, earlier.result)
            card.with_receipt(receipt)
        return await _run(tool, read, reply, card)


async def _run(tool: Tool[Any], arguments: Any, reply: Reply, card: ToolCard) -> Outcome:
    async with card:
        try:
            outcome: Outcome = await tool.run(arguments, card.say, reply.run.core.run_id)
        except ToolFailed as error:
            outcome = Outcome(f"{error.detail} {error.hint}".strip(), ok=False)
        card.outcome = {"text": _bounded(outcome.text), "ok": outcome.ok, "exit_code": outcome.exit_code}
        _show(card, outcome)
    return outcome


async def _repeat(reply: Reply, card: ToolCard, kept: Mapping[str, Any]) -> Outcome:
    """Show what an earlier attempt did, instead of doing it again."""
    outcome = Outcome(str(kept.get("text", "")), ok=bool(kept.get("ok")), exit_code=kept.get("exit_code"))
    card.acts = False
    async with card:
        _show(card, outcome)
    return outcome


async def _refuse(reply: Reply, name: str, arguments: Mapping[str, Any], why: str, call_id: str) -> Outcome:
    card = ToolCard(
        reply, name, title="Refused", subject="", arguments=arguments, acts=False, call_id=call_id
    )  # fmt: skip
    async with card:
        card.result(ok=False, output=why)
    return Outcome(why, ok=False)


def _show(card: ToolCard, outcome: Outcome) -> None:
    card.result(
        ok=outcome.ok, output=None if outcome.shown else outcome.text, media=outcome.media, language=outcome.language,
        exit_code=outcome.exit_code,
    )  # fmt: skip


def _bounded(text: str) -> str:
    kept = ToolText("")
    kept.add(text)
    return kept.kept()
