"""The relay in front of the embedded queue server: a real gRPC server, each client on a cable of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest

from muster_messaging.bus import Bus
from muster_messaging.embedded.bus import EmbeddedBus
from muster_messaging.relay.client import RelayBus
from muster_messaging.relay.service import Peer, Relay
from muster_protos.v1.relay_pb2_grpc import add_MessageRelayServicer_to_server
from tests.messaging.cable import Cable
from tests.messaging.embedded_harness import CrashingServer

__all__ = ["RelayHarness", "open_harness"]

#: As in the product.
_SIZES = (("grpc.max_receive_message_length", 4 << 20), ("grpc.max_send_message_length", 4 << 20))
_OPTIONS = (("grpc.use_local_subchannel_pool", 1), *_SIZES,
            ("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 500))  # fmt: skip


async def _anybody(context: grpc.aio.ServicerContext) -> Peer:
    return Peer("peer", lambda exchange: True, lambda queue: True)


class RelayHarness:
    """Fulfils Harness."""

    can_sever = True
    can_restart = True
    verified_sender = "peer"

    def __init__(self, folder: Path) -> None:
        self._crashing = CrashingServer(folder)
        self._cables: dict[Bus, Cable] = {}
        self._channels: list[grpc.aio.Channel] = []
        self._rpc: grpc.aio.Server | None = None
        self._port = 0
        self.admin = EmbeddedBus(self._crashing.server, "peer")

    async def serve(self) -> None:
        self._rpc = grpc.aio.server(options=(("grpc.so_reuseport", 0), *_SIZES))
        add_MessageRelayServicer_to_server(Relay(self._crashing.server, _anybody), self._rpc)
        self._port = self._rpc.add_insecure_port(f"127.0.0.1:{self._port}")
        await self._rpc.start()

    async def connect(self) -> RelayBus:
        cable = Cable(self._port)
        await cable.lay()
        channel = grpc.aio.insecure_channel(f"127.0.0.1:{cable.port}", options=_OPTIONS)
        self._channels.append(channel)
        bus = await RelayBus.open(channel, lambda: ())
        self._cables[bus] = cable
        return bus

    async def sever(self, bus: Bus) -> None:
        self._cables[bus].cut()

    async def restart(self) -> None:
        assert self._rpc is not None
        for cable in self._cables.values():
            cable.pull()
        self._crashing.crash()
        await self._rpc.stop(0)
        self.admin = EmbeddedBus(self._crashing.server, "peer")
        await self.serve()
        for cable in self._cables.values():
            cable.plug()

    async def close(self) -> None:
        for bus in self._cables:
            await bus.close()
        for channel in self._channels:
            await channel.close()
        assert self._rpc is not None
        await self._rpc.stop(0)
        for cable in self._cables.values():
            await cable.remove()
        await self._crashing.close()


@asynccontextmanager
async def open_harness(request: pytest.FixtureRequest) -> AsyncIterator[RelayHarness]:
    harness = RelayHarness(request.getfixturevalue("tmp_path"))
    await harness.serve()
    try:
        yield harness
    finally:
        await harness.close()
