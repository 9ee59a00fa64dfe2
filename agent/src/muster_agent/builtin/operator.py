"""The agent without a model: slash commands run the real tools, so that everything can be tried without a key."""

from collections.abc import Callable
from typing import Any, NamedTuple

from muster_agent.agent import Agent
from muster_agent.runs.reply import IncomingMessage, Reply
from muster_agent.settings import AgentSettings

__all__ = ["build_operator"]


class _Command(NamedTuple):
    tool: str
    usage: str
    says: str
    arguments: Callable[[str], dict[str, Any]]


COMMANDS = {
    "/shell": _Command("shell", "/shell uname -a", "runs a line in this machine's shell", lambda r: {"command": r}),
    "/read": _Command("read", "/read README.md", "reads a file in the working folder", lambda r: {"path": r}),
    "/list": _Command("list", "/list", "lists the working folder, or a folder in it", lambda r: {"path": r or "."}),
    "/fetch": _Command("fetch", "/fetch https://example.com", "fetches a public web page", lambda r: {"url": r}),
}
NEEDS_NOTHING = frozenset({"/list"})


def build_operator(_settings: AgentSettings) -> Agent:
    """Return the agent `operator`."""
    agent = Agent(
        "operator",
        about="Runs tools on its machine when you type a command. No model, no key. /help shows what it can do.",
        skills=["shell", "files", "web"],
        examples=["/help", *(command.usage for command in COMMANDS.values())],
        slots=4,
        tools=["shell", "read", "list", "fetch"],
    )

    @agent.on_message
    async def operate(message: IncomingMessage, reply: Reply) -> None:
        word, _, rest = message.text.strip().partition(" ")
        command = COMMANDS.get(word.lower())
        if command is None:
            await reply.say(_help(word, reply))
        elif not rest.strip() and word.lower() not in NEEDS_NOTHING:
            await reply.say(f"`{word.lower()}` {command.says}. For example: `{command.usage}`")
        else:
            await _use(command, rest.strip(), reply)

    return agent


async def _use(command: _Command, rest: str, reply: Reply) -> None:
    outcome = await reply.use(command.tool, **command.arguments(rest))
    if command.tool == "shell":
        await reply.say("Done." if outcome.ok else f"It ended with exit code {outcome.exit_code}.")
    else:
        await reply.say("Here it is." if outcome.ok else outcome.text)


def _help(word: str, reply: Reply) -> str:
    allowed = {spec.name for spec in reply.tools}
    lines = [
        f"- `{command.usage}` {command.says}"
        + ("" if command.tool in allowed else " (refused by this machine's policy)")
        for command in COMMANDS.values()
    ]
    if word.lower() == "/help":
        begin = "I run tools on this machine:"
    elif word.startswith("/"):
        begin = f"I do not know `{word[:40]}`. I know:"
    else:
        begin = "I have no model to chat with, but I run tools on this machine:"
    return "\n".join([begin, "", *lines])
