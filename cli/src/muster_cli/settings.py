"""The command line's settings: flag > environment (MUSTER_...) > default. The only reader of the environment here."""

import os
import sys
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from muster_shared_models.problems import MusterError, Reason

__all__ = ["CliSettings", "child_environment", "interpreter", "read_settings", "silence_grpc", "take_environment"]

T = TypeVar("T", bound=BaseSettings)


def read_settings(make: Callable[..., T], **given: Any) -> T:
    """Return settings in which those of `given` that are not None win; raises INVALID_SETTING in words for people."""
    try:
        return make(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        # Never the value itself: it may be a password.
        faults = "; ".join(
            f"MUSTER_{'_'.join(map(str, each['loc'])).upper()}: {each['msg']}" for each in error.errors()
        )
        raise MusterError(
            Reason.INVALID_SETTING,
            f"A setting cannot be used: {faults}.",
            "It may come from a flag or the environment.",
        ) from None
    except (SettingsError, tomllib.TOMLDecodeError) as error:
        raise MusterError(
            Reason.INVALID_SETTING, f"The settings cannot be read: {error}.", "Is there a mistake in ./muster.toml?"
        ) from None


class CliSettings(BaseSettings):
    """Where the server is, and who asks."""

    model_config = SettingsConfigDict(env_prefix="MUSTER_", extra="ignore", frozen=True)

    #: Where a server on this machine keeps its data: its address and a key for this command line are there.
    data_dir: Path = Path(".muster")
    #: The console's address of a server elsewhere.
    url: str = ""
    #: A key for it.
    token: SecretStr = SecretStr("")
    bus: str = "embedded"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    http_port: int = Field(default=8000, ge=0, le=65_535)
    grpc_port: int = Field(default=50_051, ge=0, le=65_535)
    mistral_api_key: SecretStr = SecretStr("")

    @classmethod
    def load(cls) -> "CliSettings":
        """Return the settings; Mistral's key has no prefix."""
        return read_settings(cls, mistral_api_key=SecretStr(os.environ.get("MISTRAL_API_KEY", "")))


def child_environment() -> dict[str, str]:
    """Return this process's environment for a process that `muster up` starts."""
    return {**os.environ, "PYTHONUNBUFFERED": "1"}


def take_environment(values: Mapping[str, str]) -> None:
    """Set what `muster up` told this process, over what it was started with."""
    os.environ.update(values)


def interpreter() -> list[str]:
    """Return how to start this command line again."""
    return [sys.executable, "-m", "muster_cli.main"]


def silence_grpc() -> None:
    """Keep gRPC from writing about connections that end; call it before grpc is imported.

    Its lines ("Got goaway ...") come whenever a server stops in order. Who wants them sets GRPC_VERBOSITY.
    """
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
