"""Heartbeats, in a thread of their own: they go on, and say so, when the event loop is blocked.

    board ──beat──► ReportStatus ──► server            every heartbeat_interval_ms
    board ◄─reply── ReportStatus ◄── server            what it believes, and which runs it has ended

The thread uses a channel of its own. It meets the event loop in three places only: it reads the board, it asks the loop
to answer a probe (so it knows how late the loop is), and it hands over runs to stop and refused credentials.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError as FutureCancelled
from concurrent.futures import TimeoutError as FutureTimeout

import grpc
import structlog

from muster_agent.clock import awake_s
from muster_agent.control.access import Access, is_refusal
from muster_agent.control.backoff import Backoff
from muster_agent.control.board import Board
from muster_agent.machine import this_system
from muster_messaging.link.channel import open_thread_channel
from muster_messaging.link.problems import read_problem
from muster_protos.v1.status_pb2 import LIFECYCLE_FAILED, LIFECYCLE_STOPPING, Heartbeat, HeartbeatReply
from muster_protos.v1.status_pb2_grpc import AgentStatusStub
from muster_shared_models.problems import MusterError

__all__ = ["HeartbeatThread"]

log = structlog.get_logger()

#: How long a healthy event loop may take to answer the probe before the beat goes out without the answer.
PROBE_S = 0.05
#: Beats, and seconds, without a reply after which the stream is opened anew.
SILENT_BEATS = 3
SILENCE_S = 5.0
#: News are told at once, but not more often than this.
GAP_S = 0.1
#: How long the last beat may take.
FAREWELL_S = 2.0
REJOIN_S = 60.0


class _Probe:
    """Measures how late the event loop is: milliseconds since it was asked, until it answers."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._asked_at: float | None = None
        self._answered = threading.Event()

    def lag_ms(self) -> int:
        if self._asked_at is None:
            self._asked_at = time.monotonic()
            self._answered.clear()
            self._loop.call_soon_threadsafe(self._answered.set)
        asked_at = self._asked_at
        if self._answered.wait(PROBE_S):
            self._asked_at = None
        return round((time.monotonic() - asked_at) * 1000)


class _Stream:
    """One ReportStatus stream: its requests come from `beats`, which gRPC runs in a thread of its own."""

    def __init__(self, board: Board, interval_s: float, lag_ms: Callable[[], int]) -> None:
        self._board = board
        self._interval_s = interval_s
        self._lag_ms = lag_ms
        self.over = threading.Event()
        self.stopping = False
        self.call: grpc.Call | None = None
        self.last_reply = time.monotonic()

    def beats(self) -> Iterator[Heartbeat]:
        system = this_system()
        news = self._board.news
        while True:
            news.clear()
            yield self._board.beat(machine_load=system.load_percent(), lag_ms=self._lag_ms())
            if self.over.wait(min(GAP_S, self._interval_s)):
                break
            news.wait(self._interval_s - GAP_S)
            if self.over.is_set():
                break
            if time.monotonic() - self.last_reply > max(SILENCE_S, SILENT_BEATS * self._interval_s) and self.call:
                self.call.cancel()  # connected, but nobody answers
                return
        if self.stopping:
            if self._board.lifecycle != LIFECYCLE_FAILED:
                self._board.lifecycle = LIFECYCLE_STOPPING
            yield self._board.beat(machine_load=0, lag_ms=0)


class HeartbeatThread:
    """`start` it once; `stop` says goodbye. `failed` ends with an error when the server will not have us back."""

    def __init__(self, access: Access, board: Board, stop_runs: Callable[[list[str]], None]) -> None:
        self._access = access
        self._board = board
        self._stop_runs = stop_runs
        self._loop = asyncio.get_running_loop()
        self._probe = _Probe(self._loop)
        self._stopping = threading.Event()
        #: Ends the pause between tries: we are to stop, or the line to the server stands again.
        self._wake = threading.Event()
        self._stream: _Stream | None = None
        self._ended = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
        self.failed: asyncio.Future[None] = self._loop.create_future()

    def start(self) -> None:
        """Begin to beat."""
        self._thread.start()

    async def stop(self) -> None:
        """Send a last beat that says so, and end the thread."""
        self._stopping.set()
        self._wake.set()
        if self._stream is not None:
            self._stream.stopping = True
            self._stream.over.set()
            self._board.news.set()
        try:
            async with asyncio.timeout(FAREWELL_S):
                await self._ended.wait()
        except TimeoutError:
            if self._stream is not None and self._stream.call is not None:
                self._stream.call.cancel()
        if not self.failed.done():
            self.failed.cancel()

    def _run(self) -> None:
        channel = open_thread_channel(self._access.address, self._access.certificate)
        backoff = Backoff()
        stands = False
        try:
            while not self._stopping.is_set():
                generation = self._access.generation
                try:
                    self._report(channel, backoff, wait=stands)
                except grpc.RpcError as error:
                    if self._stopping.is_set():
                        break
                    if is_refusal(error):
                        self._join_again(generation)
                    else:
                        log.debug("heartbeats interrupted", why=read_problem(error).detail)
                stands = self._pause(backoff.next())
        finally:
            channel.close()
            self._tell(self._ended.set)

    def _pause(self, seconds: float) -> bool:
        """Wait before the next try: so long, or until the line to the server, if it was lost, stands again.

        Returns whether it does: then the next try may wait for this thread's own line.
        """
        self._wake.clear()
        if self._stopping.is_set():
            return False
        standing = asyncio.run_coroutine_threadsafe(self._access.line_stands_again(), self._loop)
        standing.add_done_callback(lambda _: self._wake.set())
        self._wake.wait(seconds)
        return not standing.cancel() and not standing.cancelled()

    def _report(self, channel: grpc.Channel, backoff: Backoff, *, wait: bool) -> None:
        stream = _Stream(self._board, self._access.registration.heartbeat_interval_ms / 1000, self._probe.lag_ms)
        self._stream = stream
        try:
            stream.call = AgentStatusStub(channel).ReportStatus(
                stream.beats(), metadata=self._access.metadata(), wait_for_ready=wait
            )
            for reply in stream.call:
                stream.last_reply = time.monotonic()
                backoff.reset()
                self._heard(reply)
        finally:
            stream.over.set()
            self._board.news.set()

    def _heard(self, reply: HeartbeatReply) -> None:
        self._tell(self._obey, reply, awake_s())

    def _obey(self, reply: HeartbeatReply, at: float) -> None:
        """Stop what has ended, then let the others act: who waits for the server to be heard may be one of them."""
        if reply.runs_to_stop:
            self._stop_runs(list(reply.runs_to_stop))
        self._board.heard(reply, at)

    def _join_again(self, generation: int) -> None:
        coming = asyncio.run_coroutine_threadsafe(self._access.refused(generation), self._loop)
        try:
            coming.result(REJOIN_S)
        except FutureTimeout:
            coming.cancel()
        except FutureCancelled:
            return
        except MusterError as error:
            self._tell(self._fail, error)
            self._stopping.set()

    def _fail(self, error: MusterError) -> None:
        if not self.failed.done():
            self.failed.set_exception(error)

    def _tell(self, callback: Callable[..., object], *arguments: object) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(callback, *arguments)
