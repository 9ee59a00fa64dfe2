from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Lifecycle(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LIFECYCLE_UNSPECIFIED: _ClassVar[Lifecycle]
    LIFECYCLE_RUNNING: _ClassVar[Lifecycle]
    LIFECYCLE_PAUSED: _ClassVar[Lifecycle]
    LIFECYCLE_DRAINING: _ClassVar[Lifecycle]
    LIFECYCLE_STOPPING: _ClassVar[Lifecycle]
    LIFECYCLE_FAILED: _ClassVar[Lifecycle]
LIFECYCLE_UNSPECIFIED: Lifecycle
LIFECYCLE_RUNNING: Lifecycle
LIFECYCLE_PAUSED: Lifecycle
LIFECYCLE_DRAINING: Lifecycle
LIFECYCLE_STOPPING: Lifecycle
LIFECYCLE_FAILED: Lifecycle

class Heartbeat(_message.Message):
    __slots__ = ("number", "sent_at_ms", "started_at_ms", "load_percent", "consumer_attached", "unacked", "slots", "runs", "loop_lag_ms", "last_line", "lifecycle")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    SENT_AT_MS_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_MS_FIELD_NUMBER: _ClassVar[int]
    LOAD_PERCENT_FIELD_NUMBER: _ClassVar[int]
    CONSUMER_ATTACHED_FIELD_NUMBER: _ClassVar[int]
    UNACKED_FIELD_NUMBER: _ClassVar[int]
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    RUNS_FIELD_NUMBER: _ClassVar[int]
    LOOP_LAG_MS_FIELD_NUMBER: _ClassVar[int]
    LAST_LINE_FIELD_NUMBER: _ClassVar[int]
    LIFECYCLE_FIELD_NUMBER: _ClassVar[int]
    number: int
    sent_at_ms: int
    started_at_ms: int
    load_percent: int
    consumer_attached: bool
    unacked: int
    slots: int
    runs: _containers.RepeatedCompositeFieldContainer[RunInHand]
    loop_lag_ms: int
    last_line: str
    lifecycle: Lifecycle
    def __init__(self, number: _Optional[int] = ..., sent_at_ms: _Optional[int] = ..., started_at_ms: _Optional[int] = ..., load_percent: _Optional[int] = ..., consumer_attached: _Optional[bool] = ..., unacked: _Optional[int] = ..., slots: _Optional[int] = ..., runs: _Optional[_Iterable[_Union[RunInHand, _Mapping]]] = ..., loop_lag_ms: _Optional[int] = ..., last_line: _Optional[str] = ..., lifecycle: _Optional[_Union[Lifecycle, str]] = ...) -> None: ...

class RunInHand(_message.Message):
    __slots__ = ("run_id", "conversation", "title", "started_at_ms")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_MS_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    conversation: str
    title: str
    started_at_ms: int
    def __init__(self, run_id: _Optional[str] = ..., conversation: _Optional[str] = ..., title: _Optional[str] = ..., started_at_ms: _Optional[int] = ...) -> None: ...

class HeartbeatReply(_message.Message):
    __slots__ = ("number", "server_time_ms", "commands_attached", "runs_to_stop")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    SERVER_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    COMMANDS_ATTACHED_FIELD_NUMBER: _ClassVar[int]
    RUNS_TO_STOP_FIELD_NUMBER: _ClassVar[int]
    number: int
    server_time_ms: int
    commands_attached: bool
    runs_to_stop: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, number: _Optional[int] = ..., server_time_ms: _Optional[int] = ..., commands_attached: _Optional[bool] = ..., runs_to_stop: _Optional[_Iterable[str]] = ...) -> None: ...

class SubscribeToAgentStatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class AgentStatusChange(_message.Message):
    __slots__ = ("sequence", "snapshot", "changed", "removed")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    snapshot: AgentStatusSnapshot
    changed: AgentRecord
    removed: str
    def __init__(self, sequence: _Optional[int] = ..., snapshot: _Optional[_Union[AgentStatusSnapshot, _Mapping]] = ..., changed: _Optional[_Union[AgentRecord, _Mapping]] = ..., removed: _Optional[str] = ...) -> None: ...

class AgentStatusSnapshot(_message.Message):
    __slots__ = ("agents",)
    AGENTS_FIELD_NUMBER: _ClassVar[int]
    agents: _containers.RepeatedCompositeFieldContainer[AgentRecord]
    def __init__(self, agents: _Optional[_Iterable[_Union[AgentRecord, _Mapping]]] = ...) -> None: ...

class AgentRecord(_message.Message):
    __slots__ = ("agent_id", "name", "labels", "skills", "attached", "accepts_work", "runs", "slots", "last_heard_ms", "quarantined")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    SKILLS_FIELD_NUMBER: _ClassVar[int]
    ATTACHED_FIELD_NUMBER: _ClassVar[int]
    ACCEPTS_WORK_FIELD_NUMBER: _ClassVar[int]
    RUNS_FIELD_NUMBER: _ClassVar[int]
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    LAST_HEARD_MS_FIELD_NUMBER: _ClassVar[int]
    QUARANTINED_FIELD_NUMBER: _ClassVar[int]
    agent_id: str
    name: str
    labels: _containers.ScalarMap[str, str]
    skills: _containers.RepeatedScalarFieldContainer[str]
    attached: bool
    accepts_work: bool
    runs: int
    slots: int
    last_heard_ms: int
    quarantined: bool
    def __init__(self, agent_id: _Optional[str] = ..., name: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ..., skills: _Optional[_Iterable[str]] = ..., attached: _Optional[bool] = ..., accepts_work: _Optional[bool] = ..., runs: _Optional[int] = ..., slots: _Optional[int] = ..., last_heard_ms: _Optional[int] = ..., quarantined: _Optional[bool] = ...) -> None: ...
