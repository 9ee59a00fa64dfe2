"""Addresses of RabbitMQ: read, turned into pika's parameters, and masked wherever they are shown."""

import socket
import ssl
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from pika import ConnectionParameters, PlainCredentials, SSLOptions

from muster_shared_models.problems import MusterError, Reason

__all__ = ["Endpoint", "parse_url"]

#: A line that died in silence is noticed within 45 seconds: RabbitMQ takes up to three heartbeats for that (and keeps
#: what it has handed out meanwhile), pika up to two that are five seconds longer.
HEARTBEAT_S = 15
#: Milliseconds after which unacknowledged data breaks the connection, where the system can do that.
TCP_USER_TIMEOUT_MS = 30_000
#: Seconds for TCP, TLS and AMQP handshakes together.
CONNECT_TIMEOUT_S = 8.0
_HINT = "It looks like amqp://user:password@host:5672/vhost, or amqps:// with TLS."


class Endpoint(NamedTuple):
    """Where a queue server is and as whom to log in. `shown` is fit for logs and errors; nothing else is."""

    host: str
    port: int
    user: str
    password: str
    vhost: str
    tls: bool
    ca_file: str
    shown: str

    def __repr__(self) -> str:
        return f"Endpoint({self.shown})"

    def parameters(self, name: str) -> Any:
        """Return pika's parameters; `name` is what operators see in the list of connections."""
        options: dict[str, Any] = {}
        if self.tls:
            context = ssl.create_default_context(cafile=self.ca_file or None)
            options["ssl_options"] = SSLOptions(context, self.host)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            options["tcp_options"] = {"TCP_USER_TIMEOUT": TCP_USER_TIMEOUT_MS}
        return ConnectionParameters(
            host=self.host,
            port=self.port,
            virtual_host=self.vhost,
            credentials=PlainCredentials(self.user, self.password, erase_on_connect=True),
            heartbeat=HEARTBEAT_S,
            socket_timeout=CONNECT_TIMEOUT_S,
            stack_timeout=CONNECT_TIMEOUT_S,
            connection_attempts=1,  # the supervisor has its own back-off
            client_properties={"connection_name": name, "product": "Muster"},
            **options,
        )


def parse_url(url: str) -> Endpoint:
    """Return the endpoint; raises MusterError(INVALID_SETTING), which never repeats the password.

    The path is the vhost, URL-encoded ("/%2F" or nothing is the default one). `?cacertfile=` names the authority that
    signed the server's certificate, where the system does not know it.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
        ca_file = parse_qs(parts.query).get("cacertfile", [""])[0]
    except ValueError:
        # Without its cause: that would quote the address, and the password in it.
        raise MusterError(Reason.INVALID_SETTING, "The address of the queue server cannot be read.", _HINT) from None
    tls = parts.scheme == "amqps"
    if parts.scheme not in {"amqp", "amqps"} or not parts.hostname:
        raise MusterError(Reason.INVALID_SETTING, "The address of the queue server is no amqp:// address.", _HINT)
    if ca_file and not Path(ca_file).is_file():
        raise MusterError(Reason.INVALID_SETTING, f"There is no certificate file {ca_file} (cacertfile).", _HINT)
    port = port or (5671 if tls else 5672)
    vhost = unquote(parts.path[1:]) or "/"
    user = unquote(parts.username or "guest")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    shown = f"{parts.scheme}://{user}:***@{host}:{port}/{'' if vhost == '/' else vhost}"
    password = unquote(parts.password or "guest")
    return Endpoint(parts.hostname, port, user, password, vhost, tls, ca_file, shown)
