"""The policy: for each tool allow or refuse, for operators' commands allow, refuse, or a list of programs.

commands = ["uptime", "/usr/bin/git"]    # or "allow", or "refuse"

[tools]
shell = "refuse"
fetch = "allow"

The law: what is not understood is refused. A list of programs is compared with the exact first word of the command as
it is executed; lines for a shell are never on a list: what a shell makes of a line cannot be told by looking at it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Policy", "read_policy"]

WORDS = ("allow", "refuse")


@dataclass(frozen=True, slots=True)
class Policy:
    """`commands`: allow, refuse, or the programs that operators may run. `tools`: a tool's name to allow or refuse."""

    commands: str | tuple[str, ...] = "allow"
    tools: Mapping[str, str] = field(default_factory=dict)

    @property
    def takes_commands(self) -> bool:
        """Whether operators can run anything at all."""
        return self.commands != "refuse"

    def refuses_tool(self, name: str) -> str:
        """Return why the tool may not be used, or nothing."""
        if self.tools.get(name) == "allow":
            return ""
        return f"The policy on this agent's machine does not allow the tool '{name}'."

    def refuses_command(self, argv: Sequence[str], shell: str) -> str:
        """Return why an operator's command is not run, or nothing."""
        if self.commands == "allow":
            return ""
        if self.commands == "refuse":
            return "This agent does not run commands: its owner has switched them off."
        if shell or not argv:
            return "This agent runs listed programs only, and no shell lines: its owner has said so."
        if argv[0] in self.commands:
            return ""
        return f"'{argv[0]}' is not on the list of programs that this agent's owner allows."


def read_policy(written: Mapping[str, Any], defaults: Policy, known_tools: Sequence[str]) -> Policy:
    """Return the policy that `written` says, over `defaults`; raises ValueError at anything that is not understood."""
    unknown = set(written) - {"commands", "tools"}
    if unknown:
        raise ValueError(f"'{min(unknown)}' means nothing here; there are 'commands' and 'tools'")
    return Policy(
        commands=_commands(written["commands"]) if "commands" in written else defaults.commands,
        tools={**defaults.tools, **_tools(written.get("tools", {}), known_tools)},
    )


def _commands(value: Any) -> str | tuple[str, ...]:
    if isinstance(value, str) and value in WORDS:
        return value
    if isinstance(value, list) and all(isinstance(program, str) and program for program in value):
        return tuple(value)
    raise ValueError('\'commands\' is "allow", "refuse" or a list of programs')


def _tools(value: Any, known: Sequence[str]) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise ValueError("'tools' is a table of names and words")  # noqa: TRY004 - the file's author reads it
    for name, word in value.items():
        if name not in known:
            raise ValueError(f"there is no tool '{name}'; there are {', '.join(known)}")
        if word not in WORDS:
            raise ValueError(f'\'tools.{name}\' is "allow" or "refuse"')
    return dict(value)
