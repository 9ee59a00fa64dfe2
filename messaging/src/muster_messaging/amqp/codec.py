"""Message <-> AMQP: which field travels as which property or header. This is the hot path: measure before changing it.

A field at its default is not sent. `schema` is not sent when it is 1, today and for ever: a reader of an old version
must not take the absence for its own.
"""

import struct
import time

from muster_messaging.amqp import wire
from muster_messaging.message import Delivery, Message, checked, unreadable

__all__ = ["Encoder", "read_delivery"]

_FIELDS = {name: index for index, name in enumerate(Message._fields)}
_TEXT_HEADERS = {"to": "to", "conversation": "conv", "run": "run", "trace": "trace", "sticky": "sticky",
                 "origin": "origin", "aside": "aside", "after": "after"}  # fmt: skip
_NUMBER_HEADERS = {"seq": "seq", "attempt": "attempt", "hops": "hops", "expires_at_ms": "expires",
                   "retries": "retries", "claim": "claim"}  # fmt: skip
_TEXTS = tuple((_FIELDS[field], wire.short(name) + b"S") for field, name in _TEXT_HEADERS.items())
_NUMBERS = tuple((_FIELDS[field], wire.short(name) + b"l") for field, name in _NUMBER_HEADERS.items())
_SCHEMA = wire.short("schema") + b"l"
_TEXT_NAMES = frozenset(name.encode() for name in _TEXT_HEADERS.values())
_NUMBER_NAMES = frozenset(name.encode() for name in (*_NUMBER_HEADERS.values(), "schema"))
#: The attempts that a delivery says at most: whoever sends a message may claim any number of them.
_MAX_ATTEMPTS = 2**32 - 1
_CONTENT_TYPE = wire.short("application/json")
_PERSISTENT = b"\x02"
#: content type, headers, delivery mode, message id, timestamp, type, user id
_FLAGS = 1 << 15 | 1 << 13 | 1 << 12 | 1 << 7 | 1 << 6 | 1 << 5 | 1 << 4
_CORRELATION = 1 << 10
_MANDATORY = b"\x01"
#: How many exchange and key pairs are kept encoded: about as many as one server has agents.
_ROUTES = 20_000


class Encoder:
    """Writes the frames of publishes on one channel, in the name of one login."""

    def __init__(self, channel: int, user: str, frame_max: int) -> None:
        self._channel = channel
        self._user = wire.short(user)
        self._payload_max = frame_max - wire.FRAME_OVERHEAD
        self._routes: dict[tuple[str, str], bytes] = {}

    def frames(self, exchange: str, key: str, message: Message) -> bytes:
        """Return everything to send; raises ValueError when a name, a number or all fields are too much for AMQP."""
        route = self._routes.get((exchange, key))
        if route is None:
            route = self._route(exchange, key)
        try:
            header = self._header(message)
        except struct.error as error:
            raise ValueError(f"a number is out of range: {error}") from error
        if len(header) > self._payload_max:
            raise ValueError(f"the control fields take {len(header)} bytes, where AMQP allows {self._payload_max}")
        head = wire.FRAME_HEAD.pack(wire.HEADER, self._channel, len(header))
        size = len(message.body)
        if 0 < size <= self._payload_max:
            body_head = wire.FRAME_HEAD.pack(wire.BODY, self._channel, size)
            return b"".join((route, head, header, wire.END, body_head, message.body, wire.END))
        return b"".join((route, head, header, wire.END, *self._body(message.body)))

    def _route(self, exchange: str, key: str) -> bytes:
        arguments = b"\0\0" + wire.short(exchange) + wire.short(key) + _MANDATORY
        if len(self._routes) >= _ROUTES:
            self._routes.clear()
        route = self._routes[exchange, key] = wire.method_frame(self._channel, wire.BASIC_PUBLISH, arguments)
        return route

    def _body(self, body: bytes) -> list[bytes]:
        pieces = []
        for start in range(0, len(body), self._payload_max):
            part = body[start : start + self._payload_max]
            pieces += [wire.FRAME_HEAD.pack(wire.BODY, self._channel, len(part)), part, wire.END]
        return pieces

    def _header(self, message: Message) -> bytes:
        pack_u32, pack_i64 = wire.U32.pack, wire.I64.pack
        table = []
        for index, name in _TEXTS:
            if text := message[index]:
                encoded = text.encode()  # type: ignore[union-attr]  # these indices are the texts
                table += [name, pack_u32(len(encoded)), encoded]
        for index, name in _NUMBERS:
            if number := message[index]:
                table += [name, pack_i64(number)]
        if message.schema != 1:
            table += [_SCHEMA, pack_i64(message.schema)]
        headers = b"".join(table)
        flags, correlation = _FLAGS, b""
        if message.correlation_id:
            flags, correlation = flags | _CORRELATION, wire.short(message.correlation_id)
        return b"".join((
            _CLASS_AND_WEIGHT, wire.U64.pack(len(message.body)), wire.U16.pack(flags), _CONTENT_TYPE,
            pack_u32(len(headers)), headers, _PERSISTENT, correlation, wire.short(message.id),
            wire.U64.pack(int(time.time())), wire.short(message.type), self._user,
        ))  # fmt: skip


