"""The policy file: read once, at the start."""

import tomllib
from collections.abc import Sequence
from pathlib import Path

from muster_agent.errors import BadSetting
from muster_agent.policy.core import Policy, read_policy

__all__ = ["load_policy"]


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
