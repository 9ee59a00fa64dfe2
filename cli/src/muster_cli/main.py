"""The `muster` command: `noun verb` or verb; data on stdout, the rest on stderr.

Exit codes: 0 done · 1 it failed · 2 asked wrongly · 3 not found · 4 not allowed · 5 took too long · 130 interrupted.
"""

import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated, cast

import typer
from pydantic import ValidationError

from muster_cli.output import tell_problem
from muster_cli.settings import silence_grpc
from muster_cli.verbs import agent, agents, broker, dlq, doctor, queues, run, send, server, token, up
from muster_shared_models.problems import MusterError, Reason, meaning

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
app.add_typer(agents.app, name="agents")
app.command("queues")(queues.queues)
app.command("send")(send.send)
app.command("run")(run.run)
app.command("doctor")(doctor.doctor)
app.add_typer(token.app, name="token")
app.add_typer(dlq.app, name="dlq")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(version("muster-cli"))
        raise typer.Exit


@app.callback()
def root(
    shown: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Muster: a control plane for fleets of AI agents."""


#: What is wrong with how the command was asked; typer does not export the class itself.
UsageError = cast("type[typer.BadParameter]", typer.BadParameter.__base__)


def main() -> None:
    """Run the command line; every error becomes words and an exit code."""
    silence_grpc()
    as_json = _wants_json(sys.argv[1:])
    try:
        # Programs get a reason also when they asked wrongly; people get typer's picture of it.
        sys.exit(app(standalone_mode=not as_json))
    except MusterError as error:
        problem = error
    except UsageError as error:
        problem = MusterError(Reason.INVALID_REQUEST, error.format_message(), "muster --help")
    except ValidationError as error:
        detail = f"The server's answer cannot be read: {error.error_count()} of its fields are unknown or missing."
        problem = MusterError(Reason.INTERNAL, detail, "Is the server of another version than this command?")
    except BrokenPipeError:
        # Nobody reads any more: `muster agents --json | head -1`. Python would complain about it at its very end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        problem = MusterError(Reason.INVALID_SETTING, f"{where}{error.strerror or error}.", "Choose another folder.")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    tell_problem(problem, as_json=as_json)
    sys.exit(meaning(problem.reason).exit_code)


def _wants_json(arguments: Sequence[str]) -> bool:
    """Tell whether the answer is for a program; what follows `--` is another program's."""
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return "--json" in own


if __name__ == "__main__":
    main()
