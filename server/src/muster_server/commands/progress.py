"""What targets report: further states, output, results; stored, then pushed to browsers."""

from asyncio import Future
from collections.abc import Callable
from dataclasses import dataclass

from muster_server.clock import Clock
from muster_server.commands import core, store
from muster_server.commands.core import Result, Target
from muster_server.commands.decoding import Decoders
from muster_server.commands.ports import Push
from muster_server.edge.lines import event_line
from muster_server.flow.chain import then
from muster_server.store.store import Store
from muster_server.store.transaction import Transaction
from muster_shared_models.commands import ENDED, CommandView, Output, OutputStream, TargetChanged
from muster_shared_models.problems import MusterError, Reason
from muster_shared_models.streams import CommandChanged

__all__ = ["Progress"]

LISTED = 100


@dataclass(frozen=True, slots=True)
class _Stored:
    command_id: str
    seq: int
    at: int
    data: str
    view: CommandView | None


class Progress:
    """Changes targets, one small transaction at a time."""

    def __init__(self, db: Store, clock: Clock, push: Push, announce: Callable[[CommandChanged], None]) -> None:
        self._store = db
        self._clock = clock
        self._push = push
        self._announce = announce
        self._decoders = Decoders()
        self._latest: dict[str, CommandView] = {}

    # ---- the list

    def latest(self) -> list[CommandView]:
        """Return the latest commands, newest first."""
        return list(reversed(self._latest.values()))

    def know(self, view: CommandView) -> None:
        """Keep a command for the list."""
        self._latest[view.id] = view
        while len(self._latest) > LISTED:
            self._latest.pop(next(iter(self._latest)))

    def announce(self, view: CommandView) -> None:
        """Tell browsers of a command that is new or has changed."""
        self.know(view)
        self._announce(CommandChanged(command=view))

    # ---- states

    def change(self, command_id: str, agent_id: str, how: Callable[[Target], Target]) -> "Future[Target]":
        """Begin to change a target; the future says what it is then. Fails with COMMAND_NOT_FOUND.

        What changes nothing is not told.
        """
        return then(self._store.write(lambda tx: self._change_unit(tx, command_id, agent_id, how)), self._changed)

    def _changed(self, changed: tuple[Target, _Stored | None]) -> Target:
        self._after(changed[1])
        return changed[0]

    def delivered(self, command_id: str, agent_id: str) -> "Future[Target]":
        """Begin to note that a command goes to its agent now, unless it has ended."""
        return self.change(command_id, agent_id, lambda target: core.delivered(target, self._clock()))

    def request_stop(self, command_id: str, agent_id: str, by: str) -> "Future[Target]":
        """Begin to note that somebody asked for the end."""
        return self.change(command_id, agent_id, lambda target: core.stop_requested(target, by, self._clock()))

    def started(self, command_id: str, agent_id: str, pid: int) -> "Future[Target]":
        """Begin to note that a program runs."""
        return self.change(command_id, agent_id, lambda target: core.started(target, pid, self._clock()))

    def stop_acknowledged(self, command_id: str, agent_id: str) -> "Future[Target]":
        """Begin to note that the agent asks its program to end."""
        return self.change(command_id, agent_id, lambda target: core.stop_acknowledged(target, self._clock()))

    def finished(self, command_id: str, agent_id: str, result: Result) -> "Future[Target]":
        """Begin to note a result, and how much output never came: it died with its agent, or was too much."""
        self._decoders.forget(command_id, agent_id)
        return then(self._store.write(lambda tx: self._finish_unit(tx, command_id, agent_id, result)), self._finished)

    def _finish_unit(
        self, tx: Transaction, command_id: str, agent_id: str, result: Result
    ) -> tuple[_Stored | None, tuple[Target, _Stored | None]]:
        unseen = self._unseen_unit(tx, command_id, agent_id, result)
        ended = self._change_unit(tx, command_id, agent_id, lambda target: core.finished(target, result, self._clock()))
        return unseen, ended

    def _finished(self, finished: tuple[_Stored | None, tuple[Target, _Stored | None]]) -> Target:
        unseen, ended = finished
        self._after(unseen)
        return self._changed(ended)

    def lost(self, command_id: str, agent_id: str, detail: str) -> "Future[Target]":
        """Begin to note that nobody will say any more how it ended."""
        self._decoders.forget(command_id, agent_id)
        return self.change(command_id, agent_id, lambda target: core.lost(target, detail, self._clock()))

    def _change_unit(
        self, tx: Transaction, command_id: str, agent_id: str, how: Callable[[Target], Target]
    ) -> tuple[Target, _Stored | None]:
        before = _need(tx, command_id, agent_id)
        after = how(before)
        if after == before:
            return after, None
        store.save(tx, after)
        event = TargetChanged(target=store.target_view(after))
        now = self._clock()
        data = event.model_dump_json()
        seq = store.append(tx, command_id, [(event.kind, data)], now)
        return after, _Stored(command_id, seq, now, data, store.command(tx, command_id))

    # ---- output

    def output(self, command_id: str, agent_id: str, piece: "Piece") -> "Future[None]":
        """Begin to store a piece of output."""
        return then(self._store.write(lambda tx: self._output_unit(tx, command_id, agent_id, piece)), self._after)

    def _output_unit(self, tx: Transaction, command_id: str, agent_id: str, piece: "Piece") -> _Stored | None:
        target = _need(tx, command_id, agent_id)
        if target.state in ENDED:
            return None
        after, data, missing = core.placed(target, piece.offset, piece.data)
        if not data:
            return None
        text = self._decoders.decode(command_id, agent_id, piece.stream, data)
        offset = after.output_bytes - len(data)
        return self._print(tx, after, Output(
            agent_id=agent_id, stream=piece.stream, offset=offset, text=text, dropped=missing
        ))  # fmt: skip

    def _unseen_unit(self, tx: Transaction, command_id: str, agent_id: str, result: Result) -> _Stored | None:
        after, missing = core.unseen(_need(tx, command_id, agent_id), result.output_bytes)
        if not missing:
            return None
        stream, offset = OutputStream.STDOUT, after.output_bytes
        return self._print(tx, after, Output(
            agent_id=agent_id, stream=stream, offset=offset, text="", dropped=missing
        ))  # fmt: skip

    def _print(self, tx: Transaction, after: Target, event: Output) -> _Stored:
        store.save(tx, after)
        now = self._clock()
        line = event.model_dump_json()
        seq = store.append(tx, after.command_id, [(event.kind, line)], now)
        return _Stored(after.command_id, seq, now, line, None)

    def _after(self, stored: _Stored | None) -> None:
        if stored is None:
            return
        stream = f"command:{stored.command_id}"
        if self._push.followed(stream):
            self._push.event(stream, stored.seq, event_line(stream, stored.seq, stored.at, stored.data))
        if stored.view:
            self.announce(stored.view)


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of output as an agent sends it."""

    stream: OutputStream
    offset: int
    data: bytes


def _need(tx: Transaction, command_id: str, agent_id: str) -> Target:
    target = store.target(tx, command_id, agent_id)
    if target is None:
        raise MusterError(Reason.COMMAND_NOT_FOUND, f"The command {command_id[:40]} has no such target.")
    return target
