"""The bodies of `run.events` and `run.pieces`, as bytes.

Handlers and tools may say anything; what goes out is valid and bounded.
"""

import json
import re
from typing import Any

from pydantic_core import PydanticSerializationError, to_json

from muster_messaging.message import MAX_BODY_BYTES

__all__ = ["encode_events", "encode_pieces", "fitting", "size_of"]

#: JSON spells each of these in six bytes.
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")

#: The largest event: with what always goes along it fits into one message. The longest output takes less.
MAX_EVENT_BYTES = 500_000
LONG = 1000
CUT = "… too large to show"


def size_of(event: dict[str, Any]) -> int:
    """Return how many bytes an event takes in a message."""
    return len(_to_json(event)) + 1


def fitting(event: dict[str, Any]) -> dict[str, Any]:
    """Return the event of a tool call so that it fits into a message: what makes it too large is cut, with a note."""
    if size_of(event) <= MAX_EVENT_BYTES:
        return event
    short = {key: CUT if isinstance(v, str) and len(v) > LONG and key != "output" else v for key, v in event.items()}
    return {**short, "arguments": {"…": CUT}} if "arguments" in event else short


def encode_events(run_id: str, events: list[dict[str, Any]]) -> bytes:
    """Return the JSON of a RunEventsBody."""
    encoded = _to_json({"run_id": run_id, "events": events})
    if len(encoded) <= MAX_BODY_BYTES:
        return encoded
    plain = [{key: CONTROL.sub("�", v) if isinstance(v, str) else v for key, v in one.items()} for one in events]
    return to_json({"run_id": run_id, "events": plain}, inf_nan_mode="null", fallback=str)


def encode_pieces(runs: list[tuple[str, list[dict[str, Any]]]]) -> bytes:
    """Return the JSON of a RunPiecesBody."""
    return _to_json({"runs": [{"run_id": run_id, "events": events} for run_id, events in runs]})


def _to_json(body: dict[str, Any]) -> bytes:
    try:
        return to_json(body, inf_nan_mode="null", fallback=str)
    except (PydanticSerializationError, ValueError):  # a lone surrogate, which UTF-8 cannot spell
        return json.dumps(body, ensure_ascii=False, default=str).encode("utf-8", "replace")
