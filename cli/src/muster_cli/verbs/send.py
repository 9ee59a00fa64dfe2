"""muster send"""

import asyncio
import sys
from typing import Annotated, Any

import typer

from muster_cli.answer import Answer
from muster_cli.connection import Connection
from muster_cli.live import Live, lasting
from muster_cli.output import emit, say, write
from muster_cli.settings import CliSettings
from muster_shared_models.ids import IdKind, new_id
from muster_shared_models.problems import MusterError

__all__ = ["send"]


def send(
    to: Annotated[str, typer.Argument(help="A name, or an address: agent:<name>, any:<selector>, all:<selector>.")],
    text: Annotated[str, typer.Argument(help="What to say; '-' reads standard input.")],
    conversation: Annotated[str, typer.Option(help="Go on in this conversation.")] = "",
    timeout: Annotated[int, typer.Option(help="Seconds without news after which to give up.", min=1)] = 120,
    as_json: Annotated[bool, typer.Option("--json", help="The events, one JSON object a line.")] = False,
) -> None:
    """Say something to an agent and print its answer as it is written; Ctrl-C stops it there.

    Example: muster send operator "/shell uname -a"
    """
    said = sys.stdin.read() if text == "-" else text
    message = {"text": said, "to": to if ":" in to else f"agent:{to}"}
    if conversation:
        message["conversation"] = conversation
    with Connection.open(CliSettings.load()) as server:
        talk = _Talk(as_json=as_json)
        try:
            asyncio.run(_converse(server, message, talk, timeout))
        except KeyboardInterrupt:
            for run_id in talk.open:
                _stop(server, run_id)
            raise
    if talk.failed:
        raise typer.Exit(1)


def _stop(server: Connection, run_id: str) -> None:
    try:
        server.post(f"/api/v1/runs/{run_id}/stop")
        say("\nstop requested")
    except MusterError as error:
        say(f"\nnot stopped: {error.detail}")


async def _converse(server: Connection, message: dict[str, str], talk: "_Talk", timeout: int) -> None:
    ref = new_id(IdKind.MESSAGE)
    conversation = ""

    async def converse(socket: Live) -> None:
        nonlocal conversation
        if not conversation:  # the same ref twice is one message
            await socket.send(op="chat.send", ref=ref, message=message)
            accepted = await socket.next(timeout)
            while accepted["op"] != "accepted":
                accepted = await socket.next(timeout)
            conversation = accepted["sent"]["conversation"]
            talk.begin(accepted["sent"]["run_id"])
        await talk.follow(socket, f"conversation:{conversation}", timeout)

    await lasting(server, converse, timeout)
    if not talk.as_json:
        say(conversation)


class _Talk:
    """Follows the run that answers a message, or those that do when it went to many."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        #: Runs that have not ended.
        self.open: dict[str, Answer] = {}
        self.failed = False
        self._base = ""
        #: How far the stream was read.
        self._epoch, self._seq = "", 0
        self._names: dict[str, str] = {}
        self._early: list[dict[str, Any]] = []

    def begin(self, run_id: str) -> None:
        """Begin with the run that the server named."""
        self._base = run_id
        self.open[run_id] = self._answer("")

    async def follow(self, socket: Live, stream: str, timeout: int) -> None:
        """Print until the runs have ended; raises what a single one ended with."""
        await self._subscribe(socket, stream)
        while self.open:
            frame = await socket.next(timeout)
            self._epoch = frame.get("epoch", self._epoch)
            if frame["op"] == "snapshot":
                self._take_snapshot(frame["data"]["snapshot"])
            elif frame["op"] == "event":
                self._take_numbered(frame["seq"], frame["event"])
            elif frame["op"] == "passing":
                self._take(frame["event"])
            elif frame["op"] == "resync":
                await self._subscribe(socket, stream)

    async def _subscribe(self, socket: Live, stream: str) -> None:
        await socket.send(op="subscribe", stream=stream, epoch=self._epoch, since=self._seq)

    def _take_snapshot(self, snapshot: dict[str, Any]) -> None:
        for item in snapshot["events"]:
            self._take_numbered(item["seq"], item["event"])
        for draft in snapshot["drafts"]:
            if draft["run_id"] in self.open and not self.as_json:
                self.open[draft["run_id"]].draft(draft)

    def _take_numbered(self, seq: int, event: dict[str, Any]) -> None:
        if seq > self._seq:
            self._seq = seq
            self._take(event)

    def _take(self, event: dict[str, Any]) -> None:
        run_id = event.get("run_id", "")
        if run_id == self._base and event["kind"] == "RUN_FANNED_OUT":
            self._split(event)
        elif run_id in self.open:
            self._show(run_id, event)
        elif run_id.startswith(f"{self._base}~") and self._base in self.open:
            # It answers before we know that the message went to many, and to whom.
            self._early.append(event)

    def _split(self, event: dict[str, Any]) -> None:
        if self.as_json:
            emit(event)
        del self.open[self._base]
        for branch in event["branches"]:
            self._names[branch["run_id"]] = branch["agent_name"]
            self.open[branch["run_id"]] = self._answer(branch["agent_name"])
        early, self._early = self._early, []
        for each in early:
            self._take(each)

    def _show(self, run_id: str, event: dict[str, Any]) -> None:
        if self.as_json:
            emit(event)
        try:
            if self.open[run_id].take(event):
                del self.open[run_id]
        except MusterError as error:
            del self.open[run_id]
            if run_id == self._base:
                raise
            self.failed = True
            say(f"{self._names[run_id]}: {error.detail}")

    def _answer(self, name: str) -> Answer:
        if self.as_json:
            return Answer(lambda _: None, lambda _: None, name)
        return Answer(write, say, name)
