"""How a conversation's stream begins for a browser: where it was, or with a snapshot."""

import json

from muster_server.conversations import store
from muster_server.conversations.drafts import Drafts
from muster_server.conversations.store import EventRow
from muster_server.edge.hub import Beginning
from muster_server.edge.lines import event_line, frame_line
from muster_server.store.store import Store
from muster_server.store.transaction import Transaction
from muster_shared_models.conversations import ConversationView
from muster_shared_models.frames import Resumed
from muster_shared_models.problems import MusterError, Reason

__all__ = ["ConversationStreams"]

#: Events that a snapshot holds at most, and their characters.
SNAPSHOT_EVENTS = 200
SNAPSHOT_CHARS = 400_000
#: Events that a resumed subscription gets; with more missing, it begins anew.
REPLAYED = 500


class ConversationStreams:
    """The source of `conversation:<id>`."""

    def __init__(self, db: Store, epoch: str, drafts: Drafts) -> None:
        self._store = db
        self._epoch = epoch
        self._drafts = drafts

    async def begin(self, stream: str, epoch: str, since: int) -> Beginning:
        """Continue a conversation's stream after `since`, or begin it with a snapshot."""
        conversation_id = stream.partition(":")[2]

        def unit(tx: Transaction) -> tuple[ConversationView | None, list[EventRow], bool]:
            view = store.conversation(tx, conversation_id)
            if view and epoch == self._epoch and view.last_seq - REPLAYED <= since <= view.last_seq:
                return view, store.events_of(tx, conversation_id, since, REPLAYED), True
            return view, store.events_before(tx, conversation_id, 1 << 62, SNAPSHOT_EVENTS), False

        view, rows, resumed = await self._store.look(unit)
        if view is None:
            raise _not_found(conversation_id)
        if resumed:
            first = frame_line(Resumed(stream=stream, epoch=self._epoch, seq=since))
            lines = [first, *(event_line(stream, seq, at, data) for seq, at, _, data in rows)]
            return Beginning(lines + self._draft_lines(stream, view), view.last_seq)
        return Beginning([self._snapshot_line(stream, view, rows)], view.last_seq)

    async def events(self, conversation_id: str, before: int, most: int) -> list[EventRow]:
        """Return events before a seq, oldest first; raises CONVERSATION_NOT_FOUND."""

        def unit(tx: Transaction) -> tuple[bool, list[EventRow]]:
            known = store.conversation(tx, conversation_id) is not None
            return known, store.events_before(tx, conversation_id, before, most)

        known, rows = await self._store.read(unit)
        if not known:
            raise _not_found(conversation_id)
        return rows

    def _snapshot_line(self, stream: str, view: ConversationView, rows: list[EventRow]) -> str:
        kept: list[str] = []
        room = SNAPSHOT_CHARS
        first_seq = view.last_seq + 1
        for seq, at, _, data in reversed(rows):
            room -= len(data)
            if room < 0 and kept:
                break
            # The stored JSON goes in as it is: reading it only to write it again is waste.
            line = event_line("", seq, at, data)
            kept.append(line.replace('"op":"event","stream":"",', "", 1))
            first_seq = seq
        drafts = [draft.model_dump_json() for run in view.active_runs if (draft := self._drafts.of(run))]
        return (
            f'{{"op":"snapshot","stream":{json.dumps(stream)},"epoch":"{self._epoch}","seq":{view.last_seq},'
            f'"data":{{"kind":"conversation","snapshot":{{"conversation":{view.model_dump_json()},'
            f'"first_seq":{first_seq},"events":[{",".join(reversed(kept))}],"drafts":[{",".join(drafts)}]}}}}}}'
        )

    def _draft_lines(self, stream: str, view: ConversationView) -> list[str]:
        lines = []
        for run_id in view.active_runs:
            draft = self._drafts.of(run_id)
            if draft:
                lines += [_piece(stream, run_id, draft.attempt, None, draft.text)]
                lines += [_piece(stream, run_id, draft.attempt, tool.tool_call_id, tool.text) for tool in draft.tools]
        return lines


def _piece(stream: str, run_id: str, attempt: int, tool: str | None, text: str) -> str:
    kind = "TOOL_CALL_CONTENT" if tool else "TEXT_MESSAGE_CONTENT"
    event = {"kind": kind, "run_id": run_id, "attempt": attempt, "offset": 0, "delta": text}
    if tool:
        event["tool_call_id"] = tool
    return json.dumps({"op": "passing", "stream": stream, "event": event}, separators=(",", ":"))


def _not_found(conversation_id: str) -> MusterError:
    return MusterError(Reason.CONVERSATION_NOT_FOUND, f"There is no conversation {conversation_id[:40]}.")
