"""R7: the socket is cut at every event of a long run, and at random points; what is put together is what is stored."""

import asyncio
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from tests.chaos.browser import Browser
from tests.chaos.crowd import Crowd, Plan, Report, talk_through
from tests.chaos.fleet import ChaosFleet
from tests.chaos.ledger import Ledger
from tests.messaging.cable import Cable

__all__ = ["resume_chaos"]


class Cutter(Browser):
    """Loses its connection after every single event that is new to it."""

    def _show(self, conversation: str, seq: int, event: dict[str, Any]) -> None:
        before = self.transcripts[conversation].last
        super()._show(conversation, seq, event)
        if self.transcripts[conversation].last != before:
            raise ConnectionAbortedError


class Forgetful(Cutter):
    """Comes back with the epoch of another database: the server must begin anew, and what it says must agree."""

    def _subscribe(self, conversation: str, *, anew: bool = False) -> None:
        super()._subscribe(conversation, anew=anew)
        self._out[-1] |= {"epoch": "another", "since": self.transcripts[conversation].last}


async def resume_chaos(fleet: ChaosFleet, plan: Plan) -> Report:
    """One browser asks for a run of `messages` tool calls; the cable is cut `faults` times beside the cutters' own."""
    cable = Cable(urlsplit(fleet.url).port or 0)
    await cable.lay()

    async def faults(crowd: Crowd) -> None:
        for _ in range(plan.faults):
            await asyncio.sleep(crowd.rng.uniform(*plan.pause_s))
            cable.cut()
            ledger = Ledger(fleet.ledger, "cable")
            ledger("fault", kind="cut")
            ledger.close()

    watchers = [(Cutter, 0), (Forgetful, 0), (Browser, cable.port), (Browser, cable.port)]
    one = replace(plan, messages=1, browsers=1, chats=1, watchers=len(watchers), think_s=0.5, window=1)
    try:
        return await talk_through("R7", fleet, one, faults, ask=f"tools:{plan.messages}", watchers=watchers)
    finally:
        await cable.remove()
