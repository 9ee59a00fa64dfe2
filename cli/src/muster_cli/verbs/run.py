"""muster run"""

import asyncio
import contextlib
import sys
from typing import Annotated, Any

import typer

from muster_cli.connection import Connection
from muster_cli.live import Live, asked, lasting
from muster_cli.output import emit, say, write
from muster_cli.settings import CliSettings
from muster_shared_models.commands import ENDED, CommandView, PushCommand, TargetState, TargetView
from muster_shared_models.problems import MusterError, Reason, meaning

__all__ = ["run"]

#: What a shell says of a program that a signal ended: 128 plus the signal.
SIGNALLED = 128
#: States in which the exit code says it all.
RAN_TO_ITS_END = (TargetState.DONE, TargetState.FAILED)
#: Events in one page.
PAGE = 200
#: Seconds that a server may be away while a program is followed.
PATIENCE_S = 120.0
#: Seconds that Ctrl-C waits for the program's confirmed end.
STOP_WAIT_S = 15.0


def run(
    to: Annotated[str, typer.Argument(help="A name, or an address: agent:<name>, all:<selector>.")],
    argv: Annotated[list[str] | None, typer.Argument(help="The program and its arguments.")] = None,
    shell: Annotated[str, typer.Option("--shell", "-c", help="Instead of a program: a line for the shell.")] = "",
    timeout: Annotated[int, typer.Option(help="Seconds the program may take.", min=1, max=7200)] = 600,
    expires: Annotated[int, typer.Option(help="Seconds an agent that is away may take to fetch it.", min=1)] = 60,
    as_json: Annotated[bool, typer.Option("--json", help="The events, one JSON object a line.")] = False,
) -> None:
    """Push a command to one or many agents and print its output as it comes; Ctrl-C stops it there.

    Exits as the program did, with 5 when it or its agent took too long; of many targets, with 1 if any failed.

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
        command = _Command(server, CommandView.model_validate(server.post("/api/v1/commands", wanted)), as_json=as_json)
        try:
            asyncio.run(command.follow())
        except KeyboardInterrupt:
            _stop(server, command)
            raise
    raise typer.Exit(_exit_code(list(command.ended.values())))


def _stop(server: Connection, command: "_Command") -> None:
    server.post(f"/api/v1/commands/{command.id}/stop")
    say("\nstop requested")
    with contextlib.suppress(TimeoutError, KeyboardInterrupt):  # a second Ctrl-C does not wait for the end
        asyncio.run(asyncio.wait_for(command.follow(), STOP_WAIT_S))


class _Command:
    """Prints what a command's targets say until all have ended."""

    def __init__(self, server: Connection, view: CommandView, *, as_json: bool) -> None:
        self.id = view.id
        self.ended: dict[str, TargetView] = {}
        self._server = server
        self._as_json = as_json
        self._names = {target.agent_id: target.agent_name for target in view.targets}
        self._seq = 0
        #: Of many targets only whole lines are printed: agent and stream to the line that has begun.
        self._begun: dict[tuple[str, str], str] = {}

    async def follow(self) -> None:
        """Follow to the end, from where we are."""
        await lasting(self._server, self._follow, PATIENCE_S)

    async def _follow(self, socket: Live) -> None:
        stream = f"command:{self.id}"
        await socket.send(op="subscribe", stream=stream)
        while len(self.ended) < len(self._names):
            frame = await socket.next()
            if frame["op"] == "snapshot":
                for item in frame["data"]["snapshot"]["events"]:
                    await self._take(item["seq"], item["event"])
            elif frame["op"] == "event":
                await self._take(frame["seq"], frame["event"])
            elif frame["op"] == "resync":
                await socket.send(op="subscribe", stream=stream)

    async def _take(self, seq: int, event: dict[str, Any]) -> None:
        while self._seq + 1 < seq:
            # A program that says much: what does not fit into a snapshot, or what a slow reader missed.
            path = f"/api/v1/commands/{self.id}/events"
            page = await asked(self._server.get, path, after=self._seq, limit=PAGE)
            for item in page["items"]:
                self._show(item["seq"], item["event"])
            if not page["items"]:
                break
        self._show(seq, event)

    def _show(self, seq: int, event: dict[str, Any]) -> None:
        if seq <= self._seq:
            return
        self._seq = seq
        if self._as_json:
            emit(event)
        if event["kind"] == "OUTPUT":
            self._print(event["agent_id"], event["stream"], event["text"])
            if event["dropped"]:
                self._say(event["agent_id"], f"{event['dropped']} bytes of output were left out")
        elif event["kind"] == "TARGET_CHANGED":
            target = TargetView.model_validate(event["target"])
            if target.state in ENDED:
                self._end(target)

    def _print(self, agent_id: str, stream: str, text: str) -> None:
        if self._as_json:
            return
        if len(self._names) > 1:
            *lines, rest = (self._begun.get((agent_id, stream), "") + text).split("\n")
            self._begun[agent_id, stream] = rest
            text = "".join(f"{self._names[agent_id]}: {line}\n" for line in lines)
        if stream == "stderr":
            sys.stderr.write(text)
            sys.stderr.flush()
        else:
            write(text)

    def _end(self, target: TargetView) -> None:
        for (agent_id, stream), rest in list(self._begun.items()):
            if agent_id == target.agent_id and rest:
                self._print(agent_id, stream, "\n")
        self.ended[target.agent_id] = target
        if target.state not in RAN_TO_ITS_END or target.exit_code is None or target.detail:
            self._say(target.agent_id, f"{target.state.value}{': ' if target.detail else ''}{target.detail}")
        elif len(self._names) > 1:
            self._say(target.agent_id, f"exit {target.exit_code}")

    def _say(self, agent_id: str, text: str) -> None:
        say(f"{self._names[agent_id]}: {text}" if len(self._names) > 1 else text)


def _exit_code(targets: list[TargetView]) -> int:
    if len(targets) > 1:
        return 0 if all(target.exit_code == 0 for target in targets) else 1
    target = targets[0]
    if target.state in RAN_TO_ITS_END and target.exit_code is not None:
        return target.exit_code if target.exit_code >= 0 else SIGNALLED - target.exit_code
    return meaning(target.reason).exit_code if target.reason else 1
