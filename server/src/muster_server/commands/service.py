"""Commands: stored with a target for each agent, pushed, followed, stopped."""

import asyncio
import json
from asyncio import Future
from collections.abc import Callable
from hashlib import sha256
from typing import Protocol

import structlog
from sqlalchemy import bindparam, insert, select

from muster_server.access.core import Principal
from muster_server.clock import Clock
from muster_server.commands import core, store
from muster_server.commands.core import Target
from muster_server.commands.feed import CommandFeed, Feed
from muster_server.commands.instructions import run_program, stop_command, stop_run
from muster_server.commands.progress import Progress
from muster_server.flow.chain import then
from muster_server.store.store import Store
from muster_server.store.tables import idempotency
from muster_server.store.transaction import Transaction
from muster_shared_models.addresses import Address, parse_address
from muster_shared_models.commands import ENDED, CommandView, PushCommand
from muster_shared_models.ids import IdKind, new_id
from muster_shared_models.problems import MusterError, Reason

__all__ = ["Commands", "Fleet"]

#: Between asking a program to end and killing it.
GRACE_MS = 5_000
#: Targets of one command.
MAX_TARGETS = 10_000
#: Commands that a stream begins with, those in hand counted too; an agent takes less than that at a time.
OFFERED = 1_000
LISTED = 100
#: How long an agent may be away with a command whose time is over, before that counts as interrupted.
SILENT_MS = 24 * 3_600_000
#: How long agents that were away with the server have to come back.
BACK_MS = 600_000

_REMEMBER = insert(idempotency)
_REMEMBERED = select(idempotency.c.fingerprint, idempotency.c.answer).where(idempotency.c.key == bindparam("wanted"))

log = structlog.get_logger()

#: Of an agent, the ids of so many runs at most that somebody has asked to stop and that have not ended.
RunsToStop = Callable[[Transaction, str, int], list[str]]


class Fleet(Protocol):
    """Whom commands go to."""

    def command_targets(self, address: Address) -> list[tuple[str, str]]:
        """Return ids and names of the agents that an address names; raises AGENT_NOT_FOUND or NO_TARGET."""
        ...