_CLASS_AND_WEIGHT = wire.U16.pack(wire.BASIC_CLASS) + b"\0\0"


def read_delivery(tag: int, key: str, properties: wire.Properties | None, body: bytes) -> Delivery:
    """Return a delivery. `sender` is what RabbitMQ verified (user_id), never what a header claims.

    What cannot be read, also where there are no properties at all, is a message of a schema that nobody knows.
    """
    if properties is None:
        return Delivery(tag, unreadable(Message("", "", body), "Its properties cannot be read."), key)
    table = properties.table
    text, number = table.texts.get, table.numbers.get
    message = Message(
        properties.message_id, properties.type, body, properties.user_id,
        text(b"to", ""), text(b"conv", ""), text(b"run", ""), properties.correlation_id,
        number(b"seq", 0), number(b"attempt", 0), number(b"hops", 0), number(b"schema", 1), number(b"expires", 0),
        text(b"trace", ""), text(b"sticky", ""), text(b"origin", ""), number(b"retries", 0),
        text(b"aside", ""), bool(number(b"claim", 0)), text(b"after", ""),
    )  # fmt: skip
    why = _fault(table)
    message = unreadable(message, why) if why else checked(message)
    attempt = min(max(number(b"x-delivery-count", 0), 0), _MAX_ATTEMPTS - 1) + 1
    if not table.others:
        return Delivery(tag, message, key, attempt)
    died_of, died_in = _death(table)
    return Delivery(tag, message, key, attempt, died_of, died_in)


def _fault(table: wire.Table) -> str:
    """Return what of a table cannot be read, in a sentence; empty when all can."""
    if table.damaged:
        return f"Of its headers, {table.damaged} cannot be read."
    if _TEXT_NAMES.isdisjoint(table.numbers) and _NUMBER_NAMES.isdisjoint(table.texts):
        strange = (_TEXT_NAMES | _NUMBER_NAMES).intersection(table.others) if table.others else ()
        if not strange:
            return ""
    return "A header is not of its type."


def _death(table: wire.Table) -> tuple[str, str]:
    """Return reason and queue of the latest death: RabbitMQ puts it first. A message that never died may claim any."""
    deaths = table.others.get(b"x-death")
    if isinstance(deaths, list) and deaths and isinstance(deaths[0], dict):
        return _name(deaths[0].get("reason", "")), _name(deaths[0].get("queue", ""))
    return _name(table.texts.get(b"x-first-death-reason", "")), _name(table.texts.get(b"x-first-death-queue", ""))


def _name(claimed: object) -> str:
    return str(claimed).replace("\0", "")[: wire.SHORT_LIMIT]
