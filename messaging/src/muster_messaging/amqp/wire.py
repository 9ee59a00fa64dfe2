"""The AMQP 0-9-1 types that the hot path reads and writes itself: short strings, tables, basic properties.

pika does the same through an object for every frame, which costs three times as much per message as all the rest. Here
are only the types that our own messages use; anything else in a table is left to pika's decoder. A test holds both
codecs against each other.
"""

import struct
from functools import lru_cache
from struct import Struct
from typing import Any, NamedTuple

from pika.data import decode_value
from pika.exceptions import AMQPError

__all__ = ["UNREADABLE", "Properties", "Table", "method_frame", "read_properties", "read_short", "read_table", "short"]

METHOD, HEADER, BODY, END = 1, 2, 3, b"\xce"
FRAME_HEAD = Struct(">BHI")
#: Bytes round the payload of a frame: head and end mark.
FRAME_OVERHEAD = FRAME_HEAD.size + 1
U16, U32, U64, I64 = (Struct(form) for form in (">H", ">I", ">Q", ">q"))
BASIC_CLASS = 60
BASIC_PUBLISH, BASIC_DELIVER, BASIC_ACK, BASIC_NACK = 0x003C0028, 0x003C003C, 0x003C0050, 0x003C0078
SHORT_LIMIT = 255

#: What reading a stranger's properties may raise: damage, nesting without end, times and numbers that Python lacks.
UNREADABLE = (struct.error, LookupError, ValueError, ArithmeticError, OSError, RecursionError, AMQPError)

_TEXT, _LONG = ord("S"), ord("l")
#: How long the values of a table are, by their kind; those of the others is written before them.
_SIZES = dict(zip(b"tbBUusIiflLdDTV", (1, 1, 1, 2, 2, 2, 4, 4, 4, 8, 8, 8, 5, 8, 0), strict=True))
_SIZED = frozenset(b"SxAF")
#: Basic properties in the order of the wire: flag bit, name, and how long they are (0: a short string, -1: a table).
_LAYOUT = (
    (15, "content_type", 0), (14, "content_encoding", 0), (13, "headers", -1), (12, "delivery_mode", 1),
    (11, "priority", 1), (10, "correlation_id", 0), (9, "reply_to", 0), (8, "expiration", 0), (7, "message_id", 0),
    (6, "timestamp", 8), (5, "type", 0), (4, "user_id", 0), (3, "app_id", 0), (2, "cluster_id", 0),
)  # fmt: skip
_WANTED = {"correlation_id": 1, "message_id": 2, "type": 3, "user_id": 4}


class Table(NamedTuple):
    """A header table, by type. `damaged`: what could not be read of it, empty when all could."""

    texts: dict[bytes, str]
    numbers: dict[bytes, int]
    others: dict[bytes, Any]
    damaged: str = ""


class Properties(NamedTuple):
    """What we want of a message's properties; empty where the sender left it out."""

    table: Table
    correlation_id: str
    message_id: str
    type: str
    user_id: str


def short(text: str) -> bytes:
    """Return a short string; raises ValueError above 255 bytes of UTF-8."""
    encoded = text.encode()
    if len(encoded) > SHORT_LIMIT:
        raise ValueError(f"{len(encoded)} bytes, where AMQP allows {SHORT_LIMIT}")
    return bytes((len(encoded),)) + encoded


def read_short(buffer: bytes, at: int) -> tuple[str, int]:
    """Return the short string at `at` and the place after it."""
    end = at + 1 + buffer[at]
    return buffer[at + 1 : end].decode("utf-8", "replace"), end


def method_frame(channel: int, method: int, arguments: bytes) -> bytes:
    """Return a whole method frame."""
    return b"".join((FRAME_HEAD.pack(METHOD, channel, 4 + len(arguments)), U32.pack(method), arguments, END))


def read_table(buffer: bytes, at: int) -> tuple[Table, int]:
    """Return the table at `at` and the place after it.

    A value that nobody can decode costs only itself; raises one of UNREADABLE when it is not clear where values end.
    """
    texts: dict[bytes, str] = {}
    numbers: dict[bytes, int] = {}
    others: dict[bytes, Any] = {}
    damaged = ""
    end = at + 4 + U32.unpack_from(buffer, at)[0]
    at += 4
    while at < end:
        kind_at = at + 1 + buffer[at]
        name = buffer[at + 1 : kind_at]
        kind = buffer[kind_at]
        if kind == _TEXT:
            at = kind_at + 5 + U32.unpack_from(buffer, kind_at + 1)[0]
            texts[name] = buffer[kind_at + 5 : at].decode("utf-8", "replace")
        elif kind == _LONG:
            at = kind_at + 9
            numbers[name] = I64.unpack_from(buffer, kind_at + 1)[0]
        else:
            at = _after(buffer, kind_at)
            try:
                value = decode_value(buffer, kind_at)[0]
            except UNREADABLE:
                damaged = damaged or f"the value of {name.decode('utf-8', 'replace')[:80]!r}"
                continue
            if isinstance(value, int) and not isinstance(value, bool):
                numbers[name] = int(value)
            else:
                others[name] = value
    if at != end:
        raise ValueError("a table ends within a value")
    return Table(texts, numbers, others, damaged), at


def _after(buffer: bytes, at: int) -> int:
    """Return the place after the value at `at`."""
    kind = buffer[at]
    if kind in _SIZED:
        return at + 5 + int(U32.unpack_from(buffer, at + 1)[0])
    return at + 1 + _SIZES[kind]


def _table_or_none(buffer: bytes, at: int) -> tuple[Table, int]:
    """Return the table at `at`, or an empty one when it cannot be read, and the place after it."""
    try:
        return read_table(buffer, at)
    except UNREADABLE:
        return Table({}, {}, {}, "its table of headers"), at + 4 + U32.unpack_from(buffer, at)[0]


@lru_cache(maxsize=256)
def _present(flags: int) -> tuple[tuple[int, int], ...]:
    """Return (index in Properties or 0, length) of what follows these flags."""
    return tuple((_WANTED.get(name, 0), length) for bit, name, length in _LAYOUT if flags >> bit & 1)


def read_properties(buffer: bytes, at: int) -> Properties:
    """Return the properties from `at`, where their flags begin, to the end of `buffer`; raises one of UNREADABLE."""
    table: Table | None = None
    found = ["", "", "", "", ""]
    flags = U16.unpack_from(buffer, at)[0]
    at += 2
    for index, length in _present(flags):
        if length > 0:
            at += length
        elif length == 0:
            end = at + 1 + buffer[at]
            if index:
                found[index] = buffer[at + 1 : end].decode("utf-8", "replace")
            at = end
        else:
            table, at = _table_or_none(buffer, at)
    if at > len(buffer):
        raise ValueError("the properties end too early")
    return Properties(table or Table({}, {}, {}), found[1], found[2], found[3], found[4])
