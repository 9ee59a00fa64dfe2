"""Lets a model answer a message: does what a turn decides."""

from collections.abc import Sequence
from contextlib import aclosing

from muster_agent.errors import ModelFailed
from muster_agent.models.patience import Patience, ask
from muster_agent.models.provider import Provider
from muster_agent.runs.reply import IncomingMessage, Reply
from muster_agent.turn.core import Turn
from muster_agent.turn.facts import Ask, Event, Fail, Finish, Instruction, ModelDone, ModelMessage, Say, ToolDone, Use

__all__ = ["answer", "conversation"]


def conversation(system: str, message: IncomingMessage) -> tuple[ModelMessage, ...]:
    """Return the system prompt, the history and the message, as a model wants them."""
    earlier = [ModelMessage("user" if turn.role == "user" else "assistant", turn.text) for turn in message.history]
    return (ModelMessage("system", system), *earlier, ModelMessage("user", message.text))


async def answer(
    provider: Provider, messages: Sequence[ModelMessage], reply: Reply, *, steps: int = 20,
    patience: Patience = Patience(),  # noqa: B008 - frozen
) -> None:  # fmt: skip
    """Ask, use tools and say until the model is done; raises ModelFailed."""
    turn = Turn(tuple(messages), steps)
    waiting = turn.begin()
    while waiting:
        instruction = waiting.pop(0)
        match instruction:
            case Ask(asked, with_tools):
                tools = reply.tools if with_tools else []
                async with aclosing(ask(provider, asked, tools, patience)) as events:
                    async for event in events:
                        waiting += await _follow(turn, event, reply)
            case Use(call_id, tool, arguments):
                outcome = await reply.use(tool, **arguments)
                waiting += turn.on(ToolDone(call_id, outcome.text))
            case Say(text):
                await reply.say(text)
            case Fail(reason, what, hint):
                raise ModelFailed(what, hint, reason)
            case Finish():
                return


async def _follow(turn: Turn, event: Event, reply: Reply) -> list[Instruction]:
    """Take an event of the model; what is to be said is said at once."""
    if isinstance(event, ModelDone):
        reply.used(event.input_tokens, event.output_tokens)
    left: list[Instruction] = []
    for instruction in turn.on(event):
        if isinstance(instruction, Say):
            await reply.say(instruction.text)
        else:
            left.append(instruction)
    return left
