"""Everything that can be set, and the only place that reads the environment.

A value given in code wins over the environment, which wins over the default. Names: `MUSTER_` and the field's name in
capitals, unless the field says otherwise.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, StringConstraints, ValidationError
from pydantic.functional_validators import BeforeValidator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from muster_agent.errors import BadSetting

__all__ = ["AgentSettings", "child_environment", "load_settings"]

#: What programs started by the agent see of its environment. Everything else may be a secret.
PASSED_ON = frozenset({
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TERM", "TMPDIR", "DISPLAY", "XAUTHORITY",
    "XDG_RUNTIME_DIR", "VIRTUAL_ENV",
    # Windows cannot start programs without these
    "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "TEMP", "TMP", "USERPROFILE", "APPDATA",
    "LOCALAPPDATA", "PROGRAMFILES", "PROGRAMDATA", "NUMBER_OF_PROCESSORS", "PROCESSOR_ARCHITECTURE",
})  # fmt: skip


def _words(value: Any) -> Any:
    return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value


def _pairs(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    pairs = [word.partition("=") for word in _words(value)]
    if any(not (key and equals) for key, equals, _ in pairs):
        raise ValueError("write labels as key=value,key=value")
    return {key.strip(): text.strip() for key, _, text in pairs}


Words = Annotated[list[str], NoDecode, BeforeValidator(_words)]
Pairs = Annotated[dict[str, str], NoDecode, BeforeValidator(_pairs)]


def _field(name: str, default: Any, **more: Any) -> Any:
    """Return a field that is read from the environment variable `name` and from no other."""
    return Field(default=default, validation_alias=name, **more)


class AgentSettings(BaseSettings):
    """How one agent runs. Times are in seconds."""

    # Not populate_by_name: it would also read the variables NAME, MODEL, SERVER, ... of whatever else runs here.
    model_config = SettingsConfigDict(extra="ignore", hide_input_in_errors=True, frozen=True)

    #: The server's gRPC address.
    server: Annotated[str, StringConstraints(pattern=r"^.+:\d{1,5}$")] = _field("MUSTER_SERVER", "127.0.0.1:50051")
    #: The join token; needed once, at the first start.
    join: SecretStr = _field("MUSTER_JOIN", SecretStr(""))
    #: Overrides the name that the agent's code gives.
    name: str = _field("MUSTER_AGENT_NAME", "")
    #: Overrides what the agent's code says it is good for.
    about: str = _field("MUSTER_AGENT_ABOUT", "")
    labels: Pairs = _field("MUSTER_AGENT_LABELS", {})
    #: Messages handled at the same time; 0: what the agent's code says.
    slots: int = _field("MUSTER_AGENT_SLOTS", 0, ge=0, le=1024)
    #: Where the key, the server's certificate and the journal are kept.
    state_dir: Path | None = _field("MUSTER_STATE_DIR", None)
    #: Where commands and tools work. Tools that read files cannot leave it.
    workdir: Path = _field("MUSTER_AGENT_WORKDIR", Path())
    #: The server's data directory, closed to tools where it happens to lie in the working folder.
    data_dir: Path = _field("MUSTER_DATA_DIR", Path(".muster"))
    #: Whether operators may run commands on this machine through this agent.
    commands: Literal["allow", "refuse"] = _field("MUSTER_AGENT_COMMANDS", "allow")
    #: The policy of the agent's tools; by default policy.toml in the state folder, if there is one.
    policy: Path | None = _field("MUSTER_AGENT_POLICY", None)
    #: Names of further environment variables that commands and tools may see.
    pass_environment: Words = _field("MUSTER_AGENT_ENV", [])
    #: Hosts (`host` or `host:port`) that the fetch tool may reach although they are not public.
    fetch_local: Words = _field("MUSTER_AGENT_FETCH_LOCAL", [])
    #: How long a run may take.
    run_timeout_s: float = _field("MUSTER_AGENT_RUN_TIMEOUT", 1800.0, gt=0, le=7200)
    #: How long runs may go on after the agent was told to stop.
    grace_s: float = _field("MUSTER_AGENT_GRACE", 10.0, ge=0, le=600)
    model: str = _field("MUSTER_AGENT_MODEL", "mistral-medium-latest")
    #: How much a model agent may do for one message.
    steps: int = _field("MUSTER_AGENT_STEPS", 20, ge=1, le=100)
    mistral_api_key: SecretStr = _field("MISTRAL_API_KEY", SecretStr(""))
    #: Another address of Mistral's API, for proxies and tests.
    mistral_server_url: str = _field("MISTRAL_SERVER_URL", "")
    log_level: Literal["debug", "info", "warning", "error"] = _field("MUSTER_LOG_LEVEL", "info")

    def state_of(self, name: str) -> Path:
        """Return the state folder of the agent called `name`."""
        return self.state_dir or Path.home() / ".local" / "state" / "muster" / name

    def with_values(self, **values: Any) -> "AgentSettings":
        """Return a copy in which those of `values` that are not None are set."""
        return load_settings(**{**self.model_dump(), **{key: v for key, v in values.items() if v is not None}})


def load_settings(**values: Any) -> AgentSettings:
    """Return the settings of the environment, with `values` (by field name; None is not given) over them.

    Raises BadSetting in words for people.
    """
    names = {field: str(info.validation_alias) for field, info in AgentSettings.model_fields.items()}
    try:
        return AgentSettings(**{names[key]: value for key, value in values.items() if value is not None})
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise BadSetting(f"A setting cannot be used: {faults}.", "See docs/agents.md for what can be set.") from None


def child_environment(also: list[str], marks: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for a program: the harmless part of our own, the names in `also`, and `marks`."""
    wanted = PASSED_ON | set(also)
    kept = {key: value for key, value in os.environ.items() if key.upper() in wanted or key.startswith("LC_")}
    return kept | dict(marks)
