"""muster agents"""

from typing import Annotated

import typer

from muster_cli.connection import Connection
from muster_cli.output import ago, emit, say, table
from muster_cli.settings import CliSettings
from muster_shared_models.agents import AgentView

__all__ = ["app"]

PATH = "/api/v1/agents"

app = typer.Typer()

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


@app.callback(invoke_without_command=True)
def agents(context: typer.Context, as_json: Json = False) -> None:
    """List the fleet: who is there, in which state, and why.

    Example: muster agents --json | jq -r .description.name
    """
    if context.invoked_subcommand is not None:
        return
    with Connection.open(CliSettings.load()) as server:
        fleet = [AgentView.model_validate(item) for item in server.get(PATH)["items"]]
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


@app.command("release")
def release(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Agents by name or id.")], as_json: Json = False
) -> None:
    """Let quarantined agents back in; they come by themselves.

    Example: muster agents release builder
    """
    with Connection.open(CliSettings.load()) as server:
        for name in names:
            view = AgentView.model_validate(server.post(f"{PATH}/{name}/release"))
            if as_json:
                emit(view)
            else:
                say(f"{view.description.name} is released.")
