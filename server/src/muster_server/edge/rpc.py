"""The gRPC side of authentication, authorization and errors, and the server's options."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

import grpc
import structlog

from muster_messaging.link.identity import proof_is_valid
from muster_messaging.link.problems import write_status
from muster_protos.v1.registration_pb2 import KeyProof
from muster_protos.v1.transport_pb2 import Transport
from muster_server.access.core import Operation, Principal, allowed
from muster_server.edge.streams import OpenStreams
from muster_shared_models.problems import MusterError, Reason

__all__ = ["METHODS", "MakeTransport", "RpcGuard", "answering", "check_proof", "is_local", "make_server"]

log = structlog.get_logger()

_MISTAKE = MusterError(Reason.INTERNAL, "The server made a mistake.", "Its log says more.")

#: How far a process's clock may be off when it proves that it has its key.
CLOCK_SKEW_MS = 600_000

#: Every method of every service, and what it is to the table. A test holds this against the .proto files.
METHODS: dict[str, Operation] = {
    "/muster.v1.AgentRegistration/RegisterAgent": Operation.REGISTER_AGENT,
    "/muster.v1.AgentRegistration/RenewCredentials": Operation.RENEW_CREDENTIALS,
    "/muster.v1.AgentRegistration/DeregisterAgent": Operation.DEREGISTER_AGENT,
    "/muster.v1.AgentStatus/ReportStatus": Operation.REPORT_STATUS,
    "/muster.v1.AgentStatus/SubscribeToAgentStatus": Operation.FOLLOW_STATUS,
    "/muster.v1.AgentRuns/ClaimRun": Operation.CLAIM_RUN,
    "/muster.v1.AgentCommands/ReceiveCommands": Operation.RECEIVE_COMMANDS,
    "/muster.v1.AgentCommands/SendCommandOutput": Operation.SEND_COMMAND_OUTPUT,
    "/muster.v1.AgentCommands/SendCommandResult": Operation.SEND_COMMAND_RESULT,
    "/muster.v1.BrokerRegistration/RegisterBroker": Operation.REGISTER_BROKER,
    "/muster.v1.BrokerRegistration/ReportMisconduct": Operation.REPORT_MISCONDUCT,
    "/muster.v1.MessageRelay/Attach": Operation.ATTACH_RELAY,
}

_OPTIONS = (
    ("grpc.so_reuseport", 0),  # two servers must not share a port in silence
    ("grpc.max_receive_message_length", 4 * 1024 * 1024),
    ("grpc.max_send_message_length", 4 * 1024 * 1024),
    ("grpc.max_metadata_size", 16 * 1024),
    ("grpc.max_concurrent_streams", 64),
    # A line that is dead, and a process that is frozen, are known within 30 s: 18, and 10 without an answer.
    ("grpc.keepalive_time_ms", 18_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    # A keepalive waits for a ping that measures the line, and that one may be lost for a minute by default.
    ("grpc.http2.ping_timeout_ms", 10_000),
    # What the C core calls MIN_RECV_PING_INTERVAL_WITHOUT_DATA. By its default of 5 minutes clients are thrown out.
    ("grpc.http2.min_ping_interval_without_data_ms", 15_000),
    ("grpc.http2.max_ping_strikes", 2),
)


class MakeTransport(Protocol):
    """Says which way somebody takes to the queue server, and with which login."""

    async def __call__(self, owner: str, /, *, local: bool) -> Transport:
        """Return the way of an agent or broker; `local`: it is on the server's own machine."""
        ...


def is_local(context: grpc.aio.ServicerContext) -> bool:
    """Tell whether the caller is on this machine."""
    return str(context.peer()).startswith(("ipv4:127.", "ipv6:[::1]:", "ipv6:%5B::1%5D:", "unix:"))


class Sessions(Protocol):
    """What checking needs of access."""

    async def authenticate(self, secret: str) -> Principal | None:
        """Return whose credentials these are."""
        ...


class Standing(Protocol):
    """Whether somebody whose credentials are good is welcome all the same."""

    def admit(self, principal: Principal) -> None:
        """Raise AGENT_QUARANTINED when it is cut off."""
        ...


class RpcGuard:
    """Checks calls."""

    def __init__(self, sessions: Sessions, standing: Standing, streams: OpenStreams) -> None:
        self._sessions = sessions
        self._standing = standing
        self._streams = streams

    async def need(self, context: grpc.aio.ServicerContext, operation: Operation) -> Principal:
        """Return who calls; raises UNAUTHENTICATED, PERMISSION_DENIED or AGENT_QUARANTINED."""
        secret = ""
        for name, value in context.invocation_metadata() or ():
            if name == "authorization" and str(value).startswith("Bearer "):
                secret = str(value)[7:]
        principal = await self._sessions.authenticate(secret) if secret else None
        if principal is None:
            raise MusterError(
                Reason.UNAUTHENTICATED, "The access token is missing, unknown or expired.", "Register again."
            )
        if not allowed(principal, operation):
            raise MusterError(Reason.PERMISSION_DENIED, f"Your role may not {operation.replace('_', ' ')}.")
        self._standing.admit(principal)
        return principal

    @asynccontextmanager
    async def serving(self, context: grpc.aio.ServicerContext, operation: Operation) -> AsyncIterator[Principal]:
        """Serve a stream of whoever calls, until it is over or the caller loses its right to it."""
        principal = await self.need(context, operation)
        async with self._streams.of(principal.id):
            yield principal


@asynccontextmanager
async def answering(context: grpc.aio.ServicerContext) -> AsyncIterator[None]:
    """Turn a MusterError, and mistakes of ours, into a status with a reason."""
    try:
        yield
    except MusterError as error:
        await context.abort_with_status(write_status(error))
    except (grpc.aio.AbortError, grpc.aio.UsageError):
        raise
    except Exception:  # the log says where, the caller that it was our mistake
        log.exception("call crashed")
        await context.abort_with_status(write_status(_MISTAKE))


def check_proof(proof: KeyProof, purpose: str, name: str, now: int) -> None:
    """Raise CLOCK_SKEW or UNAUTHENTICATED when the caller does not prove that it has its key."""
    if abs(proof.signed_at_ms - now) > CLOCK_SKEW_MS:
        seconds = (proof.signed_at_ms - now) / 1000
        raise MusterError(
            Reason.CLOCK_SKEW, f"Your clock is {seconds:+.0f} s off the server's.", "Set the clock of one of them."
        )
    if len(proof.public_key) != 32 or not proof_is_valid(proof, purpose, name):
        raise MusterError(Reason.UNAUTHENTICATED, "The signature does not fit the key.")


def make_server(key: bytes, certificate: bytes) -> tuple[grpc.aio.Server, grpc.ServerCredentials]:
    """Return a server that listens nowhere yet, and the TLS credentials to listen with."""
    return grpc.aio.server(options=_OPTIONS), grpc.ssl_server_credentials([(key, certificate)])
