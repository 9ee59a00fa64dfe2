"""Agents that break the rules are cut off until a person lets them back in.

The database has the last word: it is written first, then the agent's streams and its login end. A server that dies in
between ends them after its next start.
"""

import asyncio
from typing import Protocol

import structlog

from muster_server.access.core import Principal, Role
from muster_server.agents import store
from muster_server.agents.core import Quarantined
from muster_server.agents.hearing import Hearing
from muster_server.agents.registry import Registry
from muster_server.agents.strikes import STRIKES, Strikes
from muster_server.clock import Clock
from muster_server.edge.streams import OpenStreams
from muster_server.store.audit import note
from muster_server.store.store import Store
from muster_server.store.transaction import Transaction
from muster_shared_models.agents import AgentView, Offence
from muster_shared_models.problems import MusterError, Reason

__all__ = ["Logins", "Quarantines", "kept_out"]

#: Forgeries that wait to be handled; more of them say nothing new.
MAX_WAITING = 1000
#: A login is ended at once, and again after this: a registration under way may have made it anew in between.
AGAIN_MS = 15_000
#: By whom, where the server itself saw it.
SERVER = "server"

log = structlog.get_logger()


class Logins(Protocol):
    """What quarantine needs of the queue server."""

    async def shut_out(self, agent_id: str) -> None:
        """End the agent's login, and with it its connections; raises BUS_UNREACHABLE."""
        ...

    async def let_in(self, agent_id: str) -> None:
        """Make its login anew; raises BUS_UNREACHABLE."""
        ...


class Quarantines:
    """Cuts agents off and lets them back in."""

    def __init__(
        self, db: Store, clock: Clock, registry: Registry, hearing: Hearing, logins: Logins, streams: OpenStreams
    ) -> None:
        self._store = db
        self._clock = clock
        self._registry = registry
        self._hearing = hearing
        self._logins = logins
        self._streams = streams
        self._strikes = Strikes()
        self._forged: asyncio.Queue[tuple[str, str, str]] = asyncio.Queue(MAX_WAITING)
        #: Logins to be ended (once more), and when.
        self._due: dict[str, int] = {}

    def load(self) -> None:
        """See to it that the logins of those who are cut off end, whatever an earlier process came to."""
        self._due = {agent.id: 0 for agent in self._registry.all() if agent.facts.quarantined}

    def at_large(self) -> list[str]:
        """Return the agents that are not cut off."""
        return [agent.id for agent in self._registry.all() if not agent.facts.quarantined]

    def admit(self, principal: Principal) -> None:
        """Raise AGENT_QUARANTINED when this is an agent that is cut off."""
        agent = self._registry.get(principal.id) if principal.role is Role.AGENT else None
        if agent and agent.facts.quarantined:
            raise kept_out(agent.description.name, agent.facts.quarantined)

    # ---- what was seen

    async def report(self, by: str, agent_id: str, offence: Offence, subject: str, detail: str) -> None:
        """Take what a broker saw: a flood cuts off, a forgery is one strike. The same twice changes nothing."""
        agent = self._registry.get(agent_id)
        if agent is None or agent.facts.quarantined:
            log.debug("misconduct of nobody new", agent=agent_id[:64], by=by)
            return
        log.warning("misconduct", agent=agent_id, offence=offence.value, detail=detail, by=by)
        if offence is Offence.FORGING:
            strikes = self._strikes.add(agent_id, subject, self._clock())
            if strikes < STRIKES:
                return
            detail = f"It forged {strikes} times, last: {detail}"
        await self._cut_off(agent_id, Quarantined(self._clock(), offence, detail, by))

    def forged(self, agent_id: str, subject: str, detail: str) -> None:
        """Note a forgery that the server itself met; it is handled soon."""
        try:
            self._forged.put_nowait((agent_id, subject, detail))
        except asyncio.QueueFull:
            log.warning("too many forgeries at once", agent=agent_id)

    async def run(self) -> None:
        """Handle what was noted, until cancelled."""
        while True:
            agent_id, subject, detail = await self._forged.get()
            try:
                await self.report(SERVER, agent_id, Offence.FORGING, subject, detail)
            except MusterError as error:
                log.warning("a forgery could not be handled", agent=agent_id, detail=error.detail)

    async def _cut_off(self, agent_id: str, quarantined: Quarantined) -> None:
        def unit(tx: Transaction) -> bool:
            new = store.quarantine(tx, agent_id, quarantined)
            if new:
                note(tx, agent_id, quarantined.at, quarantined.by, "quarantine", quarantined.detail)
            return new

        if not await self._store.write(unit):
            return
        self._hearing.cut_off(agent_id, quarantined)
        self._streams.end(agent_id, kept_out(self._hearing.need(agent_id).description.name, quarantined))
        log.warning("quarantined", agent=agent_id, offence=quarantined.offence.value, detail=quarantined.detail)
        self._due[agent_id] = self._clock() + AGAIN_MS
        await self._end_login(agent_id)

    async def _end_login(self, agent_id: str) -> bool:
        try:
            await self._logins.shut_out(agent_id)
        except MusterError as error:
            log.warning("the login of a quarantined agent could not be ended yet", agent=agent_id, detail=error.detail)
            self._due[agent_id] = 0
            return False
        return True

    async def sweep(self) -> None:
        """End the logins that are due."""
        for agent_id in [agent_id for agent_id, at in self._due.items() if at <= self._clock()]:
            agent = self._registry.get(agent_id)
            if agent is None or not agent.facts.quarantined or await self._end_login(agent_id):
                self._due.pop(agent_id, None)

    # ---- what a person decides

    async def release(self, principal: Principal, id_or_name: str) -> AgentView:
        """Let an agent back in; raises AGENT_NOT_FOUND or ALREADY_FINISHED."""
        agent = self._hearing.need(id_or_name)
        was = agent.facts.quarantined

        def unit(tx: Transaction) -> bool:
            released = store.release(tx, agent.id)
            if released:
                note(tx, agent.id, self._clock(), principal.name, "release", was.detail if was else "")
            return released

        if not await self._store.write(unit):
            raise MusterError(Reason.ALREADY_FINISHED, f"{agent.description.name} is not quarantined.")
        self._due.pop(agent.id, None)
        self._strikes.forget(agent.id)
        self._hearing.cut_off(agent.id, None)
        log.info("released", agent=agent.id, by=principal.name)
        try:
            await self._logins.let_in(agent.id)
        except MusterError as error:  # it gets one when it registers, which it tries again and again
            log.warning("the login of a released agent is not made yet", agent=agent.id, detail=error.detail)
        return agent.view()


def kept_out(name: str, quarantined: Quarantined) -> MusterError:
    """Return what an agent is told that is cut off."""
    return MusterError(
        Reason.AGENT_QUARANTINED,
        f"{name} is quarantined. {quarantined.detail}",
        f"A person lets it back in: muster agents release {name}",
    )
