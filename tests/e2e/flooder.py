"""An agent that was taken over: told to, it sends to the brokers at full speed, with the login that it was given."""

import os
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pika
from pika.exceptions import AMQPError

from muster_agent import Agent
from muster_messaging.amqp.bus import AmqpBus
from muster_messaging.topology import TO_BROKER, partition_key, partition_of

#: In the working folder: how many messages it could send.
COUNT = "sent.txt"
CONVERSATION = "cnv_of_a_flood"
#: More than any queue holds: it must not come so far.
MOST = 1_000_000

agent = Agent("flooder")
urls: list[str] = []
opened = AmqpBus.open


async def noting(url: str, **more: Any) -> AmqpBus:
    urls.append(url)
    return await opened(url, **more)


def flood() -> None:
    os.nice(10)  # the machine of an attacker is another one
    sent = 0
    url = urls[-1]
    properties = pika.BasicProperties(
        user_id=urlsplit(url).username, message_id="msg_flood", type="run.events", delivery_mode=2,
        headers={"to": "server", "conv": CONVERSATION, "run": "run_of_a_flood"},
    )  # fmt: skip
    key = partition_key(partition_of(CONVERSATION, 4))
    try:
        channel = pika.BlockingConnection(pika.URLParameters(url)).channel()
        while sent < MOST:
            channel.basic_publish(TO_BROKER, key, b'{"run_id": "run_of_a_flood", "events": []}', properties)
            sent += 1
    except AMQPError:
        pass
    Path(COUNT).write_text(str(sent))


@agent.on_message
async def obey(message: Any, reply: Any) -> None:
    if message.text == "flood":
        threading.Thread(target=flood, daemon=True).start()
    await reply.say("yes")


if __name__ == "__main__":
    AmqpBus.open = noting  # type: ignore[method-assign,assignment]
    agent.run()
