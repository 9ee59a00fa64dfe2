"""AutoGen core: python -m benchmarks.peers.autogen_roles memory|host|worker|client [ADDRESS]."""

import asyncio
import sys
from dataclasses import dataclass

from autogen_core import AgentId, AgentRuntime, MessageContext, RoutedAgent, SingleThreadedAgentRuntime, rpc
from autogen_core import try_get_known_serializers_for_type as serializers
from autogen_ext.runtimes.grpc import GrpcWorkerAgentRuntime, GrpcWorkerAgentRuntimeHost

from benchmarks.peers.commands import TEXT, end_with_parent, keep_in_flight, ready

ECHO = AgentId("echo", "default")


@dataclass
class Ask:
    """What is sent, and what comes back."""

    text: str


class Echo(RoutedAgent):
    """Answers with what it was sent."""

    def __init__(self) -> None:
        super().__init__("echo")

    @rpc
    async def on_ask(self, message: Ask, ctx: MessageContext) -> Ask:
        """Echo."""
        return Ask(message.text)


async def _ask(runtime: AgentRuntime) -> None:
    async with asyncio.timeout(60):
        await runtime.send_message(Ask(TEXT), ECHO)


async def _memory() -> None:
    runtime = SingleThreadedAgentRuntime()
    await Echo.register(runtime, ECHO.type, Echo)
    runtime.start()
    ready()
    await keep_in_flight(lambda: _ask(runtime))
    await runtime.stop()


async def _host(address: str) -> None:
    host = GrpcWorkerAgentRuntimeHost(address)
    host.start()
    ready()
    await host.stop_when_signal(grace=1)


async def _worker(address: str) -> None:
    runtime = GrpcWorkerAgentRuntime(address)
    runtime.add_message_serializer(serializers(Ask))
    await runtime.start()
    await Echo.register(runtime, ECHO.type, Echo)
    ready()
    await runtime.stop_when_signal()


async def _client(address: str) -> None:
    runtime = GrpcWorkerAgentRuntime(address)
    runtime.add_message_serializer(serializers(Ask))
    await runtime.start()
    ready()
    await keep_in_flight(lambda: _ask(runtime))
    await runtime.stop()


ROLES = {"memory": _memory, "host": _host, "worker": _worker, "client": _client}

if __name__ == "__main__":
    role = sys.argv[1]
    if role in ("host", "worker"):
        end_with_parent()
    asyncio.run(ROLES[role](*sys.argv[2:]))
