"""Who follows which stream, and how a stream begins for somebody new. Encoded lines in, encoded lines out."""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

from muster_server.clock import Clock
from muster_server.edge.lines import event_line, frame_line
from muster_shared_models.frames import Resumed, SnapshotFrame
from muster_shared_models.model import WireModel
from muster_shared_models.problems import MusterError, Reason
from muster_shared_models.streams import Snapshot

__all__ = ["Beginning", "Follower", "Hub", "ListStream", "Source"]

#: Events of a list that can be replayed; older subscriptions begin anew.
REPLAYED = 500


class Beginning(NamedTuple):
    """What a subscription begins with, and up to which sequence number that is the truth."""

    lines: list[str]
    seq: int


class Source(Protocol):
    """Knows how one kind of stream begins."""

    async def begin(self, stream: str, epoch: str, since: int) -> Beginning:
        """Return a snapshot, or what came after `since`; raises MusterError when there is no such stream."""
        ...


class Follower(Protocol):
    """A socket."""

    def event(self, stream: str, seq: int, line: str) -> None:
        """Take a numbered event."""
        ...

    def passing(self, stream: str, line: str) -> None:
        """Take a passing frame."""
        ...


class Hub:
    """Hands lines to the followers of a stream."""

    def __init__(self) -> None:
        self._followers: dict[str, list[Follower]] = {}
        self._sources: dict[str, Source] = {}

    def serve(self, kind: str, source: Source) -> None:
        """Let streams named `kind` or `kind:<id>` begin as `source` says."""
        self._sources[kind] = source

    def source(self, stream: str) -> Source:
        """Return what a stream begins with; raises STREAM_NOT_FOUND."""
        kind, colon, rest = stream.partition(":")
        source = self._sources.get(kind)
        if source is None or bool(colon) != bool(rest) or isinstance(source, ListStream) == bool(colon):
            raise MusterError(Reason.STREAM_NOT_FOUND, f"There is no stream called '{stream[:80]}'.")
        return source

    def follow(self, stream: str, follower: Follower) -> None:
        """Hand `follower` what comes."""
        self._followers.setdefault(stream, []).append(follower)

    def leave(self, stream: str, follower: Follower) -> None:
        """Hand it nothing more."""
        followers = self._followers.get(stream, [])
        if follower in followers:
            followers.remove(follower)
        if not followers:
            self._followers.pop(stream, None)

    def followed(self, stream: str) -> bool:
        """Tell whether anybody listens: encoding for nobody is waste."""
        return stream in self._followers

    def event(self, stream: str, seq: int, line: str) -> None:
        """Hand out a numbered event."""
        for follower in tuple(self._followers.get(stream, ())):  # a copy: one that is too slow leaves meanwhile
            follower.event(stream, seq, line)

    def passing(self, stream: str, line: str) -> None:
        """Hand out a passing frame."""
        for follower in tuple(self._followers.get(stream, ())):
            follower.passing(stream, line)


class ListStream:
    """A list that lives in memory: `fleet`, `conversations` or `commands`. Its epoch is this server's life."""

    def __init__(self, hub: Hub, name: str, epoch: str, clock: Clock) -> None:
        self._hub = hub
        self._name = name
        self._epoch = epoch
        self._clock = clock
        self._seq = 0
        self._kept: deque[tuple[int, str]] = deque(maxlen=REPLAYED)
        self._snapshot: Callable[[], Snapshot] | None = None
        hub.serve(name, self)

    def shows(self, snapshot: Callable[[], Snapshot]) -> None:
        """Say how the list looks now."""
        self._snapshot = snapshot

    def announce(self, event: WireModel) -> None:
        """Number an event and hand it out."""
        self._seq += 1
        line = event_line(self._name, self._seq, self._clock(), event.model_dump_json())
        self._kept.append((self._seq, line))
        self._hub.event(self._name, self._seq, line)

    async def begin(self, stream: str, epoch: str, since: int) -> Beginning:
        """Continue where the follower was, or show the whole list."""
        oldest = self._kept[0][0] if self._kept else self._seq + 1
        if epoch == self._epoch and oldest - 1 <= since <= self._seq:
            resumed = frame_line(Resumed(stream=stream, epoch=epoch, seq=since))
            return Beginning([resumed, *(line for seq, line in self._kept if seq > since)], self._seq)
        assert self._snapshot is not None
        whole = SnapshotFrame(stream=stream, epoch=self._epoch, seq=self._seq, data=self._snapshot())
        return Beginning([frame_line(whole)], self._seq)
