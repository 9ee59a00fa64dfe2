"""The agent of chaos runs: says what it hears, piece by piece, and writes into the ledger what it said and did.

The second word of a message says how: `echo`, `act` (execute a command: once, by its receipt), `tools:<n>` (n tool
calls that may be repeated). Run as a program; CHAOS_LEDGER is the ledger's path, CHAOS_SLOTS how many at a time.
"""

import asyncio
import os
from pathlib import Path
from typing import Any

from muster_agent import Agent
from tests.chaos.ledger import Ledger, digest

__all__ = ["agent"]

PIECE = 24
PAUSE_S = 0.004
#: Between the pieces of every eighth answer: browsers see it grow.
SLOW_S = 0.04
ACT_S = 0.15
TOOL_S = 0.06

ledger = Ledger(Path(os.environ["CHAOS_LEDGER"]), os.environ.get("MUSTER_AGENT_NAME", "parrot"))
agent = Agent("parrot", about="says what it hears", skills=["echo"], slots=int(os.environ.get("CHAOS_SLOTS", "8")))


@agent.on_message
async def answer(message: Any, reply: Any) -> None:
    """Answer one message."""
    ref, how = message.text.split(" ", 2)[:2]
    if how == "act":
        async with reply.tool("act", arguments={"id": ref}) as card:
            ledger("executed", ref=ref, run=message.run_id)
            await asyncio.sleep(ACT_S)
            card.result(output="done")
    if how.startswith("tools:"):
        for number in range(int(how.partition(":")[2])):
            async with reply.tool("count", arguments={"number": number}, acts=False) as card:
                await card.say(f"{number}\n")
                await asyncio.sleep(TOOL_S)
    text = f"You said: {message.text}"
    pause = SLOW_S if digest(ref)[0] in "01" else PAUSE_S
    for start in range(0, len(text), PIECE):
        await reply.say(text[start : start + PIECE])
        await asyncio.sleep(pause)
    ledger("final", run=message.run_id, attempt=message.attempt, sha=digest(text))


if __name__ == "__main__":
    agent.run()
