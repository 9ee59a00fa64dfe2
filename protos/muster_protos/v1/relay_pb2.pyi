from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class BusMessage(_message.Message):
    __slots__ = ("id", "type", "body", "to", "conversation", "run", "correlation_id", "seq", "attempt", "hops", "schema", "expires_at_ms", "trace", "sticky", "origin", "retries", "aside", "claim", "after")
    ID_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    HOPS_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_MS_FIELD_NUMBER: _ClassVar[int]
    TRACE_FIELD_NUMBER: _ClassVar[int]
    STICKY_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    RETRIES_FIELD_NUMBER: _ClassVar[int]
    ASIDE_FIELD_NUMBER: _ClassVar[int]
    CLAIM_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    id: str
    type: str
    body: bytes
    to: str
    conversation: str
    run: str
    correlation_id: str
    seq: int
    attempt: int
    hops: int
    schema: int
    expires_at_ms: int
    trace: str
    sticky: str
    origin: str
    retries: int
    aside: str
    claim: bool
    after: str
    def __init__(self, id: _Optional[str] = ..., type: _Optional[str] = ..., body: _Optional[bytes] = ..., to: _Optional[str] = ..., conversation: _Optional[str] = ..., run: _Optional[str] = ..., correlation_id: _Optional[str] = ..., seq: _Optional[int] = ..., attempt: _Optional[int] = ..., hops: _Optional[int] = ..., schema: _Optional[int] = ..., expires_at_ms: _Optional[int] = ..., trace: _Optional[str] = ..., sticky: _Optional[str] = ..., origin: _Optional[str] = ..., retries: _Optional[int] = ..., aside: _Optional[str] = ..., claim: _Optional[bool] = ..., after: _Optional[str] = ...) -> None: ...

class RelayUp(_message.Message):
    __slots__ = ("publish", "subscribe", "acknowledge", "cancel", "abandon")
    PUBLISH_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBE_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGE_FIELD_NUMBER: _ClassVar[int]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    ABANDON_FIELD_NUMBER: _ClassVar[int]
    publish: _containers.RepeatedCompositeFieldContainer[Publish]
    subscribe: _containers.RepeatedCompositeFieldContainer[Subscribe]
    acknowledge: _containers.RepeatedCompositeFieldContainer[Acknowledge]
    cancel: _containers.RepeatedScalarFieldContainer[int]
    abandon: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, publish: _Optional[_Iterable[_Union[Publish, _Mapping]]] = ..., subscribe: _Optional[_Iterable[_Union[Subscribe, _Mapping]]] = ..., acknowledge: _Optional[_Iterable[_Union[Acknowledge, _Mapping]]] = ..., cancel: _Optional[_Iterable[int]] = ..., abandon: _Optional[_Iterable[int]] = ...) -> None: ...

class Publish(_message.Message):
    __slots__ = ("number", "exchange", "key", "frame")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    EXCHANGE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    FRAME_FIELD_NUMBER: _ClassVar[int]
    number: int
    exchange: str
    key: str
    frame: bytes
    def __init__(self, number: _Optional[int] = ..., exchange: _Optional[str] = ..., key: _Optional[str] = ..., frame: _Optional[bytes] = ...) -> None: ...

class Subscribe(_message.Message):
    __slots__ = ("subscription", "queue", "prefetch")
    SUBSCRIPTION_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    PREFETCH_FIELD_NUMBER: _ClassVar[int]
    subscription: int
    queue: str
    prefetch: int
    def __init__(self, subscription: _Optional[int] = ..., queue: _Optional[str] = ..., prefetch: _Optional[int] = ...) -> None: ...

class Acknowledge(_message.Message):
    __slots__ = ("subscription", "tags", "rejected")
    SUBSCRIPTION_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    REJECTED_FIELD_NUMBER: _ClassVar[int]
    subscription: int
    tags: _containers.RepeatedScalarFieldContainer[int]
    rejected: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, subscription: _Optional[int] = ..., tags: _Optional[_Iterable[int]] = ..., rejected: _Optional[_Iterable[int]] = ...) -> None: ...

class RelayDown(_message.Message):
    __slots__ = ("confirmed", "refused", "deliveries", "subscribed")
    CONFIRMED_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    DELIVERIES_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBED_FIELD_NUMBER: _ClassVar[int]
    confirmed: _containers.RepeatedScalarFieldContainer[int]
    refused: _containers.RepeatedCompositeFieldContainer[PublishOutcome]
    deliveries: _containers.RepeatedCompositeFieldContainer[Deliveries]
    subscribed: _containers.RepeatedCompositeFieldContainer[SubscribeOutcome]
    def __init__(self, confirmed: _Optional[_Iterable[int]] = ..., refused: _Optional[_Iterable[_Union[PublishOutcome, _Mapping]]] = ..., deliveries: _Optional[_Iterable[_Union[Deliveries, _Mapping]]] = ..., subscribed: _Optional[_Iterable[_Union[SubscribeOutcome, _Mapping]]] = ...) -> None: ...

class PublishOutcome(_message.Message):
    __slots__ = ("number", "reason", "detail")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    number: int
    reason: str
    detail: str
    def __init__(self, number: _Optional[int] = ..., reason: _Optional[str] = ..., detail: _Optional[str] = ...) -> None: ...

class SubscribeOutcome(_message.Message):
    __slots__ = ("subscription", "reason", "detail")
    SUBSCRIPTION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    subscription: int
    reason: str
    detail: str
    def __init__(self, subscription: _Optional[int] = ..., reason: _Optional[str] = ..., detail: _Optional[str] = ...) -> None: ...

class Deliveries(_message.Message):
    __slots__ = ("subscription", "items")
    SUBSCRIPTION_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    subscription: int
    items: _containers.RepeatedCompositeFieldContainer[RelayDelivery]
    def __init__(self, subscription: _Optional[int] = ..., items: _Optional[_Iterable[_Union[RelayDelivery, _Mapping]]] = ...) -> None: ...

class RelayDelivery(_message.Message):
    __slots__ = ("tag", "attempt", "key", "frame", "sender", "died_of", "died_in")
    TAG_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    FRAME_FIELD_NUMBER: _ClassVar[int]
    SENDER_FIELD_NUMBER: _ClassVar[int]
    DIED_OF_FIELD_NUMBER: _ClassVar[int]
    DIED_IN_FIELD_NUMBER: _ClassVar[int]
    tag: int
    attempt: int
    key: str
    frame: bytes
    sender: str
    died_of: str
    died_in: str
    def __init__(self, tag: _Optional[int] = ..., attempt: _Optional[int] = ..., key: _Optional[str] = ..., frame: _Optional[bytes] = ..., sender: _Optional[str] = ..., died_of: _Optional[str] = ..., died_in: _Optional[str] = ...) -> None: ...
