"""Found by R2 on RabbitMQ: after an outage two answers of a conversation come in one batch, the second overtakes."""

import asyncio
from asyncio import Future

from muster_messaging.message import Message
from muster_server.flow.inbox import Inbox
from tests.agent.fake_bus import FakeBus
from tests.agent.waiting import until


def report(run: str, number: int, kind: str) -> Message:
    return Message(f"{run}-{number}", kind, conversation="cnv_1", run=run)


async def test_a_conversations_messages_are_handled_in_the_order_in_which_they_came() -> None:
    # Given what a run tells first and last, which is stored, and between them text that only passes
    bus, loop, handled = FakeBus(), asyncio.get_running_loop(), []

    def store(message: Message) -> "Future[None]":
        handled.append(message.id)
        done: Future[None] = loop.create_future()
        loop.call_later(0.01, done.set_result, None)
        return done

    def pass_on(message: Message) -> "Future[None]":
        handled.append(message.id)
        done: Future[None] = loop.create_future()
        done.set_result(None)
        return done

    inbox = asyncio.create_task(Inbox(bus, {"stored": store, "passing": pass_on}).run())
    await until(lambda: bus.subscriptions)

    # When two runs of one conversation come in one batch, as after a broker's outage
    came = [
        report("run_a", 1, "stored"), report("run_a", 2, "passing"), report("run_b", 1, "stored"),
        report("run_a", 3, "stored"), report("run_b", 2, "stored"),
    ]  # fmt: skip
    for message in came:
        bus.subscriptions[0].deliver(message)

    # Then none overtakes another
    await until(lambda: len(bus.subscriptions[0].acked) == len(came))
    inbox.cancel()
    await asyncio.gather(inbox, return_exceptions=True)
    assert handled == [message.id for message in came]
