"""Joining: with a token the first time, with nothing but the agent's own key ever after."""

import asyncio
import os
import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import NamedTuple

import grpc
import structlog

from muster_agent.control.backoff import Backoff
from muster_agent.control.state import Joined, StateFolder
from muster_agent.errors import NotJoined
from muster_messaging.link.channel import certificate_pin, fetch_certificate, open_channel
from muster_messaging.link.identity import Identity
from muster_messaging.link.problems import read_problem
from muster_protos.v1.registration_pb2 import (
    AgentDescription,
    Machine,
    RegisterAgentRequest,
    RegisterAgentResponse,
)
from muster_protos.v1.registration_pb2_grpc import AgentRegistrationStub
from muster_shared_models.problems import MusterError, Reason
from muster_shared_models.system import split_join_token

__all__ = ["Joiner", "Registration", "this_machine"]

log = structlog.get_logger()

JOIN_S = 10.0
#: How long a new agent goes on asking a server that is there, but too busy to answer.
FIRST_JOIN_S = 30.0
#: Reasons that pass by themselves.
PASSING = frozenset({Reason.UNAVAILABLE, Reason.BUS_UNREACHABLE, Reason.TIMED_OUT, Reason.DATABASE_BUSY,
                     Reason.OVERLOADED, Reason.INTERNAL})  # fmt: skip
#: Reasons for which a join token may help.
UNKNOWN_KEY = frozenset({Reason.JOIN_TOKEN_INVALID, Reason.UNAUTHENTICATED, Reason.AGENT_NOT_FOUND})


class Registration(NamedTuple):
    """What the server gave us. `amqp_url` is empty where messages travel through the server's gRPC port."""

    agent_id: str
    token: str
    expires_at_ms: int
    amqp_url: str
    queue: str
    partitions: int
    heartbeat_interval_ms: int
    configuration: dict[str, str]

    @property
    def way(self) -> tuple[str, str]:
        """The way to the queue server: its address, and our queue there."""
        return self.amqp_url, self.queue


def this_machine() -> Machine:
    """Return where we run."""
    return Machine(
        hostname=platform.node()[:255],
        os=platform.platform(terse=True)[:255],
        python=platform.python_version(),
        version=version("muster-agent"),
        pid=os.getpid(),
    )


