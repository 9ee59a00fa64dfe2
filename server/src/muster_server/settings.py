"""The server's settings: flag > environment (MUSTER_...) > ./muster.toml > default. Nothing else reads these."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

__all__ = ["ServerSettings"]

LOOPBACK = ("127.0.0.1", "::1", "localhost")


class ServerSettings(BaseSettings):
    """Everything that changes how the server runs."""

    model_config = SettingsConfigDict(env_prefix="MUSTER_", toml_file="muster.toml", extra="ignore", frozen=True)

    #: Where the database, the queue journal, keys and certificates live.
    data_dir: Path = Path(".muster")
    #: Empty: SQLite in the data directory. Otherwise postgresql://user:password@host/name.
    database_url: str = ""
    #: `embedded`, or the URL of a RabbitMQ: amqp://user:password@host:5672/vhost.
    bus: str = "embedded"
    #: RabbitMQ's management API, http://user:password@host:15672: every agent and broker gets a login of its own.
    bus_api: str = ""
    http_host: str = "127.0.0.1"
    http_port: int = Field(default=8000, ge=0, le=65_535)
    grpc_host: str = "127.0.0.1"
    grpc_port: int = Field(default=50_051, ge=0, le=65_535)
    #: How browsers reach the console, when that differs from http://<http_host>:<http_port> (behind a proxy).
    public_url: str = ""
    #: The name or address under which other machines reach the gRPC port; part of join commands.
    grpc_public_host: str = ""
    #: Certificate and key for HTTPS; without them HTTP is served on loopback only.
    tls_cert: Path | None = None
    tls_key: Path | None = None
    #: True: a proxy in front speaks HTTPS to browsers, so plain HTTP may listen on any address.
    behind_proxy: bool = False
    #: Which way agents take to RabbitMQ. `auto`: straight on the server's own machine, through its gRPC port elsewhere.
    agent_transport: Literal["auto", "amqp", "relay"] = "auto"
    heartbeat_interval_ms: int = Field(default=5_000, ge=200, le=60_000)
    #: Seconds an operation may go on after the server was asked to stop.
    stop_grace_s: float = Field(default=5.0, ge=0, le=60)
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    max_sockets: int = Field(default=1_000, ge=1)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Say what wins over what."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @property
    def bus_kind(self) -> Literal["embedded", "rabbitmq"]:
        """Which queue server is used."""
        return "embedded" if self.bus == "embedded" else "rabbitmq"

    @property
    def secure(self) -> bool:
        """Whether browsers speak HTTPS."""
        return self.tls_cert is not None or self.public_url.startswith("https://")
