"""Properties of AMQP messages, byte by byte: what pika would not write, and a stranger may."""

import struct
from typing import Any

from hypothesis import strategies as some
from pika import spec

from muster_messaging.amqp import wire

__all__ = ["POISON", "REFUSED", "RawProperties", "field", "table", "tables"]


class RawProperties(spec.BasicProperties):  # type: ignore[misc]  # pika is untyped
    """Properties with a table of headers that is sent as it stands."""

    def __init__(self, headers: bytes, message_id: str, user_id: str, **more: str) -> None:
        super().__init__(message_id=message_id, user_id=user_id, **more)
        self._headers = headers

    def encode(self) -> list[bytes]:
        given = {11: self.correlation_id, 8: None, 7: self.message_id, 5: self.type, 4: self.user_id}
        flags, pieces = 1 << 13, [table(self._headers)]
        for bit, text in given.items():
            if text is not None:
                flags |= 1 << bit
                pieces.append(wire.short(text))
        return [wire.U16.pack(flags), *pieces]


def field(name: str, kind: str, value: bytes) -> bytes:
    """Return one header; `value` with its length, where its kind has one."""
    return wire.short(name) + kind.encode() + value


def table(fields: bytes) -> bytes:
    """Return a table of fields."""
    return wire.U32.pack(len(fields)) + fields


def _double(number: float) -> bytes:
    return struct.pack(">d", number)


#: Kind of poison -> its headers and other properties. Nobody can read any of these, and each is a whole AMQP message.
POISON: dict[str, tuple[bytes, dict[str, Any]]] = {
    "a time beyond all calendars": (field("stamp", "T", b"\xff" * 8), {}),
    "a time beyond all calendars in a list": (field("stamps", "A", table(b"T" + b"\x7f" * 8)), {}),
    "no number": (field("weight", "d", _double(float("nan"))), {}),
    "an infinite number": (field("weight", "d", _double(float("inf"))), {}),
    "a sequence of 300 digits": (field("seq", "d", _double(1e300)), {}),
    "a negative attempt": (field("attempt", "l", wire.I64.pack(-1)), {}),
    "a negative number of hops": (field("hops", "b", b"\xff"), {}),
    "a schema below all": (field("schema", "l", wire.I64.pack(-(2**63))), {}),
    "too many retries": (field("retries", "l", wire.I64.pack(2**32)), {}),
    "a text where a number belongs": (field("seq", "S", table(b"seven")), {}),
    "a number where a text belongs": (field("to", "I", b"\0\0\0\x05"), {}),
    "nothing where a text belongs": (field("conv", "V", b""), {}),
    "bytes where a text belongs": (field("to", "x", table(b"server")), {}),
    "a zero byte in a text": (field("to", "S", table(b"ser\0ver")), {}),
    "a zero byte in the id": (field("to", "S", table(b"server")), {"message_id": "a\0b"}),
    "no id": (field("to", "S", table(b"server")), {"message_id": ""}),
    "control fields near the bound of a frame": (field("trace", "S", table(b"x" * 120_000)), {}),
}

#: RabbitMQ itself cannot read these, and closes the connection that they came by.
REFUSED = {"no number", "an infinite number"}

_SIZES = {"t": 1, "b": 1, "B": 1, "U": 2, "u": 2, "s": 2, "I": 4, "i": 4, "f": 4, "l": 8, "L": 8, "d": 8, "T": 8,
          "D": 5, "V": 0}  # fmt: skip
_EXTREMES = (b"\0", b"\x7f", b"\x80", b"\xff")


def _sized(kind: str) -> some.SearchStrategy[bytes]:
    size = _SIZES[kind]
    extreme = some.sampled_from(_EXTREMES).map(lambda byte: byte * size)
    return (some.binary(min_size=size, max_size=size) | extreme).map(lambda value: kind.encode() + value)


_names = some.sampled_from(("to", "conv", "seq", "schema", "hops", "retries", "x-death", "x-delivery-count", "other"))
_plain = some.one_of(
    *map(_sized, _SIZES),
    some.binary(max_size=20).map(lambda value: b"S" + table(value)),
    some.binary(max_size=20).map(lambda value: b"x" + table(value)),
)


def _fields(values: some.SearchStrategy[bytes]) -> some.SearchStrategy[bytes]:
    return some.lists(some.tuples(_names, values), max_size=4).map(
        lambda pairs: b"".join(wire.short(name) + value for name, value in pairs)
    )


_values = some.recursive(
    _plain,
    lambda inner: (
        some.lists(inner, max_size=3).map(lambda items: b"A" + table(b"".join(items)))
        | _fields(inner).map(lambda fields: b"F" + table(fields))
    ),
    max_leaves=6,
)
#: The fields of whole tables, with values of every kind.
tables = _fields(_values)
