"""What a stranger writes: one message that nobody can read, and nothing else; its sender, its body and why are kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as some
from pika import frame as frames
from pika import spec

from muster_messaging.amqp import wire
from muster_messaging.amqp.codec import Encoder, read_delivery
from muster_messaging.amqp.consumer import AmqpSubscription
from muster_messaging.amqp.deliveries import DeliveryReader
from muster_messaging.frames import decode, encode
from muster_messaging.message import (
    MAX_BODY_BYTES,
    MAX_CONTROL_BYTES,
    SCHEMA,
    UNREADABLE,
    Delivery,
    Message,
    checked,
    control_bytes,
)
from muster_protos.v1.relay_pb2 import BusMessage
from tests.messaging.poisons import POISON, RawProperties, tables


def read(properties: spec.BasicProperties, body: bytes = b"body") -> Delivery:
    """Let the reader take a message, and a good one behind it; return the first."""
    got: list[Delivery] = []
    reader = DeliveryReader(lambda *delivery: got.append(read_delivery(*delivery)))
    good = spec.BasicProperties(message_id="good", type="chat", headers={"seq": 3})
    for each in (properties, good):
        deliver = frames.Method(1, spec.Basic.Deliver("tag", 7, False, "x", "key")).marshal()
        for piece in (deliver, frames.Header(1, len(body), each).marshal(), frames.Body(1, body).marshal()):
            assert reader(piece[0], piece, 7, len(piece) - 1)
    first, second = got
    assert (second.message.id, second.message.type, second.message.seq) == ("good", "chat", 3)
    return first


@pytest.mark.parametrize("kind", POISON)
def test_every_kind_of_poison_is_one_unreadable_message_with_its_sender_and_body(kind: str) -> None:
    headers, more = POISON[kind]

    message = read(RawProperties(headers, **{"message_id": "m1", "user_id": "agt_1", "type": "chat", **more})).message

    assert (message.type, message.schema, message.sender, message.body) == (UNREADABLE, SCHEMA + 1, "agt_1", b"body")
    assert message.aside.startswith("frame_malformed: ")
    assert message.id == "m1" if "message_id" not in more else message.id.startswith("unreadable_")


@given(tables)
def test_whatever_types_and_values_a_table_has_one_message_is_concerned_and_can_be_passed_on(headers: bytes) -> None:
    delivery = read(RawProperties(headers, message_id="m1", user_id="agt_1", type="chat"))

    message = delivery.message
    assert (message.id, message.sender, message.body) == ("m1", "agt_1", b"body")
    assert 1 <= delivery.attempt < 2**32
    assert message.type == "chat" or (message.schema == SCHEMA + 1 and message.aside)
    # It can be put aside, by whatever queue server
    assert Encoder(1, "broker", 4096).frames("x", "key", message._replace(origin="agt_1"))
    assert decode(encode(message), "agt_1") == message


@given(some.binary(max_size=300))
def test_whatever_bytes_stand_for_a_table_the_rest_is_read(headers: bytes) -> None:
    message = read(RawProperties(headers, message_id="m1", user_id="agt_1", type="chat")).message

    assert (message.id, message.sender, message.body) == ("m1", "agt_1", b"body")


def test_a_message_without_readable_properties_is_handed_out_all_the_same() -> None:
    delivery = read_delivery(7, "key", None, b"body")

    assert (delivery.message.type, delivery.message.body, delivery.tag) == (UNREADABLE, b"body", 7)


def test_why_a_message_died_is_known_although_nobody_can_read_it() -> None:
    """RabbitMQ adds its own headers to a stranger's."""
    death = wire.short("reason") + b"S" + wire.U32.pack(8) + b"rejected"
    deaths = b"F" + wire.U32.pack(len(death)) + death
    headers, _ = POISON["a time beyond all calendars"]
    headers += wire.short("x-death") + b"A" + wire.U32.pack(len(deaths)) + deaths

    assert read(RawProperties(headers, message_id="m1", user_id="agt_1")).died_of == "rejected"


def test_deaths_that_a_stranger_claims_are_cut_to_what_can_be_kept() -> None:
    death = {"reason": "a\0b", "queue": "q" * 1000}
    properties = spec.BasicProperties(message_id="m1", headers={"x-death": [death]})

    delivery = read(properties)

    assert (delivery.died_of, delivery.died_in) == ("ab", "q" * 255)


async def test_thousands_of_them_are_all_handed_out_and_make_one_line(caplog: pytest.LogCaptureFixture) -> None:
    subscription = AmqpSubscription("work", 2000)
    for tag in range(1, 2001):
        subscription._on_delivery(0, tag, "key", None, b"body")

    assert len(await subscription.next_batch()) == 2000
    [line] = [record.getMessage() for record in caplog.records if record.name == "muster.amqp"]
    assert "work: 1 more that cannot be read" in line


GOOD = Message("m1", "chat", b"body", "agt_1")


@pytest.mark.parametrize(
    "bad",
    [
        GOOD._replace(id=""),
        GOOD._replace(id="i" * 256),
        GOOD._replace(type="t" * 256),
        GOOD._replace(correlation_id="€" * 86),
        GOOD._replace(conversation="a\0b"),
        GOOD._replace(trace="x" * MAX_CONTROL_BYTES),
        GOOD._replace(seq=2**63),
        GOOD._replace(expires_at_ms=-1),
        GOOD._replace(body=bytes(MAX_BODY_BYTES + 1)),
    ],
)
def test_a_frame_that_says_what_no_message_may_is_unreadable(bad: Message) -> None:
    message = decode(encode(bad), "agt_1")

    assert (message.type, message.schema, message.sender, message.body) == (UNREADABLE, SCHEMA + 1, "agt_1", bad.body)
    assert message.aside.startswith("frame_malformed: ")
    assert 0 < len(message.id.encode()) <= 255
    assert decode(encode(bad), "agt_1").id == message.id


def test_bytes_that_are_no_frame_keep_their_name_when_they_come_again() -> None:
    first, second = decode(b"\xff\xff1", "agt_1"), decode(b"\xff\xff2", "agt_1")

    assert (first.type, first.body, first.id) == (UNREADABLE, b"\xff\xff1", decode(b"\xff\xff1", "agt_1").id)
    assert first.id != second.id
    assert decode(encode(first), "") == first._replace(sender="")


def test_what_is_at_the_bounds_is_read() -> None:
    most = BusMessage(
        id="i" * 255, type="t" * 255, body=bytes(MAX_BODY_BYTES), correlation_id="c" * 255, seq=2**63 - 1,
        attempt=2**32 - 1, hops=2**32 - 1, retries=2**32 - 1, schema=1, expires_at_ms=2**63 - 1,
    )  # fmt: skip
    most.trace = "x" * (MAX_CONTROL_BYTES - 3 * 255)

    message = decode(most.SerializeToString(), "")

    assert message.type == "t" * 255
    assert control_bytes(message) == MAX_CONTROL_BYTES
    assert checked(message) is message
