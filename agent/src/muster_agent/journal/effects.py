"""Receipts of side effects: written before a tool acts and after it did, so that a crash never makes it act twice."""

import json
from asyncio import Future
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, NamedTuple, cast

from muster_agent.journal.database import Journal

__all__ = ["Effect", "Effects", "receipt_of"]

INTENT = "INSERT INTO effects (message_id, receipt, tool, resumable, state) VALUES (?, ?, ?, ?, 'intent')"
TAKE_BACK = "DELETE FROM effects WHERE message_id = ? AND receipt = ? AND state = 'intent'"
DONE = "UPDATE effects SET state = 'done', result = ? WHERE message_id = ? AND receipt = ?"


class Effect(NamedTuple):
    """What is known of one call. `resumable`: its result can stand in for calling the tool again."""

    receipt: str
    tool: str
    resumable: bool
    done: bool
    result: dict[str, Any]


def receipt_of(tool: str, arguments: Mapping[str, Any], earlier: int) -> str:
    """Return what identifies a call within a run: the tool, its arguments, and how many equal calls came before."""
    exact = json.dumps([tool, dict(arguments), earlier], sort_keys=True, default=str)
    return sha256(exact.encode()).hexdigest()


class Effects:
    """The rows of `effects`."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def of(self, message_id: str) -> dict[str, Effect]:
        """Return the effects of earlier attempts, by receipt."""
        rows = self._journal.read(
            "SELECT receipt, tool, resumable, state, result FROM effects WHERE message_id = ?", (message_id,)
        )
        return {
            cast("str", receipt): Effect(
                cast("str", receipt), cast("str", tool), bool(resumable), state == "done",
                json.loads(cast("str", result)) if result else {},
            )
            for receipt, tool, resumable, state, result in rows
        }  # fmt: skip

    def doubt(self, message_id: str) -> str:
        """Return the tool that may have acted, and whose outcome cannot be known or used again; or nothing."""
        for effect in self.of(message_id).values():
            if not (effect.done and effect.resumable):
                return effect.tool
        return ""

    def intend(self, message_id: str, receipt: str, tool: str, *, resumable: bool) -> "Future[None]":
        """Write that the tool is about to act; act when the future ends."""
        values = (message_id, receipt, tool, resumable)
        return self._journal.submit(lambda connection: _nothing(connection.execute(INTENT, values)))

    def take_back(self, message_id: str, receipt: str) -> "Future[None]":
        """Write that the tool did not act after all."""
        return self._journal.submit(lambda connection: _nothing(connection.execute(TAKE_BACK, (message_id, receipt))))

    def done(self, message_id: str, receipt: str, result: Mapping[str, Any]) -> "Future[None]":
        """Write what came of it."""
        values = (json.dumps(dict(result), default=str), message_id, receipt)
        return self._journal.submit(lambda connection: _nothing(connection.execute(DONE, values)))


def _nothing(_: object) -> None:
    """Let the journal's future be without a result."""
