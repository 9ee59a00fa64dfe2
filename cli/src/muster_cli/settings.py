"""The command line's settings: flag > environment (MUSTER_...) > default. The only reader of the environment here."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["CliSettings", "child_environment"]


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
    http_port: int = 8000
    grpc_port: int = 50_051
    mistral_api_key: SecretStr = SecretStr("")

    @classmethod
    def load(cls) -> "CliSettings":
        """Return the settings; Mistral's key has no prefix."""
        return cls(mistral_api_key=SecretStr(os.environ.get("MISTRAL_API_KEY", "")))


def child_environment(values: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment with `values` over it, for a process that `muster up` starts."""
    return {**os.environ, "PYTHONUNBUFFERED": "1", **values}


def interpreter() -> list[str]:
    """Return how to start this command line again."""
    return [sys.executable, "-m", "muster_cli.main"]
