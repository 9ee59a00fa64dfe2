"""muster dlq"""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from muster_cli.connection import Connection
from muster_cli.output import ago, emit, say, table, write
from muster_cli.settings import CliSettings
from muster_shared_models.dead_letters import (
    DeadLetterDetail,
    DeadLetterFilter,
    DeadLettersHandled,
    DeadLetterState,
    DeadLetterView,
    EditDeadLetter,
    HandleDeadLetters,
)
from muster_shared_models.problems import MusterError, Reason

__all__ = ["app"]

PATH = "/api/v1/dead-letters"
#: The most that one request handles.
AT_ONCE = 500

app = typer.Typer(no_args_is_help=True, help="Dead letters: messages that nobody could take.")

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
Letter = Annotated[str, typer.Argument(help="A dead letter's id, dl_...; see `muster dlq list`.")]
Letters = Annotated[list[str] | None, typer.Argument(help="Ids, dl_...")]
Every = Annotated[bool, typer.Option("--all", help="All that wait and match the filters.")]
Queue = Annotated[str, typer.Option(help="Only those that died in this queue.")]
Why = Annotated[str, typer.Option(help="Only those with this reason.")]
Agent = Annotated[str, typer.Option(help="Only those of this agent, by id.")]
Conversation = Annotated[str, typer.Option(help="Only those of this conversation.")]


@app.command("list")
def show_list(
    state: Annotated[DeadLetterState, typer.Option(help="What became of them.")] = DeadLetterState.WAITING,
    queue: Queue = "",
    reason: Why = "",
    agent: Agent = "",
    conversation: Conversation = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="The most to list.")] = 100,
    as_json: Json = False,
) -> None:
    """List dead letters, newest first.

    Example: muster dlq list --reason rejected
    """
    filters = {"state": state.value, "queue": queue, "reason": reason, "agent_id": agent, "conversation": conversation}
    with Connection.open(CliSettings.load()) as server:
        found = list(_pages(server, filters, limit))
    if as_json:
        for letter in found:
            emit(letter)
        return
    table(
        ("ID", "DIED", "REASON", "QUEUE", "TYPE", "TO", "SIZE", "WHY"),
        [
            (each.id, ago(each.died_at), each.reason, each.queue, each.type, each.to, str(each.size), each.detail[:80])
            for each in found
        ],
    )


def _pages(server: Connection, filters: dict[str, str], limit: int) -> "list[DeadLetterView]":
    found: list[DeadLetterView] = []
    cursor: dict[str, Any] = {}
    while len(found) < limit:
        page = server.get(PATH, limit=min(200, limit - len(found)), **filters, **cursor)
        found += [DeadLetterView.model_validate(item) for item in page["items"]]
        if not page["next_cursor"]:
            break
        cursor = {"cursor": page["next_cursor"]}
    return found


@app.command("show")
def show(letter: Letter, as_json: Json = False) -> None:
    """Show one dead letter: its body on stdout, everything else on stderr.

    Example: muster dlq show dl_01J... | jq .
    """
    with Connection.open(CliSettings.load()) as server:
        detail = DeadLetterDetail.model_validate(server.get(f"{PATH}/{letter}"))
    if as_json:
        emit(detail)
        return
    view = detail.letter
    for name, value in (
        ("id", view.id), ("message", view.message_id), ("type", view.type), ("died", ago(view.died_at)),
        ("in", view.queue), ("reason", f"{view.reason}. {view.detail}"), ("from", view.sender), ("to", view.to),
        ("conversation", view.conversation), ("run", view.run_id), ("way", f"{view.exchange} / {view.key}"),
        ("state", view.state.value + (", edited" if view.edited else "")),
    ):  # fmt: skip
        if value:
            say(f"{name:>13}  {value}")
    for entry in detail.history:
        say(f"{'':>13}  {entry.action} by {entry.by}, {ago(entry.at)} {entry.detail}".rstrip())
    if not detail.body_complete:
        say("\nThe body is no text, or only its beginning is shown:")
    write(detail.body + "\n")


