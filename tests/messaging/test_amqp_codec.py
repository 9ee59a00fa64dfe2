"""Our AMQP codec and pika's agree on every message, and damage is noticed instead of believed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from pika import frame as frames
from pika import spec

from muster_messaging.amqp import wire
from muster_messaging.amqp.codec import Encoder, read_delivery
from muster_messaging.amqp.deliveries import DeliveryReader
from muster_messaging.message import UNREADABLE, Message

FRAME_MAX = 4096
CHANNEL = 3

short_texts = some.text(max_size=60)
texts = some.text(max_size=200)
numbers = some.integers(-(2**63), 2**63 - 1)
counts, times = some.integers(0, 2**32 - 1), some.integers(0, 2**63 - 1)
written = some.text(some.characters(exclude_characters="\0", codec="utf-8"), max_size=200)
messages = some.builds(
    Message, id=short_texts, type=short_texts, body=some.binary(max_size=3 * FRAME_MAX), to=texts, conversation=texts,
    run=texts, correlation_id=short_texts, seq=numbers, attempt=numbers, hops=numbers, schema=numbers,
    expires_at_ms=numbers, trace=texts, sticky=texts, origin=texts, retries=numbers,
)  # fmt: skip
readable = some.builds(
    Message, id=some.text("abc", min_size=1), type=short_texts.map(lambda text: text.replace("\0", "")),
    body=some.binary(max_size=3 * FRAME_MAX), to=written, conversation=written, run=written, seq=times, attempt=counts,
    hops=counts, schema=counts, expires_at_ms=times, trace=written, sticky=written, origin=written, retries=counts,
    correlation_id=some.text("abc"), aside=written, sender=some.just(""),
)  # fmt: skip
header_values = some.recursive(
    some.none() | some.booleans() | numbers | texts | some.binary(max_size=20),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


def pika_reads(data: bytes) -> list[Any]:
    """Decode frames as pika does."""
    found = []
    while data:
        length, frame = frames.decode_frame(data)
        assert frame is not None
        found.append(frame)
        data = data[length:]
    return found


def delivered(*pieces: bytes) -> list[tuple[int, str, wire.Properties | None, bytes]]:
    """Let a DeliveryReader take whole frames, one after the other."""
    got: list[tuple[int, str, wire.Properties | None, bytes]] = []
    reader = DeliveryReader(lambda *delivery: got.append(delivery))
    for piece in pieces:
        kind, _, size = wire.FRAME_HEAD.unpack_from(piece)
        padded = b"before" + piece
        assert reader(kind, padded, 6 + 7, 6 + 7 + size)
    return got


def pika_delivers(key: str, properties: spec.BasicProperties, body: bytes) -> list[bytes]:
    """Encode a delivery as pika would if it were a server."""
    deliver = spec.Basic.Deliver("some-consumer", 7, True, "some.exchange", key)
    pieces = [frames.Method(CHANNEL, deliver).marshal(), frames.Header(CHANNEL, len(body), properties).marshal()]
    return pieces + [frames.Body(CHANNEL, body[at : at + FRAME_MAX]).marshal() for at in range(0, len(body), FRAME_MAX)]


@given(messages, short_texts, short_texts)
def test_pika_reads_what_we_write(message: Message, exchange: str, key: str) -> None:
    encoder = Encoder(CHANNEL, "muster", FRAME_MAX)
    method, header, *bodies = pika_reads(encoder.frames(exchange, key, message))

    assert (method.method.exchange, method.method.routing_key, method.method.mandatory) == (exchange, key, True)
    assert b"".join(part.fragment for part in bodies) == message.body
    assert header.body_size == len(message.body)
    properties = header.properties
    assert (properties.message_id, properties.type, properties.user_id) == (message.id, message.type, "muster")
    assert (properties.delivery_mode, properties.content_type) == (2, "application/json")
    assert (properties.correlation_id or "") == message.correlation_id
    assert properties.headers.get("conv", "") == message.conversation
    assert properties.headers.get("seq", 0) == message.seq
    assert properties.headers.get("schema", 1) == message.schema
    assert all(len(part.marshal()) <= FRAME_MAX for part in (header, *bodies))


@given(readable, short_texts)
def test_what_we_write_and_the_server_passes_on_is_what_we_read(message: Message, key: str) -> None:
    _, header, *_ = pika_reads(Encoder(CHANNEL, "muster", FRAME_MAX).frames("", key, message))

    [(tag, read_key, properties, body)] = delivered(*pika_delivers(key, header.properties, message.body))

    assert properties is not None
    delivery = read_delivery(tag, read_key, properties, body)
    assert delivery.message == message._replace(sender="muster")
    assert (delivery.tag, delivery.key, delivery.attempt, delivery.died_of) == (7, key, 1, "")


@given(some.dictionaries(some.text(max_size=30), header_values, max_size=6), some.binary(max_size=50))
def test_whatever_headers_a_stranger_sends_are_read_as_pika_reads_them(headers: dict[str, Any], body: bytes) -> None:
    properties = spec.BasicProperties(headers=headers, message_id="id", reply_to="x", priority=3, app_id="y")

    [(_, _, read, read_body)] = delivered(*pika_delivers("key", properties, body))

    assert read is not None
    assert (read.message_id, read.user_id, read_body) == ("id", "", body)
    for name, value in headers.items():
        encoded = name.encode()
        if isinstance(value, str):
            assert read.table.texts[encoded] == value
        elif isinstance(value, int) and not isinstance(value, bool):
            assert read.table.numbers[encoded] == value
        else:
            assert encoded in read.table.others
    read_delivery(1, "key", read, read_body)


@pytest.mark.parametrize(
    "headers",
    [
        {"to": 5}, {"seq": "seven"}, {"conv": None}, {"hops": True}, {"retries": [1]}, {"schema": "1"},
        {"seq": -1}, {"attempt": 2**32}, {"hops": -(2**63)}, {"expires": -1}, {"retries": 2**63 - 1}, {"to": "a\0b"},
        {"trace": "€" * 2731},
    ],
)  # fmt: skip
def test_a_field_of_the_wrong_kind_or_out_of_range_makes_a_message_unreadable(headers: dict[str, Any]) -> None:
    properties = spec.BasicProperties(headers=headers, message_id="m1", type="chat", user_id="agt_1")

    [(_, _, read, _)] = delivered(*pika_delivers("key", properties, b"body"))

    message = read_delivery(1, "key", read, b"body").message
    assert message._replace(aside="") == Message("m1", "unreadable", b"body", "agt_1", schema=2)
    assert message.aside.startswith("frame_malformed: ")


@pytest.mark.parametrize(("count", "attempt"), [("many", 1), (-5, 1), (3, 4), (2**63 - 1, 2**32 - 1)])
def test_whatever_count_of_deliveries_a_stranger_claims_the_attempt_can_be_passed_on(count: Any, attempt: int) -> None:
    properties = spec.BasicProperties(headers={"x-delivery-count": count}, message_id="m1")

    [(_, _, read, _)] = delivered(*pika_delivers("key", properties, b""))

    delivery = read_delivery(1, "key", read, b"")
    assert (delivery.message.id, delivery.attempt) == ("m1", attempt)


def test_a_sender_in_the_headers_is_not_believed() -> None:
    properties = spec.BasicProperties(headers={"sender": "admin", "user_id": "admin"}, app_id="admin")

    [(_, _, read, _)] = delivered(*pika_delivers("key", properties, b""))

    assert read is not None
    assert read_delivery(1, "key", read, b"").message.sender == ""


def test_the_latest_death_is_the_one_that_counts() -> None:
    deaths = [{"reason": "rejected", "queue": "last"}, {"reason": "expired", "queue": "first"}]
    headers = {"x-death": deaths, "x-first-death-reason": "expired", "x-first-death-queue": "first"}

    [(_, _, read, _)] = delivered(*pika_delivers("key", spec.BasicProperties(headers=headers), b""))

    assert read is not None
    delivery = read_delivery(1, "key", read, b"")
    assert (delivery.died_of, delivery.died_in) == ("rejected", "last")


@pytest.mark.parametrize("deaths", [[], [5], ["x"], [{}], {"reason": "x"}, "text"])
def test_deaths_in_no_known_shape_do_no_harm(deaths: object) -> None:
    headers = {"x-death": deaths, "x-first-death-reason": "expired", "x-first-death-queue": "q"}

    [(_, _, read, _)] = delivered(*pika_delivers("key", spec.BasicProperties(headers=headers), b""))

    assert read is not None
    assert read_delivery(1, "key", read, b"").died_of in {"expired", ""}


@given(some.binary(min_size=1, max_size=60))
def test_damaged_properties_are_given_out_as_unreadable_and_the_next_message_is_fine(damage: bytes) -> None:
    deliver, header, *_ = pika_delivers("key", spec.BasicProperties(message_id="next"), b"")
    payload = wire.U16.pack(60) + b"\0\0" + wire.U64.pack(0) + damage
    damaged = wire.FRAME_HEAD.pack(wire.HEADER, CHANNEL, len(payload)) + payload + wire.END

    first, second = delivered(deliver, damaged, deliver, header)

    read_delivery(*first)
    assert second[2] is not None
    assert second[2].message_id == "next"


def test_nested_tables_beyond_all_measure_are_unreadable_and_no_crash() -> None:
    nested = b""
    for _ in range(5000):
        nested = b"\x01aF" + wire.U32.pack(len(nested)) + nested
    table = wire.U32.pack(len(nested)) + nested

    read = wire.read_properties(wire.U16.pack(1 << 13 | 1 << 7) + table + wire.short("after"), 0)

    assert read.message_id == "after"
    assert read_delivery(1, "key", read, b"").message.type == UNREADABLE


@pytest.mark.parametrize("field", ["id", "type", "correlation_id"])
def test_short_fields_above_255_bytes_cannot_be_sent(field: str) -> None:
    encoder = Encoder(CHANNEL, "muster", FRAME_MAX)
    fits = Message("i", "t")._replace(**{field: "€" * 85})  # type: ignore[arg-type]
    assert encoder.frames("", "", fits)

    with pytest.raises(ValueError, match="258 bytes"):
        encoder.frames("", "", fits._replace(**{field: "€" * 86}))  # type: ignore[arg-type]


@pytest.mark.parametrize("field", ["seq", "attempt", "schema", "expires_at_ms"])
@pytest.mark.parametrize("number", [10**300, 2**63, -(2**63) - 1])
def test_numbers_that_amqp_has_no_place_for_cannot_be_sent(field: str, number: int) -> None:
    encoder = Encoder(CHANNEL, "muster", FRAME_MAX)

    with pytest.raises(ValueError, match="out of range"):
        encoder.frames("", "", Message("i", "t")._replace(**{field: number}))  # type: ignore[arg-type]


def test_control_fields_above_one_frame_cannot_be_sent() -> None:
    encoder = Encoder(CHANNEL, "muster", FRAME_MAX)

    with pytest.raises(ValueError, match="control fields"):
        encoder.frames("", "", Message("i", "t", trace="x" * FRAME_MAX))


@pytest.mark.parametrize("size", [0, 1, FRAME_MAX - 9, FRAME_MAX - 8, FRAME_MAX - 7, 2 * (FRAME_MAX - 8), 100_000])
def test_bodies_are_cut_where_frames_end(size: int) -> None:
    body = bytes(number % 251 for number in range(size))

    _, _, *bodies = pika_reads(Encoder(CHANNEL, "muster", FRAME_MAX).frames("", "", Message("i", "t", body)))

    assert b"".join(part.fragment for part in bodies) == body
    assert len(bodies) == -(-size // (FRAME_MAX - 8))
