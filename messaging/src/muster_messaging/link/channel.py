"""gRPC channels to the server, over TLS that is pinned to the server's own certificate.

The server makes its certificate itself; no authority vouches for it. The join token carries the SHA-256 of that
certificate, so a joining process knows whom it talks to before it says anything, and keeps the certificate after.
"""

import asyncio
import socket
import ssl
from base64 import urlsafe_b64encode
from hashlib import sha256

import grpc

from muster_shared_models.problems import MusterError, Reason

__all__ = ["certificate_pin", "fetch_certificate", "open_channel", "open_thread_channel"]

#: The name that every server's certificate carries beside its host names, so that any address may be dialled.
SERVER_NAME = "muster"
CONNECT_TIMEOUT_S = 10.0
MAX_MESSAGE_BYTES = 4 * 1024 * 1024

_OPTIONS = (
    ("grpc.ssl_target_name_override", SERVER_NAME),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    # The server refuses pings more often than every 15 s.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    # A keepalive waits for a ping that measures the line, and that one may be lost for a minute by default.
    ("grpc.http2.ping_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 5_000),
    # Several channels of one process must not share a connection: a stuck stream would stall the others.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_http_proxy", 0),
)


def certificate_pin(certificate_pem: str) -> str:
    """Return the SHA-256 of a certificate (its DER form) as 43 characters of base64url."""
    digest = sha256(ssl.PEM_cert_to_DER_cert(certificate_pem)).digest()
    return urlsafe_b64encode(digest).decode().rstrip("=")


def _ask_for_certificate(host: str, port: int) -> str:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # the caller compares the pin: nothing is sent before it fits
    context.set_alpn_protocols(["h2"])
    with (
        socket.create_connection((host, port), timeout=CONNECT_TIMEOUT_S) as plain,
        context.wrap_socket(plain, server_hostname=SERVER_NAME) as secured,
    ):
        der = secured.getpeercert(binary_form=True)
    return ssl.DER_cert_to_PEM_cert(der or b"")


async def fetch_certificate(address: str, pin: str) -> str:
    """Return the PEM certificate of the server at `host:port`.

    Raises MusterError(SERVER_IDENTITY) when it is not the one that `pin` names, UNAVAILABLE when nobody answers.
    """
    host, _, port = address.rpartition(":")
    try:
        pem = await asyncio.to_thread(_ask_for_certificate, host.strip("[]"), int(port))
    except (OSError, ValueError, OverflowError) as error:
        raise MusterError(
            Reason.UNAVAILABLE,
            f"No Muster server answers at {address}: {error}.",
            "Is the server running, and is this its gRPC address (host:port, 50051 by default)?",
        ) from error
    if certificate_pin(pem) != pin:
        raise MusterError(
            Reason.SERVER_IDENTITY,
            f"The server at {address} is not the one that the join token was made by.",
            "Make a new join token on the server you mean. If you mean this one, somebody is in between.",
        )
    return pem


def open_channel(address: str, certificate_pem: str) -> grpc.aio.Channel:
    """Return an asyncio channel; it connects by itself and reconnects with back-off."""
    credentials = grpc.ssl_channel_credentials(root_certificates=certificate_pem.encode())
    return grpc.aio.secure_channel(address, credentials, options=_OPTIONS)


def open_thread_channel(address: str, certificate_pem: str) -> grpc.Channel:
    """Return a channel for a plain thread: what must go on when the event loop is blocked."""
    credentials = grpc.ssl_channel_credentials(root_certificates=certificate_pem.encode())
    return grpc.secure_channel(address, credentials, options=_OPTIONS)
