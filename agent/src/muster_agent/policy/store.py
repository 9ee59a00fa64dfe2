"""The policy file: read once, at the start."""

import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from muster_agent.errors import BadSetting
from muster_agent.policy.core import Policy, read_policy
from muster_agent.settings import AgentSettings

__all__ = ["load_policy", "policy_of"]


def policy_of(settings: AgentSettings, tools: Sequence[str], known_tools: Sequence[str], usual: Path) -> Policy:
    """Return what the agent's code asks for (`tools`), changed by the policy file, by default the one at `usual`.

    What the settings refuse stays refused.
    """
    unknown = set(tools) - set(known_tools)
    if unknown:
        raise BadSetting(f"There is no tool '{min(unknown)}'.", f"There are: {', '.join(known_tools)}.")
    wanted = Policy(settings.commands, dict.fromkeys(tools, "allow"))
    policy = load_policy(settings.policy or usual, wanted, known_tools, must_exist=settings.policy is not None)
    return replace(policy, commands="refuse") if settings.commands == "refuse" else policy


def load_policy(path: Path, defaults: Policy, known_tools: Sequence[str], *, must_exist: bool) -> Policy:
    """Return the policy in the file at `path`, or `defaults` when there is none; raises BadSetting."""
    try:
        text = path.read_text()
    except FileNotFoundError:
        if must_exist:
            raise BadSetting(f"There is no policy file {path}.", "MUSTER_AGENT_POLICY names it.") from None
        return defaults
    except OSError as error:
        raise BadSetting(f"The policy file {path} cannot be read: {error.strerror}.") from None
    try:
        return read_policy(tomllib.loads(text), defaults, known_tools)
    except (ValueError, UnicodeDecodeError) as error:
        raise BadSetting(
            f"The policy file {path} is not understood: {error}.", "docs/agents.md shows how it is written."
        ) from None
