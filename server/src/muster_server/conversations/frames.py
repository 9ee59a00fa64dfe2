"""Conversations over the WebSocket."""

from asyncio import Future

from muster_server.access.core import Operation, Principal
from muster_server.conversations.sending import Sender
from muster_server.conversations.service import Conversations
from muster_server.edge.socket import FrameRoute
from muster_server.flow.chain import then
from muster_shared_models.frames import Accepted, ChatSend, Done, RunStop
from muster_shared_models.model import WireModel

__all__ = ["conversation_frames"]


def conversation_frames(conversations: Conversations, sender: Sender) -> dict[type[WireModel], FrameRoute]:
    """Return what browsers may ask for."""

    def send(principal: Principal, frame: ChatSend) -> "Future[WireModel]":
        sent = sender.send(principal, frame.ref, frame.message)
        return then(sent, lambda stored: Accepted(ref=frame.ref, sent=stored))

    def stop(principal: Principal, frame: RunStop) -> "Future[WireModel]":
        return then(conversations.stop_run(principal, frame.run_id), lambda _: Done(ref=frame.ref))

    return {ChatSend: FrameRoute(Operation.SEND_MESSAGE, send), RunStop: FrameRoute(Operation.STOP_RUN, stop)}
