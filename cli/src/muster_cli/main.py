"""The `muster` command: `noun verb` or verb; data on stdout, the rest on stderr.

Exit codes: 0 done · 1 it failed · 2 asked wrongly · 3 not found · 4 not allowed · 5 took too long · 130 interrupted.
"""

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from muster_cli.output import tell_problem
from muster_cli.verbs import agent, agents, broker, doctor, run, send, server, token, up
from muster_shared_models.problems import MusterError, meaning

__all__ = ["app", "main"]

INTERRUPTED = 130

app = typer.Typer(
    name="muster",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Muster: a control plane for fleets of AI agents.\n\nStart here: muster up",
)
app.command("up")(up.up)
app.command("server")(server.server)
app.command("broker")(broker.broker)
app.command("agent")(agent.agent)
app.command("agents")(agents.agents)
app.command("send")(send.send)
app.command("run")(run.run)
app.command("doctor")(doctor.doctor)
app.add_typer(token.app, name="token")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(version("muster-cli"))
        raise typer.Exit


@app.callback()
def root(
    shown: Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show it.")] = False,
) -> None:
    """Take what comes before the verb."""


def main() -> None:
    """Run the command line; every error becomes words and an exit code."""
    try:
        app()
    except MusterError as error:
        tell_problem(error, as_json="--json" in sys.argv)
        sys.exit(meaning(error.reason).exit_code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
