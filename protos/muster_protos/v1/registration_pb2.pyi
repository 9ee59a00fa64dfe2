from muster_protos.v1 import transport_pb2 as _transport_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RegisterAgentRequest(_message.Message):
    __slots__ = ("join_token", "description", "proof", "unfinished_runs")
    JOIN_TOKEN_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    UNFINISHED_RUNS_FIELD_NUMBER: _ClassVar[int]
    join_token: str
    description: AgentDescription
    proof: KeyProof
    unfinished_runs: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, join_token: _Optional[str] = ..., description: _Optional[_Union[AgentDescription, _Mapping]] = ..., proof: _Optional[_Union[KeyProof, _Mapping]] = ..., unfinished_runs: _Optional[_Iterable[str]] = ...) -> None: ...

class KeyProof(_message.Message):
    __slots__ = ("public_key", "signed_at_ms", "signature")
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    SIGNED_AT_MS_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    public_key: bytes
    signed_at_ms: int
    signature: bytes
    def __init__(self, public_key: _Optional[bytes] = ..., signed_at_ms: _Optional[int] = ..., signature: _Optional[bytes] = ...) -> None: ...

class AgentDescription(_message.Message):
    __slots__ = ("name", "about", "labels", "skills", "examples", "model", "slots", "history", "accepts_commands", "machine")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    ABOUT_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    SKILLS_FIELD_NUMBER: _ClassVar[int]
    EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    HISTORY_FIELD_NUMBER: _ClassVar[int]
    ACCEPTS_COMMANDS_FIELD_NUMBER: _ClassVar[int]
    MACHINE_FIELD_NUMBER: _ClassVar[int]
    name: str
    about: str
    labels: _containers.ScalarMap[str, str]
    skills: _containers.RepeatedScalarFieldContainer[str]
    examples: _containers.RepeatedScalarFieldContainer[str]
    model: str
    slots: int
    history: int
    accepts_commands: bool
    machine: Machine
    def __init__(self, name: _Optional[str] = ..., about: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ..., skills: _Optional[_Iterable[str]] = ..., examples: _Optional[_Iterable[str]] = ..., model: _Optional[str] = ..., slots: _Optional[int] = ..., history: _Optional[int] = ..., accepts_commands: _Optional[bool] = ..., machine: _Optional[_Union[Machine, _Mapping]] = ...) -> None: ...

class Machine(_message.Message):
    __slots__ = ("hostname", "os", "python", "version", "pid")
    HOSTNAME_FIELD_NUMBER: _ClassVar[int]
    OS_FIELD_NUMBER: _ClassVar[int]
    PYTHON_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    hostname: str
    os: str
    python: str
    version: str
    pid: int
    def __init__(self, hostname: _Optional[str] = ..., os: _Optional[str] = ..., python: _Optional[str] = ..., version: _Optional[str] = ..., pid: _Optional[int] = ...) -> None: ...

class RegisterAgentResponse(_message.Message):
    __slots__ = ("agent_id", "credentials", "transport", "queue", "partitions", "heartbeat_interval_ms", "configuration")
    class ConfigurationEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    CREDENTIALS_FIELD_NUMBER: _ClassVar[int]
    TRANSPORT_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    PARTITIONS_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_INTERVAL_MS_FIELD_NUMBER: _ClassVar[int]
    CONFIGURATION_FIELD_NUMBER: _ClassVar[int]
    agent_id: str
    credentials: _transport_pb2.Credentials
    transport: _transport_pb2.Transport
    queue: str
    partitions: int
    heartbeat_interval_ms: int
    configuration: _containers.ScalarMap[str, str]
    def __init__(self, agent_id: _Optional[str] = ..., credentials: _Optional[_Union[_transport_pb2.Credentials, _Mapping]] = ..., transport: _Optional[_Union[_transport_pb2.Transport, _Mapping]] = ..., queue: _Optional[str] = ..., partitions: _Optional[int] = ..., heartbeat_interval_ms: _Optional[int] = ..., configuration: _Optional[_Mapping[str, str]] = ...) -> None: ...

class RenewCredentialsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RenewCredentialsResponse(_message.Message):
    __slots__ = ("credentials",)
    CREDENTIALS_FIELD_NUMBER: _ClassVar[int]
    credentials: _transport_pb2.Credentials
    def __init__(self, credentials: _Optional[_Union[_transport_pb2.Credentials, _Mapping]] = ...) -> None: ...

class DeregisterAgentRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class DeregisterAgentResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
