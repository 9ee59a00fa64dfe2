from muster_protos.v1 import registration_pb2 as _registration_pb2
from muster_protos.v1 import transport_pb2 as _transport_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Offence(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OFFENCE_UNSPECIFIED: _ClassVar[Offence]
    OFFENCE_FLOODING: _ClassVar[Offence]
    OFFENCE_FORGING: _ClassVar[Offence]
OFFENCE_UNSPECIFIED: Offence
OFFENCE_FLOODING: Offence
OFFENCE_FORGING: Offence

class RegisterBrokerRequest(_message.Message):
    __slots__ = ("join_token", "name", "proof")
    JOIN_TOKEN_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    join_token: str
    name: str
    proof: _registration_pb2.KeyProof
    def __init__(self, join_token: _Optional[str] = ..., name: _Optional[str] = ..., proof: _Optional[_Union[_registration_pb2.KeyProof, _Mapping]] = ...) -> None: ...

class RegisterBrokerResponse(_message.Message):
    __slots__ = ("broker_id", "credentials", "transport", "partitions")
    BROKER_ID_FIELD_NUMBER: _ClassVar[int]
    CREDENTIALS_FIELD_NUMBER: _ClassVar[int]
    TRANSPORT_FIELD_NUMBER: _ClassVar[int]
    PARTITIONS_FIELD_NUMBER: _ClassVar[int]
    broker_id: str
    credentials: _transport_pb2.Credentials
    transport: _transport_pb2.Transport
    partitions: int
    def __init__(self, broker_id: _Optional[str] = ..., credentials: _Optional[_Union[_transport_pb2.Credentials, _Mapping]] = ..., transport: _Optional[_Union[_transport_pb2.Transport, _Mapping]] = ..., partitions: _Optional[int] = ...) -> None: ...

class ReportMisconductRequest(_message.Message):
    __slots__ = ("reports",)
    REPORTS_FIELD_NUMBER: _ClassVar[int]
    reports: _containers.RepeatedCompositeFieldContainer[Misconduct]
    def __init__(self, reports: _Optional[_Iterable[_Union[Misconduct, _Mapping]]] = ...) -> None: ...

class Misconduct(_message.Message):
    __slots__ = ("agent_id", "offence", "subject", "detail")
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    OFFENCE_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    agent_id: str
    offence: Offence
    subject: str
    detail: str
    def __init__(self, agent_id: _Optional[str] = ..., offence: _Optional[_Union[Offence, str]] = ..., subject: _Optional[str] = ..., detail: _Optional[str] = ...) -> None: ...

class ReportMisconductResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
