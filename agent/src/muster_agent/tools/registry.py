"""All built-in tools."""

from pathlib import Path
from typing import Any

from muster_agent.settings import AgentSettings, child_environment
from muster_agent.tools.contract import Tool
from muster_agent.tools.fetch import FetchTool
from muster_agent.tools.guarded_http import GuardedTransport
from muster_agent.tools.jail import Jail
from muster_agent.tools.listing import ListTool
from muster_agent.tools.read import ReadTool
from muster_agent.tools.shell import ShellTool

__all__ = ["TOOL_NAMES", "build_tools"]

TOOL_NAMES = ("shell", "read", "list", "fetch")


def build_tools(settings: AgentSettings, state: Path) -> list[Tool[Any]]:
    """Return the tools of an agent whose keys are in the folder `state`."""
    workdir = settings.workdir.resolve()
    jail = Jail(workdir, forbidden=[state, settings.data_dir])
    return [
        ShellTool(workdir, lambda: child_environment(settings.pass_environment, {})),
        ReadTool(jail),
        ListTool(jail),
        FetchTool(lambda: GuardedTransport(settings.fetch_local)),
    ]
