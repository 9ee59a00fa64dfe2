"""R2, R3, R5 and R6: processes are killed, stopped and frozen at random times while a crowd talks."""

import asyncio
import math
import random
import signal
from collections.abc import Callable
from functools import partial

from muster_cli.provision.queue_server import PrivateRabbit
from tests.chaos.alarms import freeze, thaw
from tests.chaos.checker import Rules
from tests.chaos.crowd import Crowd, Plan, Report, talk_through
from tests.chaos.fleet import SLOTS, ChaosFleet
from tests.chaos.ledger import Ledger

__all__ = ["agent_chaos", "note_fault", "queue_server_chaos", "router_chaos", "server_chaos"]


#: Each about as often, the first ones first. Who is frozen takes longest, and so comes less often.
BROKER_WAYS = ("kill", "stop", "freeze", "kill", "stop")
#: The exit code of a process that could not do its work, and has said why.
GAVE_UP = 1
QUEUE_SERVER_WAYS = ("kill", "stop") * 4 + ("freeze",)


async def router_chaos(fleet: ChaosFleet, plan: Plan) -> Report:
    """R2: brokers are killed, told to end, or frozen; the other one goes on with their partitions."""

    async def faults(crowd: Crowd) -> None:
        ways = _shuffled(crowd.rng, BROKER_WAYS, plan.faults)
        frozen: set[str] = set()
        for number, how in enumerate(ways):
            await _pause(crowd)
            victim = fleet.brokers[(number + crowd.rng.randrange(2)) % len(fleet.brokers)]
            note_fault(fleet, victim.name, how)
            if victim.name in frozen and victim.exit_code == GAVE_UP:
                pass  # frozen while it connected, it has found nobody in time: whoever supervises it starts it again
            elif how == "kill":
                await asyncio.to_thread(victim.kill)
            elif how == "stop":
                code = await asyncio.to_thread(victim.terminate)
                # One that has only just begun to start dies of the signal itself.
                assert code in (0, -signal.SIGTERM), f"{victim.name} ended with {code}:\n{victim.tail()}"
            else:
                await _sleep_frozen(crowd, victim.freeze, victim.thaw)
                frozen.add(victim.name)
                continue
            frozen.discard(victim.name)
            await asyncio.sleep(crowd.rng.uniform(0, 0.5))
            await asyncio.to_thread(victim.start)

    return await talk_through("R2", fleet, plan, faults)


async def queue_server_chaos(fleet: ChaosFleet, plan: Plan, node: PrivateRabbit) -> Report:
    """R3: the queue server is killed -9 or ended in order, and started on what is on its disk; or it is frozen."""

    async def faults(crowd: Crowd) -> None:
        for how in _shuffled(crowd.rng, QUEUE_SERVER_WAYS, plan.faults):
            await _pause(crowd)
            note_fault(fleet, "queue-server", how)
            if how == "kill":
                await asyncio.to_thread(node.restart)
            elif how == "stop":
                await asyncio.to_thread(node.stop)
                await asyncio.to_thread(node.start)
            else:
                await _sleep_frozen(crowd, partial(freeze, node), partial(thaw, node))

    return await talk_through("R3", fleet, plan, faults)


async def server_chaos(fleet: ChaosFleet, plan: Plan) -> Report:
    """R5: the server is killed -9 while browsers stream, and started again."""

    async def faults(crowd: Crowd) -> None:
        for _ in range(plan.faults):
            await _pause(crowd)
            note_fault(fleet, "server", "kill")
            await asyncio.to_thread(fleet.server.kill)
            await asyncio.sleep(crowd.rng.uniform(0, 0.3))
            await asyncio.to_thread(fleet.start_server)

    return await talk_through("R5", fleet, plan, faults)


async def agent_chaos(fleet: ChaosFleet, plan: Plan) -> Report:
    """R6: the agent is killed -9 while its tools act; nothing is done twice, and every interrupted run ends."""
    agent = fleet.processes["parrot"]

    async def faults(crowd: Crowd) -> None:
        for _ in range(plan.faults):
            await _pause(crowd)
            note_fault(fleet, "parrot", "kill")
            await asyncio.to_thread(agent.kill)
            await asyncio.to_thread(agent.start)

    rules = Rules(errors=SLOTS * plan.faults, acts=True)
    return await talk_through("R6", fleet, plan, faults, rules, ask="act")


async def _sleep_frozen(crowd: Crowd, freeze: Callable[[], None], thaw: Callable[[], None]) -> None:
    """For some time within the plan's, short ones as likely as those twice as long."""
    least, most = crowd.plan.freeze_s
    freeze()
    try:
        await asyncio.sleep(math.exp(crowd.rng.uniform(math.log(least), math.log(most))))
    finally:
        thaw()


async def _pause(crowd: Crowd) -> None:
    await asyncio.sleep(crowd.rng.uniform(*crowd.plan.pause_s))


def note_fault(fleet: ChaosFleet, who: str, how: str) -> None:
    """Write into the ledger that something happens to somebody."""
    ledger = Ledger(fleet.ledger, who)
    ledger("fault", kind=how)
    ledger.close()


def _shuffled(rng: random.Random, ways: tuple[str, ...], count: int) -> list[str]:
    """Return `count` ways, each about as often, in a random order."""
    chosen = [ways[number % len(ways)] for number in range(count)]
    rng.shuffle(chosen)
    return chosen
