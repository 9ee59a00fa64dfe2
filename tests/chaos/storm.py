"""R8: a broker that doubles, swaps and delays what it passes on, in both directions; to two agents, where it may."""

import asyncio

from tests.chaos.checker import Rules
from tests.chaos.crowd import Crowd, Plan, Report, talk_through
from tests.chaos.fleet import ChaosFleet

__all__ = ["storm_chaos"]

#: What is asked of anybody acts, so that it is seen when two do it.
ANYBODY = (("any:skill=echo", "act"),)


async def storm_chaos(fleet: ChaosFleet, plan: Plan) -> Report:
    """The fleet's broker is `stormy_broker.py`. Two messages that were swapped are answered in their new order.

    Every other chat is with whoever has the skill, and there are two who have it.
    """
    await asyncio.to_thread(fleet.add_parrot, "another")

    async def faults(_: Crowd) -> None:
        """The broker is the fault."""

    return await talk_through("R8", fleet, plan, faults, Rules(answers_in_order=False), ask="tools:2", also=ANYBODY)
