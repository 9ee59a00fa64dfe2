"""muster queues"""

import time
from typing import Annotated

import typer

from muster_cli.connection import Connection
from muster_cli.output import emit, say, table
from muster_cli.settings import CliSettings
from muster_shared_models.queues import QueueList, QueueRole, QueueView

__all__ = ["queues"]

#: Seconds between the two looks that a rate needs.
APART_S = 1.2
UNKNOWN = "-"


def queues(as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False) -> None:
    """List every queue: what waits in it, who takes from it, how fast.

    Example: muster queues --json | jq -r 'select(.consumers == 0 and .depth > 0) | .name'
    """
    with Connection.open(CliSettings.load()) as server:
        found = QueueList.model_validate(server.get("/api/v1/queues"))
        if not found.trouble and any(view.growth is None for view in found.items):
            # Nobody has looked for a while: rates are told from the second look on.
            time.sleep(APART_S)
            found = QueueList.model_validate(server.get("/api/v1/queues"))
    if as_json:
        for view in found.items:
            emit(view)
    else:
        columns = ("QUEUE", "AGENT", "DEPTH", "BOUND", "UNACKED", "IN/S", "OUT/S", "CONSUMERS", "DEAD")
        table(columns, [_row(view) for view in found.items])
    if found.trouble:
        say(found.trouble)


def _row(view: QueueView) -> tuple[str, ...]:
    # What waits in a retry queue goes back by itself, so nobody needs to take from it.
    alone = view.consumers == 0 and view.role is not QueueRole.RETRY
    return (
        view.name,
        view.agent_name,
        _number(view.depth),
        str(view.bound),
        _number(view.unacked),
        _number(view.rate_in),
        _number(view.rate_out),
        f"{_number(view.consumers)}{' nobody' if alone else ''}",
        str(view.dead_letters),
    )


def _number(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:g}"
