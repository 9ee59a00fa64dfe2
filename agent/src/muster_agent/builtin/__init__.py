"""The agents that come with Muster: echo and operator need no key, chat asks a model."""

from collections.abc import Callable

from muster_agent.agent import Agent
from muster_agent.builtin.chat import build_chat
from muster_agent.builtin.echo import build_echo
from muster_agent.builtin.operator import build_operator
from muster_agent.errors import BadSetting
from muster_agent.settings import AgentSettings

__all__ = ["BUILTIN", "build"]

#: Name to what builds the agent.
BUILTIN: dict[str, Callable[[AgentSettings], Agent]] = {
    "echo": build_echo,
    "operator": build_operator,
    "chat": build_chat,
}


def build(name: str, settings: AgentSettings) -> Agent:
    """Return the built-in agent called `name`; raises BadSetting when there is none or it lacks something."""
    if name not in BUILTIN:
        raise BadSetting(f"There is no built-in agent '{name}'.", f"There are: {', '.join(BUILTIN)}.")
    return BUILTIN[name](settings)
