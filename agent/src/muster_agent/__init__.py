"""Muster's agent: write one in a few lines, or run one of the built-in ones (`muster_agent.builtin`).

from muster_agent import Agent

agent = Agent("greeter", about="greets people", skills=["greet"])


@agent.on_message
async def greet(message, reply):
    await reply.say(f"Hello, {message.text}!")


agent.run()
"""

from muster_agent.agent import Agent
from muster_agent.errors import AgentError, ToolFailed
from muster_agent.main import run_agent
from muster_agent.runs.card import ToolCard
from muster_agent.runs.reply import IncomingMessage, Reply
from muster_agent.settings import AgentSettings, load_settings

__all__ = [
    "Agent",
    "AgentError",
    "AgentSettings",
    "IncomingMessage",
    "Reply",
    "ToolCard",
    "ToolFailed",
    "load_settings",
    "run_agent",
]
