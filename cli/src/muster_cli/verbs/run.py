"""muster run"""

import asyncio
import sys
from typing import Annotated, Any

import typer

from muster_cli.connection import Connection
from muster_cli.live import Live, live
from muster_cli.output import emit, say
from muster_cli.settings import CliSettings
from muster_shared_models.commands import ENDED, CommandView, PushCommand, TargetView
from muster_shared_models.problems import MusterError, Reason

__all__ = ["run"]

#: What a shell says of a program that a signal ended: 128 plus the signal.
SIGNALLED = 128


def run(
    to: Annotated[str, typer.Argument(help="A name, or an address: agent:<name>, all:<selector>.")],
    argv: Annotated[list[str] | None, typer.Argument(help="The program and its arguments.")] = None,
    shell: Annotated[str, typer.Option("--shell", "-c", help="Instead of a program: a line for the shell.")] = "",
    timeout: Annotated[int, typer.Option(help="Seconds the program may take.", min=1, max=7200)] = 600,
    expires: Annotated[int, typer.Option(help="Seconds an agent that is away may take to fetch it.", min=1)] = 60,
    as_json: Annotated[bool, typer.Option("--json", help="The events, one JSON object a line.")] = False,
) -> None:
    """Push a command to one or many agents and print its output as it comes; Ctrl-C stops it there.

    Exits as the program did (one target), or with 1 if it failed anywhere.

    Example: muster run lab-1 -- uname -a
    """
    address = to if ":" in to else f"agent:{to}"
    try:
        wanted = PushCommand(to=address, argv=argv or [], shell=shell, timeout_s=timeout, expires_s=expires)
    except ValueError as error:
        raise MusterError(
            Reason.INVALID_REQUEST, "Give either a program after -- or a line with --shell.", "muster run --help"
        ) from error
    with Connection.open(CliSettings.load()) as server:
        view = CommandView.model_validate(server.post("/api/v1/commands", wanted))
        try:
            ended = asyncio.run(_follow(server, view, as_json=as_json))
        except KeyboardInterrupt:
            server.post(f"/api/v1/commands/{view.id}/stop")
            say("stop requested")
            raise
    raise typer.Exit(_exit_code(list(ended.values())))


async def _follow(server: Connection, view: CommandView, *, as_json: bool) -> dict[str, TargetView]:
    names = {target.agent_id: target.agent_name for target in view.targets}
    ended: dict[str, TargetView] = {}
    async with live(server) as socket:
        await socket.send(op="subscribe", stream=f"command:{view.id}")
        while len(ended) < len(names):
            for event in await _events(socket):
                if as_json:
                    emit(event)
                if event["kind"] == "OUTPUT" and not as_json:
                    _print(event, names[event["agent_id"]] if len(names) > 1 else "")
                elif event["kind"] == "TARGET_CHANGED":
                    target = TargetView.model_validate(event["target"])
                    if target.state in ENDED:
                        ended[target.agent_id] = target
                        _tell(target, many=len(names) > 1)
    return ended


async def _events(socket: Live) -> list[dict[str, Any]]:
    frame = await socket.next()
    if frame["op"] == "snapshot":
        return [item["event"] for item in frame["data"]["snapshot"]["events"]]
    return [frame["event"]] if frame["op"] == "event" else []


def _print(event: dict[str, Any], name: str) -> None:
    stream = sys.stderr if event["stream"] == "stderr" else sys.stdout
    text = event["text"]
    if name:
        text = "".join(f"{name}: {line}" for line in text.splitlines(keepends=True))
    stream.write(text)
    stream.flush()


def _tell(target: TargetView, *, many: bool) -> None:
    name = f"{target.agent_name}: " if many else ""
    if target.exit_code is None or target.detail:
        say(f"{name}{target.state.value}{': ' if target.detail else ''}{target.detail}")
    elif many:
        say(f"{name}exit {target.exit_code}")


def _exit_code(targets: list[TargetView]) -> int:
    if len(targets) == 1 and targets[0].exit_code is not None:
        code = targets[0].exit_code
        return code if code >= 0 else SIGNALLED - code
    return 0 if all(target.exit_code == 0 for target in targets) else 1
