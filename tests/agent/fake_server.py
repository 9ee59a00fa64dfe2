# ruff: noqa: N802 - gRPC names its methods
"""A server that agents can join: real TLS, real gRPC, the real relay over the real embedded queue server; the rest is
scripted by the test."""

import asyncio
import datetime as dt
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from muster_messaging.embedded.bus import EmbeddedBus
from muster_messaging.embedded.server import EmbeddedQueueServer
from muster_messaging.link.channel import certificate_pin
from muster_messaging.link.identity import proof_is_valid
from muster_messaging.link.problems import write_status
from muster_messaging.relay.service import Peer, Relay
from muster_messaging.topology import agent_queue, agent_topology, base_topology
from muster_protos.v1 import commands_pb2 as cmd
from muster_protos.v1 import registration_pb2 as reg
from muster_protos.v1 import status_pb2 as status
from muster_protos.v1.commands_pb2_grpc import AgentCommandsServicer, add_AgentCommandsServicer_to_server
from muster_protos.v1.registration_pb2_grpc import AgentRegistrationServicer, add_AgentRegistrationServicer_to_server
from muster_protos.v1.relay_pb2_grpc import add_MessageRelayServicer_to_server
from muster_protos.v1.runs_pb2 import ClaimRunRequest, ClaimRunResponse
from muster_protos.v1.runs_pb2_grpc import AgentRunsServicer, add_AgentRunsServicer_to_server
from muster_protos.v1.status_pb2_grpc import AgentStatusServicer, add_AgentStatusServicer_to_server
from muster_protos.v1.transport_pb2 import AmqpTransport, Credentials, RelayTransport, Transport
from muster_shared_models.problems import MusterError, Reason

HOUR_MS = 3_600_000


