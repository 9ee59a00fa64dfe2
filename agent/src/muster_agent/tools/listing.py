"""The tool `list`: what is in a folder of the working folder."""

import asyncio

from pydantic import Field

from muster_agent.errors import ToolFailed
from muster_agent.machine import this_system
from muster_agent.tools.contract import Arguments, Live, Outcome, ToolSpec
from muster_agent.tools.jail import Jail
from muster_agent.tools.read import explain

__all__ = ["ListTool"]

MAX_ENTRIES = 1000


class ListArguments(Arguments):
    """What `list` wants."""

    path: str = Field(default=".", max_length=4096, description="A folder within the working folder.")


class ListTool:
    """Lists names, kinds and sizes."""

    spec = ToolSpec("list", "List the files in a folder of the working folder.", ListArguments)

    def __init__(self, jail: Jail) -> None:
        self._jail = jail

    def describe(self, arguments: ListArguments) -> tuple[str, str]:
        """Return the intent and the path."""
        return "Lists a folder", arguments.path

    async def run(self, arguments: ListArguments, live: Live, mark: str) -> Outcome:
        """Return one line an entry."""
        parts = self._jail.parts(arguments.path)
        try:
            entries = await asyncio.to_thread(
                this_system().list_beneath, self._jail.root, parts, self._jail.identities()
            )
        except ValueError as error:
            raise ToolFailed(f"{error}.") from error
        except OSError as error:
            raise explain(arguments.path, error) from error
        lines = [f"{size:>12}  {name}" for name, size in entries[:MAX_ENTRIES]]
        if len(entries) > MAX_ENTRIES:
            lines.append(f"… and {len(entries) - MAX_ENTRIES} more …")
        return Outcome("\n".join(lines) or "(empty)", media="terminal")
