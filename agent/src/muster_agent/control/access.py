"""The agent's way in: its channel to the server and the credentials of the moment.

Everything that calls the server goes through one `Access`. When the server refuses the credentials, the caller hands in
the generation that it used; one of them joins again, the others wait and use what came of it.
"""

import asyncio
import random
from contextlib import suppress

import grpc
import structlog

from muster_agent.clock import now_ms
from muster_agent.control.backoff import Backoff
from muster_agent.control.registration import Joiner, Registration
from muster_agent.errors import JoinedAnew
from muster_messaging.link.problems import read_problem
from muster_protos.v1.registration_pb2 import RenewCredentialsRequest
from muster_protos.v1.registration_pb2_grpc import AgentRegistrationStub
from muster_shared_models.problems import Reason

__all__ = ["CALL_S", "REFUSALS", "Access", "is_refusal"]

log = structlog.get_logger()

#: What the server says to those who must join again, now or when a person has let them back in.
REFUSALS = frozenset({Reason.UNAUTHENTICATED, Reason.AGENT_QUARANTINED})
#: The deadline of a unary call.
CALL_S = 10.0
#: Credentials are renewed when this part of their life is over.
RENEW_AT = 2 / 3
#: Seconds within which the callers of a fleet spread when their line to the server stands again.
SPREAD_S = 1.0
#: The shortest wait between renewals, however short their life: the two clocks may differ.
SHORTEST_RENEWAL_S = 20.0


def is_refusal(error: grpc.RpcError) -> bool:
    """Tell whether the server refuses us, rather than what we want: joining again helps, or waits until it may."""
    return bool(error.code() == grpc.StatusCode.UNAUTHENTICATED) or read_problem(error).reason in REFUSALS


class Access:
    """The open channel, who we are, and our credentials. `generation` counts the times we joined."""

    def __init__(self, joiner: Joiner, registration: Registration) -> None:
        self._joiner = joiner
        self.registration = registration
        self.channel: grpc.aio.Channel = joiner.channel
        self.generation = 1
        self._token = registration.token
        self._moved = asyncio.Event()
        self._joined_again = asyncio.Lock()
        self._renewed_at_ms = now_ms()
        self._expires_at_ms = registration.expires_at_ms

    @property
    def address(self) -> str:
        """The server's gRPC address."""
        return self._joiner.address

    @property
    def certificate(self) -> str:
        """The server's certificate, as PEM."""
        return self._joiner.certificate

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """Return what proves to the server who calls."""
        return (("authorization", f"Bearer {self._token}"),)

    async def refused(self, generation: int) -> None:
        """Join again, because the credentials of `generation` were refused; returns when there are new ones.

        Raises MusterError when the server will not have us back.
        """
        async with self._joined_again:
            if self.generation != generation:
                return
            log.warning("the server refuses our credentials: joining again")
            self._use(await self._joiner.join_again())

    async def pause(self, seconds: float) -> None:
        """Wait before the next try: so long, or until the line to the server, if it was lost, stands again."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.line_stands_again()
                await asyncio.sleep(random.uniform(0, SPREAD_S))  # noqa: S311 - spreads load, keeps no secret

    async def line_stands_again(self) -> None:
        """Return when the line to the server, which is lost or will be, stands again."""
        state = self.channel.get_state(try_to_connect=True)
        while True:
            await self.channel.wait_for_state_change(state)
            state = self.channel.get_state(try_to_connect=True)
            if state is grpc.ChannelConnectivity.READY:
                return

    async def close(self) -> None:
        """Close the channel; whatever used it has ended before."""
        await self.channel.close()

    async def moved_from(self, way: tuple[str, str]) -> None:
        """Return when the way to the queue server is another than `way`."""
        while self.registration.way == way:
            await self._moved.wait()

    async def keep_fresh(self) -> None:
        """Renew the credentials before they expire, for ever."""
        backoff = Backoff()
        while True:
            await asyncio.sleep(self._until_renewal_s())
            generation = self.generation
            try:
                call = AgentRegistrationStub(self.channel).RenewCredentials(
                    RenewCredentialsRequest(), metadata=self.metadata(), timeout=CALL_S
                )
                credentials = (await call).credentials
            except grpc.aio.AioRpcError as error:
                if is_refusal(error):
                    await self.refused(generation)
                    continue
                log.info("credentials not renewed yet", why=read_problem(error).detail)
                await self.pause(backoff.next())
            else:
                backoff.reset()
                self._take(credentials.access_token, credentials.expires_at_ms)

    def _until_renewal_s(self) -> float:
        life_ms = self._expires_at_ms - self._renewed_at_ms
        return max(SHORTEST_RENEWAL_S, (self._renewed_at_ms + life_ms * RENEW_AT - now_ms()) / 1000)

    def _take(self, token: str, expires_at_ms: int) -> None:
        self._token, self._expires_at_ms, self._renewed_at_ms = token, expires_at_ms, now_ms()

    def _use(self, registration: Registration) -> None:
        if registration.agent_id != self.registration.agent_id:
            raise JoinedAnew("The server has forgotten this agent and knows it under another id now.")
        known, self.registration = self.registration, registration
        if known.way != registration.way:
            self._moved.set()
            self._moved = asyncio.Event()
        self._take(registration.token, registration.expires_at_ms)
        self.generation += 1
