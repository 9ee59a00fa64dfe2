from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Credentials(_message.Message):
    __slots__ = ("access_token", "expires_at_ms")
    ACCESS_TOKEN_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_MS_FIELD_NUMBER: _ClassVar[int]
    access_token: str
    expires_at_ms: int
    def __init__(self, access_token: _Optional[str] = ..., expires_at_ms: _Optional[int] = ...) -> None: ...

class Transport(_message.Message):
    __slots__ = ("amqp", "relay")
    AMQP_FIELD_NUMBER: _ClassVar[int]
    RELAY_FIELD_NUMBER: _ClassVar[int]
    amqp: AmqpTransport
    relay: RelayTransport
    def __init__(self, amqp: _Optional[_Union[AmqpTransport, _Mapping]] = ..., relay: _Optional[_Union[RelayTransport, _Mapping]] = ...) -> None: ...

class AmqpTransport(_message.Message):
    __slots__ = ("url",)
    URL_FIELD_NUMBER: _ClassVar[int]
    url: str
    def __init__(self, url: _Optional[str] = ...) -> None: ...

class RelayTransport(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
