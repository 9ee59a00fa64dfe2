"""What is particular to the bus over RabbitMQ: blame, back-pressure, deadlines, restored queues, secrets, TLS."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from pika.adapters.asyncio_connection import AsyncioConnection

from muster_messaging.amqp import consumer, publisher
from muster_messaging.amqp.arguments import NO_DELIVERY_LIMIT, queue_arguments
from muster_messaging.amqp.bus import AmqpBus
from muster_messaging.amqp.link import Link
from muster_messaging.bus import Subscription
from muster_messaging.errors import BusError, Disconnected, QueueFull, Refused
from muster_messaging.topology import Binding, Exchange, Queue, Topology
from tests.messaging.rabbitmq_harness import RabbitHarness, open_harness
from tests.messaging.tls import a_certificate, serve_tls
from tests.messaging.transcript import DESK, a_desk, eventually, ids, message, publish_all, take
from tests.provision.rabbitmq import TestRabbit

QUEUE = "office"
pytestmark = pytest.mark.rabbitmq


@pytest.fixture
async def rabbit(request: pytest.FixtureRequest, rabbitmq: TestRabbit) -> AsyncIterator[RabbitHarness]:
    assert rabbitmq
    async with open_harness(request) as harness:
        yield harness


async def ends_of(futures: list["asyncio.Future[None]"]) -> list[str]:
    ends = await asyncio.gather(*futures, return_exceptions=True)
    return ["confirmed" if end is None else type(end).__name__ for end in ends]


async def come_until(subscription: Subscription, last: str) -> list[str]:
    """Return what comes, up to this message: nobody can say how much of what was cut comes again."""
    came: list[str] = []
    async with asyncio.timeout(15):
        while last not in came:
            came += ids(await subscription.next_batch())
    return came


async def test_a_missing_exchange_is_blamed_on_its_own_publishes_and_the_others_may_try_again(
    rabbit: RabbitHarness,
) -> None:
    await a_desk(rabbit.admin, Queue(QUEUE))
    bus = await rabbit.connect()
    exchanges = [DESK, "gone", DESK, "gone"]

    ends = await ends_of([bus.publish(each, QUEUE, message(number)) for number, each in enumerate(exchanges)])

    # What came first may have been confirmed before the channel was closed; nothing after it was looked at
    assert ends[0] in {"confirmed", "Unconfirmed"}
    assert ends[1:] == ["Refused", "Unconfirmed", "Refused"]
    await eventually(lambda: bus.connected)
    assert await ends_of([bus.publish(DESK, QUEUE, message(9))]) == ["confirmed"]


async def test_a_login_without_the_right_to_write_is_refused(rabbit: RabbitHarness, rabbitmq: TestRabbit) -> None:
    await a_desk(rabbit.admin, Queue(QUEUE))
    vhost = rabbit.vhost
    await asyncio.to_thread(rabbitmq.call, "PUT", "/api/users/agent-a1", {"password": "secret-a1", "tags": ""})
    rights = {"configure": "^$", "write": "^$", "read": f"^{QUEUE}$"}
    await asyncio.to_thread(rabbitmq.call, "PUT", f"/api/permissions/{vhost}/agent-a1", rights)
    bus = await rabbit.connect_as("agent-a1", "secret-a1")

    for exchange in (DESK, "amq.topic", ""):
        with pytest.raises(Refused):
            await bus.publish(exchange, QUEUE, message(1))
        await eventually(lambda: bus.connected)
    with pytest.raises(Refused):
        await a_desk(bus, Queue("another"))
    await a_desk(rabbit.admin, Queue("another"))
    with pytest.raises(Refused):
        await bus.subscribe("another", 1)
    # It may still do what it may, and is known by its own name
    assert await bus.subscribe(QUEUE, 1)
    await asyncio.to_thread(rabbitmq.call, "DELETE", "/api/users/agent-a1")
    await eventually(lambda: not bus.connected, "a deleted login is thrown out")


async def test_a_sender_cannot_be_forged(rabbit: RabbitHarness) -> None:
    await a_desk(rabbit.admin, Queue(QUEUE))
    bus = await rabbit.connect()
    subscription = await bus.subscribe(QUEUE, 1)

    await bus.publish(DESK, QUEUE, message(1, sender="somebody-else"))

    assert (await take(subscription, 1))[0].message.sender == rabbit.verified_sender


async def test_without_an_answer_a_publish_is_unconfirmed_at_its_deadline_and_the_window_stays_taken(
    rabbit: RabbitHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a bus whose cable swallows everything
    monkeypatch.setattr(publisher, "SWEEP_S", 0.05)
    monkeypatch.setattr(publisher, "WINDOW", 20)
    await a_desk(rabbit.admin, Queue(QUEUE))
    bus = await rabbit.connect(confirm_timeout_s=0.5)
    rabbit.cables[bus].freeze()
    loop, since = asyncio.get_running_loop(), asyncio.get_running_loop().time()

    futures = [bus.publish(DESK, QUEUE, message(number)) for number in range(20)]
    with pytest.raises(QueueFull, match="unconfirmed already"):
        await bus.publish(DESK, QUEUE, message("one too many"))
    ends = await ends_of(futures)

    # Then each is given up in time, and no room is made for more
    assert loop.time() - since < 1.0
    assert set(ends) == {"Unconfirmed"}
    with pytest.raises(QueueFull):
        await bus.publish(DESK, QUEUE, message("still too many"))

    # Until the answers come after all
    rabbit.cables[bus].thaw()
    await eventually(lambda: _confirms(bus), "the window is free again")


async def _confirms(bus: AmqpBus) -> bool:
    try:
        await bus.publish(DESK, QUEUE, message("again"))
    except BusError:
        return False
    return True


async def test_a_cancelled_publish_harms_nobody(rabbit: RabbitHarness) -> None:
    await a_desk(rabbit.admin, Queue(QUEUE))
    bus = await rabbit.connect()

    futures = [bus.publish(DESK, QUEUE, message(number)) for number in range(10)]
    for future in futures[::2]:
        future.cancel()

    assert await ends_of(futures[1::2]) == ["confirmed"] * 5
    assert await ends_of([bus.publish(DESK, QUEUE, message(99))]) == ["confirmed"]


async def test_while_the_server_is_short_of_memory_publishes_fail_at_once_and_acks_go_through(
    rabbit: RabbitHarness, rabbitmq: TestRabbit
) -> None:
    if rabbitmq.node is None:
        pytest.skip("the queue server is not ours to starve")
    # Given a consumer with something in hand
    await a_desk(rabbit.admin, Queue(QUEUE))
    bus = await rabbit.connect(confirm_timeout_s=2.0)
    subscription = await bus.subscribe(QUEUE, 1)
    await publish_all(bus, QUEUE, [message(1), message(2)])
    [first] = await take(subscription, 1)

    # When RabbitMQ raises its memory alarm (it says so to a connection that publishes)
    await asyncio.to_thread(rabbitmq.control, "set_vm_memory_high_watermark", "absolute", "1MB")
    try:
        waiting = bus.publish(DESK, QUEUE, message(3))
        await eventually(lambda: not bus.connected)
        assert "takes no messages now" in bus.trouble
        with pytest.raises(QueueFull, match="takes no messages now"):
            await bus.publish(DESK, QUEUE, message(4))

        # Then acknowledgements and deliveries still work
        subscription.ack([first.tag])
        assert ids(await take(subscription, 1)) == ["m2"]
        assert await ends_of([waiting]) in (["confirmed"], ["Unconfirmed"])  # it was on its way when the alarm came
    finally:
        await asyncio.to_thread(rabbitmq.control, "set_vm_memory_high_watermark", "0.4")

    # And all is well when it is over
    async with asyncio.timeout(30):
        await bus.wait_connected()
    await bus.publish(DESK, QUEUE, message(5))


async def test_a_queue_that_somebody_deleted_is_declared_again_by_whoever_declared_it(rabbit: RabbitHarness) -> None:
    # Given the bus that declared a queue, and another that consumes it
    await a_desk(rabbit.admin, Queue(QUEUE))
    own = await rabbit.admin.subscribe(QUEUE, 1)
    stranger = await rabbit.connect()

    # When somebody else deletes it
    await stranger.delete_queue(QUEUE)

    # Then it is back, bound as before, and the subscription goes on
    async def is_back() -> bool:
        return await stranger.queue_info(QUEUE) is not None

    await eventually(is_back)
    await eventually(lambda: _confirms(stranger))
    assert ids(await take(own, 1)) == ["again"]


async def test_what_the_queue_server_lost_is_declared_again_before_publishing_goes_on(
    rabbit: RabbitHarness, rabbitmq: TestRabbit
) -> None:
    # Given a bus that declared an exchange and a queue, and loses its connection
    await a_desk(rabbit.admin, Queue(QUEUE))
    rabbit.cables[rabbit.admin].pull()
    await eventually(lambda: not rabbit.admin.connected)

    # When everything is gone by the time it comes back
    await asyncio.to_thread(rabbitmq.call, "DELETE", f"/api/queues/{rabbit.vhost}/{QUEUE}")
    await asyncio.to_thread(rabbitmq.call, "DELETE", f"/api/exchanges/{rabbit.vhost}/{DESK}")
    rabbit.cables[rabbit.admin].plug()
    async with asyncio.timeout(30):
        await rabbit.admin.wait_connected()

    # Then the first publish finds it all again
    await rabbit.admin.publish(DESK, QUEUE, message(1))


async def test_a_line_break_in_a_name_is_refused_because_the_server_would_drop_it(rabbit: RabbitHarness) -> None:
    with pytest.raises(Refused, match="Line breaks"):
        await rabbit.admin.declare(Topology((), (Queue("two\nlines"),), ()))


def test_every_queue_says_explicitly_what_versions_of_rabbitmq_differ_in() -> None:
    bare = queue_arguments(Queue("q", single_active=False))
    full = queue_arguments(Queue("q", True, 5, 1000, 2000, "dlx", "family", 500))

    assert bare == {
        "x-queue-type": "quorum", "x-delivery-limit": NO_DELIVERY_LIMIT, "x-overflow": "reject-publish",
    }  # fmt: skip
    assert full == {
        "x-queue-type": "quorum", "x-single-active-consumer": True, "x-delivery-limit": 5,
        "x-overflow": "reject-publish", "x-max-length": 1000, "x-max-length-bytes": 2000, "x-message-ttl": 500,
        "x-dead-letter-exchange": "dlx", "x-dead-letter-routing-key": "family",
        "x-dead-letter-strategy": "at-least-once",
    }  # fmt: skip


async def test_nobody_at_the_address_is_said_after_a_while_and_leaves_nothing_behind() -> None:
    before = asyncio.all_tasks()

    with pytest.raises(Disconnected) as refused:
        await AmqpBus.open("amqp://agent:Sup3rS3cret@127.0.0.1:9/v", open_timeout_s=1.0)

    assert "amqp://agent:***@127.0.0.1:9/v" in refused.value.detail
    assert "Connection refused" in refused.value.detail
    assert "Is RabbitMQ running" in refused.value.hint
    assert asyncio.all_tasks() == before


async def test_a_wrong_password_is_named_as_such_and_shown_nowhere(
    rabbitmq_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    parts = urlsplit(rabbitmq_url)
    wrong = urlunsplit(parts._replace(netloc=f"{parts.username}:Sup3rS3cret@{parts.hostname}:{parts.port}"))

    with pytest.raises(Disconnected) as refused:
        await AmqpBus.open(wrong, open_timeout_s=3.0)

    assert "it refuses the login as" in refused.value.detail
    assert "Sup3rS3cret" not in f"{refused.value.detail}{refused.value.hint}{caplog.text}"


async def test_the_password_of_a_bus_that_works_is_in_no_log(
    rabbitmq_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("pika").setLevel(logging.DEBUG)
    try:
        bus = await AmqpBus.open(rabbitmq_url)
        await a_desk(bus, Queue(QUEUE))
        await publish_all(bus, QUEUE, [message(1)])
        await bus.close()
    finally:
        logging.getLogger("pika").setLevel(logging.CRITICAL)

    assert caplog.text
    assert (urlsplit(rabbitmq_url).password or "guest") not in caplog.text


async def test_over_tls_the_server_must_be_the_one_that_the_authority_vouches_for(
    rabbitmq_url: str, tmp_path: Path, tls_front: tuple[int, Path]
) -> None:
    port, authority = tls_front
    parts = urlsplit(rabbitmq_url)
    address = urlunsplit(
        parts._replace(scheme="amqps", netloc=f"{parts.username}:{parts.password}@localhost:{port}")
    )  # fmt: skip

    with pytest.raises(Disconnected, match="certificate verify failed"):
        await AmqpBus.open(address, open_timeout_s=3.0)

    bus = await AmqpBus.open(f"{address}?cacertfile={authority}")
    await a_desk(bus, Queue(QUEUE))
    subscription = await bus.subscribe(QUEUE, 100)
    await publish_all(bus, QUEUE, [message(number, bytes(50_000)) for number in range(100)])
    assert len(await take(subscription, 100, ack=True)) == 100
    await bus.close()


@pytest.fixture
def tls_front(rabbitmq_url: str, tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """A TLS end in front of the node: its port, and the certificate that vouches for it."""
    certificate, key = a_certificate(tmp_path)
    with serve_tls(certificate, key, urlsplit(rabbitmq_url).port or 5672) as port:
        yield port, certificate


@pytest.mark.parametrize("anyio_backend", [("asyncio", {"use_uvloop": True})], ids=["uvloop"])
async def test_it_works_on_uvloop_as_well_cut_and_all(rabbit: RabbitHarness) -> None:
    assert type(asyncio.get_running_loop()).__module__.startswith("uvloop")
    await a_desk(rabbit.admin, Queue(QUEUE))
    bus = await rabbit.connect()
    subscription = await bus.subscribe(QUEUE, 50)

    await publish_all(bus, QUEUE, [message(number, bytes(200_000)) for number in range(30)])
    assert ids(await take(subscription, 30, ack=True)) == [f"m{number}" for number in range(30)]
    await rabbit.sever(bus)
    await eventually(lambda: not bus.connected)
    async with asyncio.timeout(15):
        await bus.wait_connected()

    # Acknowledgements that were under way when the cable was cut are lost: their messages come again before this one
    await publish_all(bus, QUEUE, [message("after")])
    came = await come_until(subscription, "after")
    assert came[:-1] == [f"m{number}" for number in range(30)][-len(came) + 1 or 30 :]


@pytest.mark.parametrize("what", ["acknowledgement", "publish", "question"])
async def test_a_socket_that_the_loop_no_longer_watches_is_replaced(
    rabbit: RabbitHarness, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    # Given a link whose socket was reset, which uvloop tells only those who want to watch it again
    monkeypatch.setattr(consumer, "ACK_DELAY_S", 0)
    await a_desk(rabbit.admin, Queue(QUEUE))
    bus = await rabbit.connect()
    subscription = await bus.subscribe(QUEUE, 10)
    await publish_all(bus, QUEUE, [message(1)])
    [delivery] = await subscription.next_batch()

    written: list[bytes] = []

    def reset(_link: Link, data: bytes) -> None:
        written.append(data)
        raise RuntimeError("File descriptor 9 is used by transport")

    # When something is to be written to it
    with monkeypatch.context() as patched:
        patched.setattr(Link, "_send_now", lambda _link, _data: 0)
        patched.setattr(AsyncioConnection, "_adapter_emit_data", reset)
        if what == "question":
            with pytest.raises(Disconnected, match="cannot be written"):
                await bus.queue_info(QUEUE)
            await eventually(lambda: not bus.connected)
        elif what == "publish":
            lost = bus.publish(DESK, QUEUE, message(2))
            lost.add_done_callback(lambda done: done.exception())
            await eventually(lambda: not bus.connected)
        else:
            subscription.ack((delivery.tag,))
            await eventually(lambda: written)

    # Then there is soon another one, for what was not acknowledged as well
    async with asyncio.timeout(15):
        await bus.wait_connected()
    await publish_all(bus, QUEUE, [message("after")])
    assert ("m1" in await come_until(subscription, "after")) is (what != "publish")


async def test_bindings_may_be_declared_for_what_another_topology_brought(rabbit: RabbitHarness) -> None:
    await rabbit.admin.declare(Topology((Exchange(DESK, "direct"),), (), ()))
    await rabbit.admin.declare(Topology((), (Queue(QUEUE),), (Binding(DESK, "k", QUEUE),)))

    await rabbit.admin.publish(DESK, "k", message(1))
