"""How a command's stream begins for a browser: where it was, or with a snapshot."""

from muster_server.commands import store
from muster_server.commands.store import EventRow
from muster_server.edge.hub import Beginning
from muster_server.edge.lines import event_line, frame_line
from muster_server.store.store import Store
from muster_server.store.transaction import Transaction
from muster_shared_models.commands import CommandView
from muster_shared_models.frames import Resumed
from muster_shared_models.problems import MusterError, Reason

__all__ = ["CommandStreams"]

#: Events that a snapshot holds, and their characters.
SNAPSHOT_EVENTS = 500
SNAPSHOT_CHARS = 600_000
REPLAYED = 1_000


class CommandStreams:
    """The source of `command:<id>`."""

    def __init__(self, db: Store, epoch: str) -> None:
        self._store = db
        self._epoch = epoch

    async def begin(self, stream: str, epoch: str, since: int) -> Beginning:
        """Continue after `since`, or begin with a snapshot."""
        command_id = stream.partition(":")[2]

        def unit(tx: Transaction) -> tuple[CommandView | None, list[EventRow], list[EventRow]]:
            view = store.command(tx, command_id)
            last = store.last_events(tx, command_id, SNAPSHOT_EVENTS)
            last_seq = last[-1][0] if last else 0
            resumes = epoch == self._epoch and last_seq - REPLAYED <= since <= last_seq
            return view, last, store.events_after(tx, command_id, since, REPLAYED) if resumes else []

        view, last, missed = await self._store.read(unit)
        if view is None:
            raise MusterError(Reason.COMMAND_NOT_FOUND, f"There is no command {command_id[:40]}.")
        last_seq = last[-1][0] if last else 0
        if epoch == self._epoch and last_seq - REPLAYED <= since <= last_seq:
            first = frame_line(Resumed(stream=stream, epoch=self._epoch, seq=since))
            return Beginning([first, *(event_line(stream, seq, at, data) for seq, at, _, data in missed)], last_seq)
        return Beginning([self._snapshot(stream, view, last)], last_seq)

    async def events(self, command_id: str, after: int, most: int) -> list[EventRow]:
        """Return events after a seq, oldest first."""
        return await self._store.read(lambda tx: store.events_after(tx, command_id, after, most))

    def _snapshot(self, stream: str, view: CommandView, rows: list[EventRow]) -> str:
        kept: list[str] = []
        room = SNAPSHOT_CHARS
        last_seq = rows[-1][0] if rows else 0
        first_seq = last_seq + 1
        for seq, at, _, data in reversed(rows):
            room -= len(data)
            if room < 0 and kept:
                break
            kept.append(event_line("", seq, at, data).replace('"op":"event","stream":"",', "", 1))
            first_seq = seq
        return (
            f'{{"op":"snapshot","stream":"{stream}","epoch":"{self._epoch}","seq":{last_seq},'
            f'"data":{{"kind":"command","snapshot":{{"command":{view.model_dump_json()},'
            f'"first_seq":{first_seq},"events":[{",".join(reversed(kept))}]}}}}}}'
        )
