"""muster agent"""

import re
import socket
from pathlib import Path
from typing import Annotated

import typer

from muster_cli.looping import follow_parent, run_loop

__all__ = ["agent"]


def agent(
    kind: Annotated[str, typer.Argument(help="A built-in agent: echo, operator or chat.")] = "operator",
    server: Annotated[str | None, typer.Option(help="The server's gRPC address, host:port.")] = None,
    join: Annotated[str | None, typer.Option(help="The join token; needed once. Better: MUSTER_JOIN.")] = None,
    name: Annotated[str | None, typer.Option(help="The agent's name in the fleet; by default the machine's.")] = None,
    label: Annotated[list[str] | None, typer.Option(help="key=value; may be given several times.")] = None,
    workdir: Annotated[Path | None, typer.Option(help="Where its tools and commands work.")] = None,
    state_dir: Annotated[Path | None, typer.Option(help="Where its key and journal are kept.")] = None,
    with_parent: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Run a built-in agent on this machine. Your own agents: see docs/agents.md, it takes 15 lines.

    Example: muster agent --server 10.0.4.12:50051 --join mj_... --name lab-1
    """
    from muster_agent.builtin import build  # noqa: PLC0415 - loaded only by this verb
    from muster_agent.main import run_agent  # noqa: PLC0415
    from muster_agent.settings import load_settings  # noqa: PLC0415

    if with_parent:
        follow_parent()
    settings = load_settings(
        server=server,
        join=join,
        name=name,
        labels=",".join(label) if label else None,
        workdir=workdir,
        state_dir=state_dir,
    )
    if not settings.name:
        settings = settings.with_values(name=_own_name())
    run_loop(run_agent(settings, build(kind, settings)))


def _own_name() -> str:
    """Return this machine's name as an agent's: two machines that join with the same command differ."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname().partition(".")[0])[:64].lstrip("._-")
    return plain or "agent"
