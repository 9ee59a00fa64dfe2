"""An agent that takes its time: it says as many numbered pieces as it is asked for, one every tenth of a second."""

import asyncio

from muster_agent import Agent

agent = Agent("storyteller", about="counts slowly", skills=["count"], examples=["40"])


@agent.on_message
async def tell(message, reply):
    for number in range(1, int(message.text) + 1):
        await reply.say(f"piece {number}, ")
        await asyncio.sleep(0.1)
    await reply.say("the end.")


agent.run()
