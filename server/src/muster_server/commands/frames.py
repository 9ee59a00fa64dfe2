"""Commands over the WebSocket."""

import asyncio
from asyncio import Future

from muster_server.access.core import Operation, Principal
from muster_server.commands.service import Commands
from muster_server.edge.socket import FrameRoute
from muster_server.flow.chain import then
from muster_shared_models.frames import CommandStop, Done
from muster_shared_models.model import WireModel

__all__ = ["command_frames"]


def command_frames(commands: Commands) -> dict[type[WireModel], FrameRoute]:
    """Return what browsers may ask for."""

    def stop(principal: Principal, frame: CommandStop) -> "Future[WireModel]":
        stopping = asyncio.ensure_future(commands.stop(principal, frame.command_id, frame.agent_id, kill=frame.kill))
        return then(stopping, lambda _: Done(ref=frame.ref))

    return {CommandStop: FrameRoute(Operation.STOP_COMMAND, stop)}
