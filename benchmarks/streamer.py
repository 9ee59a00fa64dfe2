"""The agent of the streaming benchmark: says the moment at which it says it, again and again.

A message is `<times> <times a second>`; each piece is the monotonic clock in microseconds, which all processes of one
machine share.
"""

import asyncio
import time
from typing import Any

from muster_agent import Agent

__all__ = ["agent"]

agent = Agent("streamer", about="says the time", slots=1024)


@agent.on_message
async def stream(message: Any, reply: Any) -> None:
    """Say so many times what time it is, at an even pace."""
    times, pace = message.text.split()
    loop = asyncio.get_running_loop()
    began = loop.time()
    for number in range(int(times)):
        await reply.say(f"{time.monotonic_ns() // 1000} ")
        await asyncio.sleep(max(0.0, began + (number + 1) / float(pace) - loop.time()))


if __name__ == "__main__":
    agent.run()