@app.command("edit")
def edit(
    letter: Letter,
    body: Annotated[str, typer.Option(help="A file with the new body; - for standard input.")] = "",
    to: Annotated[str, typer.Option(help="Another address, such as agent:builder.")] = "",
    as_json: Json = False,
) -> None:
    """Give a waiting dead letter another body or address.

    Example: muster dlq show dl_01J... | sed s/tset/test/ | muster dlq edit dl_01J... --body -
    """
    if not body and not to:
        raise MusterError(Reason.INVALID_REQUEST, "There is nothing to change.", "Say --body FILE or --to ADDRESS.")
    text = None if not body else sys.stdin.read() if body == "-" else Path(body).read_text()
    # `show` ends the body with a line of its own.
    new = EditDeadLetter(body=text if text is None else text.removesuffix("\n"), to=to or None)
    with Connection.open(CliSettings.load()) as server:
        detail = DeadLetterDetail.model_validate(server.patch(f"{PATH}/{letter}", new))
    if as_json:
        emit(detail)
    else:
        say(f"{letter} is changed; `muster dlq replay {letter}` sends it.")


@app.command("replay")
def replay(
    letters: Letters = None,
    every: Every = False,
    queue: Queue = "",
    reason: Why = "",
    agent: Agent = "",
    conversation: Conversation = "",
    as_json: Json = False,
) -> None:
    """Send dead letters again, with the ids that they had: what arrived already is not done twice.

    Example: muster dlq replay --all --reason queue_full
    """
    matching = DeadLetterFilter(queue=queue, reason=reason, agent_id=agent, conversation=conversation)
    _handle("replay", letters or [], matching if every else None, as_json=as_json)


@app.command("drop")
def drop(
    letters: Letters = None,
    every: Every = False,
    queue: Queue = "",
    reason: Why = "",
    agent: Agent = "",
    conversation: Conversation = "",
    as_json: Json = False,
) -> None:
    """Give dead letters up. They are kept for 30 days, but cannot be sent any more.

    Example: muster dlq drop dl_01J...
    """
    matching = DeadLetterFilter(queue=queue, reason=reason, agent_id=agent, conversation=conversation)
    _handle("drop", letters or [], matching if every else None, as_json=as_json)


def _handle(action: str, letters: list[str], matching: DeadLetterFilter | None, *, as_json: bool) -> None:
    if bool(letters) == (matching is not None):
        raise MusterError(Reason.INVALID_REQUEST, "Say which: ids, or --all with filters.", f"muster dlq {action} -h")
    with Connection.open(CliSettings.load()) as server:
        if matching is not None:
            done = _handle_all(server, action, matching)
            if as_json:
                emit(done)
            else:
                say(f"{done.handled} handled, {done.waiting} that match still wait.")
        for letter in letters:
            view = DeadLetterView.model_validate(server.post(f"{PATH}/{letter}/{action}"))
            if as_json:
                emit(view)
            else:
                say(f"{letter} is {view.state.value}.")


def _handle_all(server: Connection, action: str, matching: DeadLetterFilter) -> DeadLettersHandled:
    handled = 0
    # As many as wait now: what dies again in the meantime is not sent round for ever.
    wanted = HandleDeadLetters(filter=matching, limit=AT_ONCE)
    done = DeadLettersHandled.model_validate(server.post(f"{PATH}/{action}", wanted))
    handled, left = done.handled, done.waiting
    while done.handled and left > 0:
        wanted = HandleDeadLetters(filter=matching, limit=min(AT_ONCE, left))
        done = DeadLettersHandled.model_validate(server.post(f"{PATH}/{action}", wanted))
        handled, left = handled + done.handled, left - done.handled
    return DeadLettersHandled(handled=handled, waiting=done.waiting)
