"""What people and programs read: data on stdout, everything else on stderr, colour only on terminals."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from muster_shared_models.model import WireModel
from muster_shared_models.problems import MusterError

__all__ = ["ago", "emit", "say", "table", "tell_problem", "write"]

#: Programs that read a table want whole cells, whatever a terminal would show.
_STDOUT = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 400)
_STDERR = Console(stderr=True, highlight=False, soft_wrap=True)


def emit(value: WireModel | dict[str, object]) -> None:
    """Write one JSON object on one line to stdout."""
    text = value.model_dump_json() if isinstance(value, WireModel) else json.dumps(value, separators=(",", ":"))
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def write(text: str) -> None:
    """Write a piece of data to stdout, at once."""
    sys.stdout.write(text)
    sys.stdout.flush()


def say(text: str) -> None:
    """Write words for people to stderr."""
    _STDERR.print(text, markup=False)


def tell_problem(error: MusterError, *, as_json: bool) -> None:
    """Write an error to stderr: what happened, why, what to do."""
    if as_json:
        sys.stderr.write(error.problem().model_dump_json() + "\n")
        return
    problem = error.problem()
    _STDERR.print(f"[bold red]{problem.title}[/]", highlight=False)
    _STDERR.print(f"  {error.detail}", markup=False)
    if error.hint:
        _STDERR.print(f"  {error.hint}", markup=False, style="dim")
    _STDERR.print(f"  reason: {error.reason.value}", markup=False, style="dim")


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a table to stdout."""
    shown = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        shown.add_column(column, no_wrap=True)
    for row in rows:
        shown.add_row(*row)
    _STDOUT.print(shown)


def ago(moment: datetime | None) -> str:
    """Return how long a moment is ago, in words."""
    if moment is None:
        return "never"
    seconds = max(0, int((datetime.now(UTC) - moment).total_seconds()))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago"
