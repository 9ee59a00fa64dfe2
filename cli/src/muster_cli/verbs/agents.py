"""muster agents"""

from typing import Annotated

import typer

from muster_cli.connection import Connection
from muster_cli.output import ago, emit, table
from muster_cli.settings import CliSettings
from muster_shared_models.agents import AgentView

__all__ = ["agents"]


def agents(as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False) -> None:
    """List the fleet: who is there, in which state, and why.

    Example: muster agents --json | jq -r .description.name
    """
    with Connection.open(CliSettings.load()) as server:
        fleet = [AgentView.model_validate(item) for item in server.get("/api/v1/agents")["items"]]
    fleet.sort(key=lambda view: view.description.name)
    if as_json:
        for view in fleet:
            emit(view)
        return
    table(
        ("NAME", "STATE", "WHY", "LAST HEARD", "MACHINE", "LABELS", "ID"),
        [
            (
                view.description.name,
                view.presence.state.value,
                view.presence.reason[:60],
                ago(view.last_heard),
                view.description.machine.hostname,
                ",".join(f"{key}={value}" for key, value in view.description.labels.items()),
                view.id,
            )
            for view in fleet
        ],
    )
