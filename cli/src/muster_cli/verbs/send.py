"""muster send"""

import asyncio
import sys
from typing import Annotated, Any

import typer

from muster_cli.connection import Connection
from muster_cli.live import Live, live
from muster_cli.output import emit, say
from muster_cli.settings import CliSettings
from muster_shared_models.ids import IdKind, new_id
from muster_shared_models.problems import MusterError, Reason

__all__ = ["send"]


def send(
    to: Annotated[str, typer.Argument(help="A name, or an address: agent:<name>, any:<selector>.")],
    text: Annotated[str, typer.Argument(help="What to say; '-' reads standard input.")],
    conversation: Annotated[str, typer.Option(help="Go on in this conversation.")] = "",
    timeout: Annotated[int, typer.Option(help="Seconds without news after which to give up.")] = 120,
    as_json: Annotated[bool, typer.Option("--json", help="The events, one JSON object a line.")] = False,
) -> None:
    """Say something to an agent and print its answer as it is written.

    Example: muster send operator "/shell uname -a"
    """
    said = sys.stdin.read() if text == "-" else text
    address = to if ":" in to else f"agent:{to}"
    message = {"text": said, "conversation": conversation} if conversation else {"text": said, "to": address}
    with Connection.open(CliSettings.load()) as server:
        asyncio.run(_converse(server, message, timeout, as_json=as_json))


async def _converse(server: Connection, message: dict[str, str], timeout: int, *, as_json: bool) -> None:
    async with live(server) as socket:
        await socket.send(op="chat.send", ref=new_id(IdKind.MESSAGE), message=message)
        accepted = await socket.next(timeout)
        while accepted["op"] != "accepted":
            accepted = await socket.next(timeout)
        sent = accepted["sent"]
        await socket.send(op="subscribe", stream=f"conversation:{sent['conversation']}")
        await _Answer(sent["run_id"], as_json=as_json).follow(socket, timeout)
        if not as_json:
            sys.stdout.write("\n")
            say(sent["conversation"])


class _Answer:
    """Prints one run."""

    def __init__(self, run_id: str, *, as_json: bool) -> None:
        self._run_id = run_id
        self._as_json = as_json
        self._printed = ""

    async def follow(self, socket: Live, timeout: int) -> None:
        """Print until the run has ended; raises what it ended with."""
        while True:
            frame = await socket.next(timeout)
            if frame["op"] == "snapshot":
                events = [item["event"] for item in frame["data"]["snapshot"]["events"]]
            elif frame["op"] in ("event", "passing"):
                events = [frame["event"]]
            else:
                continue
            for event in events:
                if event.get("run_id") == self._run_id and self._take(event):
                    return

    def _take(self, event: dict[str, Any]) -> bool:
        if self._as_json:
            emit(event)
        kind = event["kind"]
        if kind == "TEXT_MESSAGE_CONTENT":
            self._show(self._printed[: event["offset"]] + event["delta"])
        elif kind == "TEXT_MESSAGE_END":
            self._show(event["text"])
        elif kind in ("TOOL_CALL_START", "RUN_QUEUED") and not self._as_json:
            say(event.get("detail") or f"{event['title']}: {event['subject']}")
        elif kind == "TOOL_CALL_RESULT" and not self._as_json:
            sys.stdout.write(event["output"].rstrip("\n") + "\n")
        elif kind == "RUN_ERROR":
            raise MusterError(Reason(event["reason"]), event["message"], event["hint"])
        return bool(kind == "RUN_FINISHED")

    def _show(self, text: str) -> None:
        if not self._as_json and text.startswith(self._printed):
            sys.stdout.write(text[len(self._printed) :])
            sys.stdout.flush()
        self._printed = text
