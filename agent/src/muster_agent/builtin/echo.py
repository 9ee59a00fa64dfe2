"""The agent that says what it hears: for measuring, and for learning how answers look."""

import asyncio
import re

from muster_agent.agent import Agent
from muster_agent.runs.reply import IncomingMessage, Reply
from muster_agent.settings import AgentSettings

__all__ = ["build_echo"]

SLOW = "/slow "
#: Seconds between words.
PACE_S = 0.06


def build_echo(_settings: AgentSettings) -> Agent:
    """Return the agent `echo`."""
    agent = Agent(
        "echo",
        about="Says what it hears. /slow says it word by word.",
        skills=["echo"],
        examples=["Hello!", "/slow The quick brown fox jumps over the lazy dog."],
        slots=256,
    )

    @agent.on_message
    async def echo(message: IncomingMessage, reply: Reply) -> None:
        if not message.text.startswith(SLOW):
            reply.say(message.text)
            return
        for word in re.findall(r"\S+\s*", message.text[len(SLOW) :]):
            await reply.say(word)
            await asyncio.sleep(PACE_S)

    return agent
