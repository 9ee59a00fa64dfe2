"""muster token"""

from typing import Annotated, Literal

import typer
from pydantic import ValidationError

from muster_cli.connection import Connection
from muster_cli.output import emit, say
from muster_cli.settings import CliSettings
from muster_shared_models.problems import MusterError, Reason
from muster_shared_models.system import JoinToken, NewJoinToken

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Join tokens for agents and brokers, login links for browsers.")

Json = Annotated[bool, typer.Option("--json", help="A JSON object.")]


@app.command("create")
def create(
    kind: Annotated[Literal["agent", "broker"], typer.Option(help="What may join with it.")] = "agent",
    name: Annotated[str | None, typer.Option(help="Only an agent of this name.")] = None,
    minutes: Annotated[int, typer.Option(help="How long it is good for.", min=1, max=10_080)] = 60,
    as_json: Json = False,
) -> None:
    """Make a join token: it works once, and is shown once.

    Example: muster token create --name lab-1
    """
    try:
        wanted = NewJoinToken(kind=kind, name=name, expires_in_s=minutes * 60)
    except ValidationError as error:
        raise MusterError(
            Reason.INVALID_REQUEST,
            f"'{name}' is not a name that agents can have.",
            "Write letters, digits, '.', '_', '-'.",
        ) from error
    with Connection.open(CliSettings.load()) as server:
        made = JoinToken.model_validate(server.post("/api/v1/join-tokens", wanted))
    if as_json:
        emit(made)
        return
    typer.echo(made.token)
    say(f"\nOn the machine where it shall run, within {minutes} minutes:\n  {made.command}")


@app.command("login")
def login(as_json: Json = False) -> None:
    """Make a link that logs a browser in, once, within an hour.

    Example: open "$(muster token login)"
    """
    with Connection.open(CliSettings.load()) as server:
        made = server.post("/api/v1/login-links")
    if as_json:
        emit(made)
    else:
        typer.echo(made["url"])
