from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Outcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OUTCOME_UNSPECIFIED: _ClassVar[Outcome]
    OUTCOME_EXITED: _ClassVar[Outcome]
    OUTCOME_STOPPED: _ClassVar[Outcome]
    OUTCOME_TIMED_OUT: _ClassVar[Outcome]
    OUTCOME_REFUSED: _ClassVar[Outcome]
    OUTCOME_EXPIRED: _ClassVar[Outcome]
    OUTCOME_NOT_STARTED: _ClassVar[Outcome]
    OUTCOME_INTERRUPTED: _ClassVar[Outcome]
OUTCOME_UNSPECIFIED: Outcome
OUTCOME_EXITED: Outcome
OUTCOME_STOPPED: Outcome
OUTCOME_TIMED_OUT: Outcome
OUTCOME_REFUSED: Outcome
OUTCOME_EXPIRED: Outcome
OUTCOME_NOT_STARTED: Outcome
OUTCOME_INTERRUPTED: Outcome

class ReceiveCommandsRequest(_message.Message):
    __slots__ = ("running",)
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    running: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, running: _Optional[_Iterable[str]] = ...) -> None: ...

class Instruction(_message.Message):
    __slots__ = ("run_program", "stop_command", "stop_run", "goodbye")
    RUN_PROGRAM_FIELD_NUMBER: _ClassVar[int]
    STOP_COMMAND_FIELD_NUMBER: _ClassVar[int]
    STOP_RUN_FIELD_NUMBER: _ClassVar[int]
    GOODBYE_FIELD_NUMBER: _ClassVar[int]
    run_program: RunProgram
    stop_command: StopCommand
    stop_run: StopRun
    goodbye: Goodbye
    def __init__(self, run_program: _Optional[_Union[RunProgram, _Mapping]] = ..., stop_command: _Optional[_Union[StopCommand, _Mapping]] = ..., stop_run: _Optional[_Union[StopRun, _Mapping]] = ..., goodbye: _Optional[_Union[Goodbye, _Mapping]] = ...) -> None: ...

class RunProgram(_message.Message):
    __slots__ = ("command_id", "argv", "shell", "timeout_s", "expires_at_ms", "by")
    COMMAND_ID_FIELD_NUMBER: _ClassVar[int]
    ARGV_FIELD_NUMBER: _ClassVar[int]
    SHELL_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_S_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_MS_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    command_id: str
    argv: _containers.RepeatedScalarFieldContainer[str]
    shell: str
    timeout_s: int
    expires_at_ms: int
    by: str
    def __init__(self, command_id: _Optional[str] = ..., argv: _Optional[_Iterable[str]] = ..., shell: _Optional[str] = ..., timeout_s: _Optional[int] = ..., expires_at_ms: _Optional[int] = ..., by: _Optional[str] = ...) -> None: ...

class StopCommand(_message.Message):
    __slots__ = ("command_id", "grace_ms")
    COMMAND_ID_FIELD_NUMBER: _ClassVar[int]
    GRACE_MS_FIELD_NUMBER: _ClassVar[int]
    command_id: str
    grace_ms: int
    def __init__(self, command_id: _Optional[str] = ..., grace_ms: _Optional[int] = ...) -> None: ...

class StopRun(_message.Message):
    __slots__ = ("run_id",)
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    def __init__(self, run_id: _Optional[str] = ...) -> None: ...

class Goodbye(_message.Message):
    __slots__ = ("reconnect_after_ms",)
    RECONNECT_AFTER_MS_FIELD_NUMBER: _ClassVar[int]
    reconnect_after_ms: int
    def __init__(self, reconnect_after_ms: _Optional[int] = ...) -> None: ...

class CommandProgress(_message.Message):
    __slots__ = ("command_id", "started", "output", "stop_acknowledged")
    COMMAND_ID_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    STOP_ACKNOWLEDGED_FIELD_NUMBER: _ClassVar[int]
    command_id: str
    started: CommandStarted
    output: CommandOutput
    stop_acknowledged: StopAcknowledged
    def __init__(self, command_id: _Optional[str] = ..., started: _Optional[_Union[CommandStarted, _Mapping]] = ..., output: _Optional[_Union[CommandOutput, _Mapping]] = ..., stop_acknowledged: _Optional[_Union[StopAcknowledged, _Mapping]] = ...) -> None: ...

class CommandStarted(_message.Message):
    __slots__ = ("started_at_ms", "pid")
    STARTED_AT_MS_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    started_at_ms: int
    pid: int
    def __init__(self, started_at_ms: _Optional[int] = ..., pid: _Optional[int] = ...) -> None: ...

class CommandOutput(_message.Message):
    __slots__ = ("offset", "stderr", "data", "dropped")
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    STDERR_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    DROPPED_FIELD_NUMBER: _ClassVar[int]
    offset: int
    stderr: bool
    data: bytes
    dropped: int
    def __init__(self, offset: _Optional[int] = ..., stderr: _Optional[bool] = ..., data: _Optional[bytes] = ..., dropped: _Optional[int] = ...) -> None: ...

class StopAcknowledged(_message.Message):
    __slots__ = ("at_ms", "processes")
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    PROCESSES_FIELD_NUMBER: _ClassVar[int]
    at_ms: int
    processes: int
    def __init__(self, at_ms: _Optional[int] = ..., processes: _Optional[int] = ...) -> None: ...

class SendCommandOutputResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CommandResult(_message.Message):
    __slots__ = ("command_id", "outcome", "exit_code", "started_at_ms", "ended_at_ms", "output_bytes", "detail", "stop_acknowledged_at_ms", "stop_confirmed_at_ms", "processes_ended")
    COMMAND_ID_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    EXIT_CODE_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_MS_FIELD_NUMBER: _ClassVar[int]
    ENDED_AT_MS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_BYTES_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    STOP_ACKNOWLEDGED_AT_MS_FIELD_NUMBER: _ClassVar[int]
    STOP_CONFIRMED_AT_MS_FIELD_NUMBER: _ClassVar[int]
    PROCESSES_ENDED_FIELD_NUMBER: _ClassVar[int]
    command_id: str
    outcome: Outcome
    exit_code: int
    started_at_ms: int
    ended_at_ms: int
    output_bytes: int
    detail: str
    stop_acknowledged_at_ms: int
    stop_confirmed_at_ms: int
    processes_ended: int
    def __init__(self, command_id: _Optional[str] = ..., outcome: _Optional[_Union[Outcome, str]] = ..., exit_code: _Optional[int] = ..., started_at_ms: _Optional[int] = ..., ended_at_ms: _Optional[int] = ..., output_bytes: _Optional[int] = ..., detail: _Optional[str] = ..., stop_acknowledged_at_ms: _Optional[int] = ..., stop_confirmed_at_ms: _Optional[int] = ..., processes_ended: _Optional[int] = ...) -> None: ...

class SendCommandResultResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
