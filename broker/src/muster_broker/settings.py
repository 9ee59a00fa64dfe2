"""The broker's settings: flag > environment (MUSTER_...) > default. The only reader of the environment."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["BrokerSettings"]


class BrokerSettings(BaseSettings):
    """How a broker runs."""

    model_config = SettingsConfigDict(env_prefix="MUSTER_", extra="ignore", frozen=True)

    #: The server's gRPC address.
    server: str = Field(default="127.0.0.1:50051", pattern=r"^.+:\d{1,5}$")
    #: The join token; needed once, at the first start.
    join: SecretStr = SecretStr("")
    broker_name: str = Field(default="broker-1", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    #: Where the broker's key and the server's certificate are kept.
    broker_state_dir: Path | None = None
    #: Messages a second that an agent may send unasked, and how many more before it is cut off; 0 a second: no limit.
    agent_rate: float = Field(default=500.0, ge=0)
    agent_burst: int = Field(default=1_000, ge=1)
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @property
    def state_dir(self) -> Path:
        """Return the state folder."""
        return self.broker_state_dir or Path.home() / ".local" / "state" / "muster" / f"broker-{self.broker_name}"
