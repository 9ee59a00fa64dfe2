"""Server frames as lines of JSON, each encoded once for all sockets."""

from muster_shared_models.model import WireModel, from_ms

__all__ = ["event_line", "frame_line", "passing_line"]

_second: tuple[int, str] = (0, "")


def _iso(milliseconds: int) -> str:
    """Return ISO 8601 in UTC; the part up to the second is kept, as most events of a second share it."""
    global _second  # noqa: PLW0603 - a cache of one
    second, rest = divmod(milliseconds, 1000)
    if _second[0] != second:
        _second = (second, from_ms(second * 1000).strftime("%Y-%m-%dT%H:%M:%S"))
    return f"{_second[1]}.{rest:03d}Z"


def event_line(stream: str, seq: int, at: int, data: str) -> str:
    """Return an event frame; `data` is the event's JSON. Stream names are ours and need no escaping."""
    return f'{{"op":"event","stream":"{stream}","seq":{seq},"at":"{_iso(at)}","event":{data}}}'


def passing_line(stream: str, data: str) -> str:
    """Return a passing frame; `data` is the event's JSON."""
    return f'{{"op":"passing","stream":"{stream}","event":{data}}}'


def frame_line(frame: WireModel) -> str:
    """Return any other frame."""
    return frame.model_dump_json()