class Joiner:
    """Knows how to introduce this agent to its server. `unfinished` names the runs that the journal knows as begun."""

    channel: grpc.aio.Channel
    certificate: str

    def __init__(
        self, address: str, token: str, description: AgentDescription, folder: StateFolder,
        unfinished: Callable[[], list[str]] = list,
    ) -> None:  # fmt: skip
        self.address = address
        self._token = token
        self._description = description
        self._folder = folder
        self._unfinished = unfinished
        self._identity = Identity.load_or_create(folder.key)

    async def join(self) -> Registration:
        """Join for the first time in this process, and open the channel.

        An agent that the server knows waits for a server that is away; a new one says at once what is wrong.
        """
        joined = self._folder.joined()
        secret, pin = split_join_token(self._token) if self._token else ("", "")
        if joined is not None and pin in ("", certificate_pin(joined.certificate)):
            self.certificate = joined.certificate
        elif not secret:
            raise NotJoined(
                "This agent is new to the server and has no join token.",
                "Make one with `muster token create` and give it as MUSTER_JOIN or --join.",
            )
        else:
            joined = None
            self.certificate = await fetch_certificate(self.address, pin)
        self.channel = open_channel(self.address, self.certificate)
        try:
            return await (self._join_first() if joined is None else self.join_again())
        except BaseException:
            await self.channel.close()
            raise

    async def _join_first(self) -> Registration:
        """Join as somebody new: asking twice with one key and token is asking once."""
        backoff = Backoff()
        give_up_at = time.monotonic() + FIRST_JOIN_S
        while True:
            try:
                return await self._register()
            except MusterError as error:
                pause = backoff.next()
                if error.reason not in PASSING or time.monotonic() + pause > give_up_at:
                    raise
                log.warning(
                    "the server does not answer", server=self.address, why=error.detail, again_in_s=round(pause, 1)
                )
            await asyncio.sleep(pause)

    async def join_again(self) -> Registration:
        """Join with our key, as often as it takes; raises MusterError when the server says no.

        Whoever is quarantined waits for a person to let it back in.
        """
        backoff = Backoff()
        while True:
            try:
                return await self._register()
            except MusterError as error:
                pause = backoff.next()
                if error.reason is Reason.AGENT_QUARANTINED:
                    log.warning("kept out", why=error.detail, hint=error.hint, again_in_s=round(pause, 1))
                elif error.reason in PASSING:
                    await self._check_identity()
                    log.warning("the server is away", server=self.address, why=error.detail, again_in_s=round(pause, 1))
                else:
                    raise
            await asyncio.sleep(pause)

    async def _register(self) -> Registration:
        """Ask with the key alone when it should be known; the token is for keys that are not."""
        known = self._folder.joined() is not None
        secret = split_join_token(self._token)[0] if self._token else ""
        try:
            return await self._ask("" if known else secret)
        except MusterError as error:
            if error.reason not in UNKNOWN_KEY:
                raise
            if not known:
                raise
            return await self._introduce_anew(secret, error)

    async def _introduce_anew(self, secret: str, error: MusterError) -> Registration:
        """The server does not know the key (any more): try the token, if there is one that it takes."""
        try:
            if secret:
                return await self._ask(secret)
        except MusterError as still:
            if still.reason not in UNKNOWN_KEY:
                raise
        raise NotJoined(
            "The server no longer knows this agent.",
            "It was retired, or the server has a new database. Make a new join token and start the agent with it.",
        ) from error

    async def _ask(self, secret: str) -> Registration:
        name = self._description.name
        request = RegisterAgentRequest(
            join_token=secret, description=self._description, proof=self._identity.prove("agent", name),
            unfinished_runs=self._unfinished(),
        )  # fmt: skip
        try:
            answer = await AgentRegistrationStub(self.channel).RegisterAgent(request, timeout=JOIN_S)
        except grpc.aio.AioRpcError as error:
            raise _explain(read_problem(error), name, self.address) from None
        self._folder.keep(Joined(self.certificate, answer.agent_id, name))
        return _read(answer)

    async def _check_identity(self) -> None:
        """Raise SERVER_IDENTITY when somebody answers at the address, but not the server that we joined."""
        try:
            await fetch_certificate(self.address, certificate_pin(self.certificate))
        except MusterError as error:
            if error.reason is Reason.UNAVAILABLE:
                return
            raise MusterError(
                error.reason,
                f"The server at {self.address} is not the one that this agent joined.",
                f"If it was set up anew, make a join token there, delete {self._folder.path} and start the agent with "
                "the token. Otherwise check MUSTER_SERVER.",
            ) from None


def _read(answer: RegisterAgentResponse) -> Registration:
    return Registration(
        agent_id=answer.agent_id,
        token=answer.credentials.access_token,
        expires_at_ms=answer.credentials.expires_at_ms,
        amqp_url=answer.transport.amqp.url,
        queue=answer.queue,
        partitions=answer.partitions or 1,
        heartbeat_interval_ms=answer.heartbeat_interval_ms or 5000,
        configuration=dict(answer.configuration),
    )


def _explain(error: MusterError, name: str, address: str) -> MusterError:
    """Add what to do, where the server did not say so."""
    hints = {
        Reason.NAME_TAKEN: f"Choose another name than '{name}' (MUSTER_AGENT_NAME or --name), or retire the old agent.",
        Reason.JOIN_TOKEN_INVALID: "A token works once and for a limited time. `muster token create` makes a new one.",
        Reason.CLOCK_SKEW: "Set this machine's clock.",
        Reason.UNAVAILABLE: f"Is the server running, and is {address} its gRPC address (port 50051 by default)?",
        Reason.TIMED_OUT: f"Is {address} the server's gRPC address (port 50051 by default)?",
    }
    return MusterError(error.reason, error.detail, error.hint or hints.get(error.reason, ""))