def make_certificate() -> tuple[bytes, bytes]:
    """Return a key and a self-signed certificate for the name `muster`, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "muster")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("muster")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return pem, certificate.public_bytes(serialization.Encoding.PEM)


class Registrations(AgentRegistrationServicer):
    def __init__(self, server: "FakeServer") -> None:
        self.server = server

    async def RegisterAgent(self, request: reg.RegisterAgentRequest, context: Any) -> reg.RegisterAgentResponse:
        server = self.server
        server.joins.append(request)
        try:
            agent_id = server.admit(request)
        except MusterError as error:
            await context.abort_with_status(write_status(error))
        await server.bus.declare(agent_topology(agent_id))
        way = (
            Transport(amqp=AmqpTransport(url=server.amqp_url)) if server.amqp_url else Transport(relay=RelayTransport())
        )
        return reg.RegisterAgentResponse(
            agent_id=agent_id, credentials=server.new_credentials(), transport=way, queue=agent_queue(agent_id),
            partitions=server.partitions, heartbeat_interval_ms=server.heartbeat_ms,
        )  # fmt: skip

    async def RenewCredentials(self, request: Any, context: Any) -> reg.RenewCredentialsResponse:
        await self.server.check(context)
        self.server.renewals += 1
        return reg.RenewCredentialsResponse(credentials=self.server.new_credentials())


class Statuses(AgentStatusServicer):
    def __init__(self, server: "FakeServer") -> None:
        self.server = server

    async def ReportStatus(self, requests: AsyncIterator[status.Heartbeat], context: Any) -> AsyncIterator[Any]:
        await self.server.check(context)
        self.server.streams_of_beats += 1
        async for beat in requests:
            self.server.beats.append(beat)
            if not self.server.silent:
                yield status.HeartbeatReply(
                    number=beat.number, server_time_ms=time.time_ns() // 1_000_000,
                    commands_attached=self.server.believes_attached(), runs_to_stop=self.server.runs_to_stop,
                )  # fmt: skip


class Runs(AgentRunsServicer):
    def __init__(self, server: "FakeServer") -> None:
        self.server = server

    async def ClaimRun(self, request: ClaimRunRequest, context: Any) -> ClaimRunResponse:
        await self.server.check(context)
        self.server.claims.append(request.run_id)
        if len(self.server.claims) <= self.server.claims_to_fail:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "not now")
        return ClaimRunResponse(granted=request.run_id not in self.server.anothers)


class Commands(AgentCommandsServicer):
    def __init__(self, server: "FakeServer") -> None:
        self.server = server

    async def ReceiveCommands(self, request: cmd.ReceiveCommandsRequest, context: Any) -> AsyncIterator[Any]:
        server = self.server
        await server.check(context)
        if server.refuse_commands:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "not now")
        server.attachments.append(list(request.running))
        queue: asyncio.Queue[cmd.Instruction | None] = asyncio.Queue(100)
        server.command_streams.append(queue)
        await context.send_initial_metadata(())
        try:
            for command_id, instruction in server.pending.items():
                if command_id not in request.running:
                    yield instruction
            while (instruction_or_end := await queue.get()) is not None:
                yield instruction_or_end
        finally:
            server.command_streams.remove(queue)

    async def SendCommandOutput(self, requests: AsyncIterator[cmd.CommandProgress], context: Any) -> Any:
        await self.server.check(context)
        async for progress in requests:
            self.server.progress[progress.command_id].append(progress)
            if self.server.cut_output_after == len(self.server.progress[progress.command_id]):
                self.server.cut_output_after = 0
                await context.abort(grpc.StatusCode.UNAVAILABLE, "cut by the test")
        return cmd.SendCommandOutputResponse()

    async def SendCommandResult(self, request: cmd.CommandResult, context: Any) -> Any:
        await self.server.check(context)
        if self.server.refuse_results:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "not now")
        self.server.results[request.command_id].append(request)
        self.server.pending.pop(request.command_id, None)
        return cmd.SendCommandResultResponse()


class FakeServer:
    """Start with `start`; give agents `join_token` and `address`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key, self.certificate = make_certificate()
        self.partitions = 4
        self.heartbeat_ms = 200
        self.token_life_ms = HOUR_MS
        self.amqp_url = ""
        self.port = 0
        self.secrets = {"mj_" + "s" * 20}
        self.refuse_join: MusterError | None = None
        self.forget_keys = False
        self.silent = False
        self.refuse_results = False
        self.refuse_commands = False
        self.cut_output_after = 0
        self.attached_belief: bool | None = None
        self.keys: dict[bytes, str] = {}
        self.tokens: set[str] = set()
        self.joins: list[reg.RegisterAgentRequest] = []
        self.beats: list[status.Heartbeat] = []
        self.runs_to_stop: list[str] = []
        self.streams_of_beats = 0
        self.renewals = 0
        self.claims: list[str] = []
        self.claims_to_fail = 0
        #: Runs that another agent has.
        self.anothers: set[str] = set()
        self.attachments: list[list[str]] = []
        self.command_streams: list[asyncio.Queue[cmd.Instruction | None]] = []
        self.pending: dict[str, cmd.Instruction] = {}
        self.progress: dict[str, list[cmd.CommandProgress]] = defaultdict(list)
        self.results: dict[str, list[cmd.CommandResult]] = defaultdict(list)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def join_token(self) -> str:
        return f"mj_{'s' * 20}.{certificate_pin(self.certificate.decode())}"

    async def start(self) -> None:
        self.queues = EmbeddedQueueServer(self.folder / "queues.db")
        self.bus = EmbeddedBus(self.queues, "server")
        await self.bus.declare(base_topology(self.partitions))
        for agent_id in self.keys.values():
            await self.bus.declare(agent_topology(agent_id))
        await self.listen()

    async def listen(self) -> None:
        self.server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
        add_AgentRegistrationServicer_to_server(Registrations(self), self.server)
        add_AgentStatusServicer_to_server(Statuses(self), self.server)
        add_AgentRunsServicer_to_server(Runs(self), self.server)
        add_AgentCommandsServicer_to_server(Commands(self), self.server)
        add_MessageRelayServicer_to_server(Relay(self.queues, self.identify), self.server)
        credentials = grpc.ssl_server_credentials([(self.key, self.certificate)])
        self.port = self.server.add_secure_port(f"127.0.0.1:{self.port}", credentials)
        await self.server.start()

    async def hang_up(self) -> None:
        """Stop listening; queues and what is known of agents stay."""
        for queue in list(self.command_streams):
            queue.put_nowait(None)
        await self.server.stop(0)

    async def stop(self) -> None:
        await self.hang_up()
        await self.bus.close()
        await self.queues.close()

    def admit(self, request: reg.RegisterAgentRequest) -> str:
        if self.refuse_join is not None:
            raise self.refuse_join
        assert proof_is_valid(request.proof, "agent", request.description.name)
        if request.proof.public_key in self.keys:
            return self.keys[request.proof.public_key]
        if request.join_token not in self.secrets:
            raise MusterError(Reason.JOIN_TOKEN_INVALID, "The join token is not valid.")
        self.secrets.discard(request.join_token)
        agent_id = f"agt_{len(self.keys) + 1:026d}"
        self.keys[request.proof.public_key] = agent_id
        return agent_id

    def new_credentials(self) -> Credentials:
        token = f"token-{len(self.tokens)}"
        self.tokens.add(token)
        return Credentials(access_token=token, expires_at_ms=time.time_ns() // 1_000_000 + self.token_life_ms)

    def believes_attached(self) -> bool:
        return bool(self.command_streams) if self.attached_belief is None else self.attached_belief

    async def check(self, context: Any) -> None:
        given = dict(context.invocation_metadata()).get("authorization", "")
        if given.removeprefix("Bearer ") not in self.tokens:
            await context.abort_with_status(write_status(MusterError(Reason.UNAUTHENTICATED, "Who are you?")))

    async def identify(self, context: Any) -> Peer:
        given = dict(context.invocation_metadata()).get("authorization", "")
        if given.removeprefix("Bearer ") not in self.tokens:
            raise MusterError(Reason.UNAUTHENTICATED, "Who are you?")
        return Peer("agent:test", lambda _exchange: True, lambda _queue: True)

    def push(self, instruction: cmd.Instruction) -> None:
        """Send an instruction to whoever is attached; programs wait until their result is there."""
        if instruction.HasField("run_program"):
            self.pending[instruction.run_program.command_id] = instruction
        for queue in self.command_streams:
            queue.put_nowait(instruction)