class Commands:
    """What operators do with commands."""

    def __init__(
        self, db: Store, clock: Clock, fleet: Fleet, feed: CommandFeed, progress: Progress, runs_to_stop: RunsToStop
    ) -> None:
        self._store = db
        self._clock = clock
        self._fleet = fleet
        self._feed = feed
        self._progress = progress
        self._runs_to_stop = runs_to_stop
        self._since = clock()

    async def push(self, principal: Principal, key: str, wanted: PushCommand) -> CommandView:
        """Store a command and send it to the agents that listen; the others fetch it until it expires."""
        try:
            chosen = self._chosen(wanted)
        except MusterError:
            # What was accepted stays accepted, whoever is gone meanwhile.
            known = await self._store.read(lambda tx: self._known(tx, principal, key, wanted))
            if known is None:
                raise
            return known
        view, new = await self._store.write(lambda tx: self._push_unit(tx, principal, key, wanted, chosen))
        if new:
            self._progress.announce(view)
            for target in view.targets:
                self._send(view, target.agent_id)
        return view

    def _push_unit(
        self, tx: Transaction, principal: Principal, key: str, wanted: PushCommand, chosen: list[tuple[str, str]]
    ) -> tuple[CommandView, bool]:
        known = self._known(tx, principal, key, wanted)
        if known:
            return known, False
        now = self._clock()
        command_id = new_id(IdKind.COMMAND)
        row = {
            "id": command_id,
            "address": wanted.to,
            "argv": json.dumps(wanted.argv),
            "shell": wanted.shell,
            "created_by": principal.name,
            "created_at": now,
            "expires_at": now + wanted.expires_s * 1000,
            "timeout_s": wanted.timeout_s,
        }
        store.add(tx, row, [Target(command_id, agent_id, name) for agent_id, name in chosen])
        tx.run(_REMEMBER, key=f"{principal.id}|{key}", fingerprint=_fingerprint(wanted), answer=command_id, at=now)
        return self._need(tx, command_id), True

    def _known(self, tx: Transaction, principal: Principal, key: str, wanted: PushCommand) -> CommandView | None:
        """Return what was pushed with this key before; raises KEY_REUSED when that was another command."""
        known = tx.one(_REMEMBERED, wanted=f"{principal.id}|{key}")
        if known is None:
            return None
        if bytes(known.fingerprint) != _fingerprint(wanted):
            raise MusterError(Reason.KEY_REUSED, f"'{key}' was used for another command already.", "Use a new one.")
        return self._need(tx, known.answer)

    def _chosen(self, wanted: PushCommand) -> list[tuple[str, str]]:
        chosen = self._fleet.command_targets(parse_address(wanted.to))
        if len(chosen) > MAX_TARGETS:
            raise MusterError(Reason.INVALID_REQUEST, f"{len(chosen)} agents match; {MAX_TARGETS} is the most.")
        return chosen

    @staticmethod
    def _need(tx: Transaction, command_id: str) -> CommandView:
        view = store.command(tx, command_id)
        if view is None:
            raise MusterError(Reason.COMMAND_NOT_FOUND, f"There is no command {command_id[:40]}.")
        return view

    def _send(self, view: CommandView, agent_id: str) -> None:
        feed = self._feed.of(agent_id)
        if feed is None:
            return

        def failed(done: "Future[None]") -> None:
            if done.exception() is not None:  # the agent comes back and fetches it
                log.error("cannot deliver a command", command_id=view.id, detail=str(done.exception()))
                feed.end()

        self._deliver(view, agent_id, feed).add_done_callback(failed)

    async def open_feed(self, agent_id: str, running: list[str]) -> Feed:
        """Begin an agent's stream: commands that it has not ended and does not run, and runs that it is to stop."""
        feed = self._feed.open(agent_id)
        try:
            delivering = []
            offered, stops = await self._store.read(lambda tx: self._open_unit(tx, agent_id))
            for run_id in stops:
                feed.put(stop_run(run_id))
            for target, view in offered:
                if target.command_id not in running:
                    delivering.append(self._deliver(view, agent_id, feed))
                elif target.stop_requested_at:
                    feed.put(stop_command(target.command_id, GRACE_MS))
            await asyncio.gather(*delivering)
            if len(offered) == OFFERED and delivering:
                feed.end()  # it comes back for what is left
        except BaseException:
            self._feed.close(agent_id, feed)
            raise
        return feed

    def _deliver(self, view: CommandView, agent_id: str, feed: Feed) -> "Future[None]":
        """Begin to send a command; first it is written down that the agent has it, so that a stop goes there too.

        One that was withdrawn in the meantime is not sent.
        """

        def written(target: Target) -> None:
            if target.state not in ENDED:
                feed.put(run_program(view))
                if target.stop_requested_at:
                    feed.put(stop_command(view.id, GRACE_MS))

        return then(self._progress.delivered(view.id, agent_id), written)

    def _open_unit(self, tx: Transaction, agent_id: str) -> tuple[list[tuple[Target, CommandView]], list[str]]:
        targets = store.open_targets(tx, agent_id, OFFERED)
        commands = [(target, self._need(tx, target.command_id)) for target in targets]
        return commands, self._runs_to_stop(tx, agent_id, OFFERED)

    def close_feed(self, agent_id: str, feed: Feed) -> None:
        """End an agent's stream."""
        self._feed.close(agent_id, feed)

    async def stop(self, principal: Principal, command_id: str, agent_id: str, *, kill: bool) -> None:
        """Ask for the end on all targets, or one; raises COMMAND_NOT_FOUND or ALREADY_FINISHED.

        A target that was never sent ends here. The others end when their agent has seen the process group empty.
        """
        view = await self.get(command_id)
        running = [
            target
            for target in view.targets
            if target.state not in ENDED and agent_id in ("", target.agent_id, target.agent_name)
        ]
        if not running:
            raise MusterError(Reason.ALREADY_FINISHED, "It has ended already.")
        for target in running:
            asked = await self._progress.request_stop(command_id, target.agent_id, principal.name)
            if asked.state not in ENDED:
                self._feed.send(target.agent_id, stop_command(command_id, 0 if kill else GRACE_MS))

    def stop_run(self, agent_id: str, run_id: str) -> None:
        """Ask an agent that listens to stop a run."""
        self._feed.send(agent_id, stop_run(run_id))

    async def get(self, command_id: str) -> CommandView:
        """Return a command; raises COMMAND_NOT_FOUND."""
        return await self._store.read(lambda tx: self._need(tx, command_id))

    async def page(self, agent_id: str, before: str, most: int) -> list[CommandView]:
        """Return commands, newest first, with ids below `before`."""
        return await self._store.read(lambda tx: store.latest(tx, agent_id, before, most))

    async def load(self) -> None:
        """Know the latest commands, for the list."""
        for view in reversed(await self.page("", "", LISTED)):
            self._progress.know(view)

    async def sweep(self) -> None:
        """End what nobody fetched in time, and what was sent to agents that are gone for good."""
        now = self._clock()
        for target in await self._store.read(lambda tx: store.overdue(tx, now)):
            await self._progress.change(
                target.command_id,
                target.agent_id,
                lambda t: core.expired(t, "The agent did not fetch it in time.", now),
            )

        silent = now - SILENT_MS if now - self._since >= BACK_MS else 0
        for target in await self._store.read(lambda tx: store.lost(tx, silent)):
            if self._feed.of(target.agent_id) is None:
                await self._progress.lost(target.command_id, target.agent_id, "The agent is gone without a result.")

    def say_goodbye(self, after_ms: int) -> None:
        """Tell every agent that the server is about to stop."""
        self._feed.say_goodbye(after_ms)


def _fingerprint(wanted: PushCommand) -> bytes:
    return sha256(wanted.model_dump_json().encode()).digest()
