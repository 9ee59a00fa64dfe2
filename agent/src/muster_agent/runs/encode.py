"""The bodies of `run.events` and `run.pieces`, as bytes.

Handlers and tools may say anything; what goes out is valid and bounded.
"""

import json
import re
from typing import Any

from pydantic_core import PydanticSerializationError, to_json

from muster_messaging.message import MAX_BODY_BYTES

__all__ = ["encode_events", "encode_pieces"]

#: JSON spells each of these in six bytes.
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


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
