"""Prints the JSON Schema of all that browsers exchange with the server; `make types` turns it into TypeScript."""

import json
import sys
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from muster_shared_models.commands import PushCommand
from muster_shared_models.dead_letters import DeadLetterCounts, DeadLetterDetail, DeadLettersHandled
from muster_shared_models.frames import ClientFrame, ServerFrame
from muster_shared_models.model import WireModel
from muster_shared_models.queues import QueueList
from muster_shared_models.system import JoinToken, NewJoinToken, Session, SystemView, WebSocketTicket

__all__ = ["browser_schema"]


class _Untitled(GenerateJsonSchema):
    """Titles on fields become junk aliases in TypeScript."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


class Wire(WireModel):
    """Everything that needs a TypeScript type, under one root."""

    client: ClientFrame
    server: ServerFrame
    session: Session
    system: SystemView
    new_join_token: NewJoinToken
    join_token: JoinToken
    web_socket_ticket: WebSocketTicket
    push_command: PushCommand
    queues: QueueList
    dead_letter_detail: DeadLetterDetail
    dead_letter_counts: DeadLetterCounts
    dead_letters_handled: DeadLettersHandled


def browser_schema() -> dict[str, Any]:
    """Return one JSON Schema whose root `Wire` refers to every frame and view."""
    return TypeAdapter(Wire).json_schema(mode="serialization", schema_generator=_Untitled)


if __name__ == "__main__":
    json.dump(browser_schema(), sys.stdout, indent=1, sort_keys=True)
    sys.stdout.write("\n")
