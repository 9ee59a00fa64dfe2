"""How a broker joins the server: a key of its own, the server's pinned certificate, credentials that are renewed."""

import asyncio
import random
import time

import grpc
import structlog

from muster_broker.settings import BrokerSettings
from muster_messaging.bus import Bus
from muster_messaging.link.channel import fetch_certificate, open_channel
from muster_messaging.link.identity import Identity
from muster_messaging.link.problems import read_problem
from muster_protos.v1.broker_pb2 import RegisterBrokerRequest, RegisterBrokerResponse
from muster_protos.v1.broker_pb2_grpc import BrokerRegistrationStub
from muster_shared_models.problems import MusterError, Reason
from muster_shared_models.system import split_join_token

__all__ = ["Membership", "join"]

RPC_TIMEOUT_S = 10.0
#: Seconds between attempts while the server does not answer: full jitter, doubled from the first to the longest.
FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 5.0
#: The first start gives up after this; a broker that has joined before tries for ever.
PATIENCE_S = 15.0
#: Reasons that pass by themselves.
PASSING = (Reason.UNAVAILABLE, Reason.TIMED_OUT, Reason.DATABASE_BUSY, Reason.OVERLOADED)

log = structlog.get_logger()


class Membership:
    """A broker's place in the fleet: its channel and its credentials."""

    def __init__(self, settings: BrokerSettings, identity: Identity, secret: str, channel: grpc.aio.Channel) -> None:
        self._settings = settings
        self._identity = identity
        self._secret = secret
        self._token = ""
        self._expires_at_ms = 0
        self.channel = channel
        self.registration = RegisterBrokerResponse()

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """Return the credentials as gRPC metadata."""
        return (("authorization", f"Bearer {self._token}"),)

    async def register(self) -> None:
        """Register, or register again; raises what the server says."""
        request = RegisterBrokerRequest(
            join_token=self._secret,
            name=self._settings.broker_name,
            proof=self._identity.prove("broker", self._settings.broker_name),
        )
        try:
            answer = await BrokerRegistrationStub(self.channel).RegisterBroker(request, timeout=RPC_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            raise read_problem(error) from error
        self.registration = answer
        self._token = answer.credentials.access_token
        self._expires_at_ms = answer.credentials.expires_at_ms

    async def keep_fresh(self) -> None:
        """Renew the credentials at two thirds of their life, for ever."""
        while True:
            left_s = self._expires_at_ms / 1000 - time.time()
            await asyncio.sleep(max(5.0, left_s * 2 / 3))
            try:
                await self.register()
            except MusterError as error:
                log.warning("credentials not renewed", detail=error.detail)

    async def keep_login(self, bus: Bus) -> None:
        """Register again whenever the queue server refuses the login: that makes it anew, and the bus finds it."""
        while True:
            await bus.wait_refused()
            log.warning("the queue server refuses our login: registering again")
            try:
                await self.register()
            except MusterError as error:
                log.warning("registering again failed", detail=error.detail)


async def join(settings: BrokerSettings) -> Membership:
    """Return a registered broker; raises MusterError when the server refuses, or does not answer a first start."""
    identity = await asyncio.to_thread(Identity.load_or_create, settings.state_dir / "broker.key")
    kept = settings.state_dir / "server.crt"
    known = await asyncio.to_thread(kept.exists)
    give_up_at = time.monotonic() + PATIENCE_S
    pause = FIRST_PAUSE_S
    while True:
        try:
            return await _try(settings, identity)
        except MusterError as error:
            if error.reason not in PASSING or (not known and time.monotonic() > give_up_at):
                raise
            log.info("waiting for the server", detail=error.detail)
        await asyncio.sleep(random.uniform(0, pause))  # noqa: S311 - jitter
        pause = min(LONGEST_PAUSE_S, pause * 2)


async def _try(settings: BrokerSettings, identity: Identity) -> Membership:
    kept = settings.state_dir / "server.crt"
    text = settings.join.get_secret_value()
    secret, pin = split_join_token(text) if text else ("", "")
    if pin:
        certificate = await fetch_certificate(settings.server, pin)
    elif await asyncio.to_thread(kept.exists):
        certificate = await asyncio.to_thread(kept.read_text)
    else:
        raise MusterError(
            Reason.JOIN_TOKEN_INVALID,
            "This broker has not joined a server yet, and no join token was given.",
            "Make one where the server runs: muster token create --kind broker; then pass it with --join.",
        )
    membership = Membership(settings, identity, secret, open_channel(settings.server, certificate))
    try:
        await membership.register()
    except BaseException:
        await membership.channel.close()
        raise
    await asyncio.to_thread(kept.write_text, certificate)
    return membership
