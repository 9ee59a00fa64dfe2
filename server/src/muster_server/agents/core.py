"""Presence: four facts with times, and the state derived from them. Nothing here is ever stored as a state.

process    its heartbeats come in time          commands   its command stream is open
consumer   it takes from its queue              work       a run holds a slot
"""

from dataclasses import dataclass, field, replace

from muster_shared_models.agents import AgentState, Fact, FactState, Offence, Presence, RunBrief
from muster_shared_models.model import from_ms

__all__ = [
    "BEATS_KEPT", "Beat", "Facts", "Lifecycle", "Quarantined", "beat", "cut_off", "next_look", "presence",
    "tick", "with_runs",
]  # fmt: skip

#: Heartbeats late before doubt, and before an agent counts as lost.
SUSPECT_AFTER = 2.0
LOST_AFTER = 3.0
#: How many loads are kept: ten minutes at five seconds.
BEATS_KEPT = 120
#: An event loop later than this is worth saying.
LAG_MS = 2_000

#: An agent that has not heard the server for 45 s begins nothing more; its last heartbeat may have been later.
LEASE_MS = 50_000

Lifecycle = str  # running, paused, draining, stopping or failed


@dataclass(frozen=True, slots=True)
class Beat:
    """What an agent says with one heartbeat. Times in milliseconds; `load` in percent."""

    started_at: int
    load: int
    consumer: bool
    slots: int
    runs: tuple[RunBrief, ...]
    last_line: str
    lag_ms: int
    lifecycle: Lifecycle


@dataclass(frozen=True, slots=True)
class Quarantined:
    """Since when an agent is cut off, for what, in words, and who saw it."""

    at: int
    offence: Offence
    detail: str
    by: str


@dataclass(frozen=True, slots=True)
class Facts:
    """All that presence is derived from. A time of 0 is "never" or "not now"."""

    interval_ms: int
    known_since: int
    last_beat_at: int = 0
    stream_since: int = 0
    stream_lost_at: int = 0
    commands_since: int = 0
    commands_lost_at: int = 0
    consumer_since: int = 0
    consumer_lost_at: int = 0
    busy_since: int = 0
    idle_since: int = 0
    beat: Beat | None = None
    loads: tuple[int, ...] = field(default=())
    quarantined: Quarantined | None = None


def beat(facts: Facts, said: Beat, now: int) -> Facts:
    """Return the facts after a heartbeat."""
    consumer_since, consumer_lost = facts.consumer_since, facts.consumer_lost_at
    if said.consumer and not consumer_since:
        consumer_since, consumer_lost = now, 0
    elif not said.consumer and (consumer_since or not consumer_lost):
        consumer_since, consumer_lost = 0, now
    return replace(
        facts,
        last_beat_at=now,
        consumer_since=consumer_since,
        consumer_lost_at=consumer_lost,
        beat=said,
        loads=(*facts.loads, said.load)[-BEATS_KEPT:],
    )


def cut_off(facts: Facts, quarantined: Quarantined | None, now: int) -> Facts:
    """Return the facts of an agent that is cut off, or let back in: it has to attach anew either way."""
    return replace(facts, quarantined=quarantined, consumer_since=0, consumer_lost_at=now)


def with_runs(facts: Facts, runs: tuple[RunBrief, ...], now: int) -> Facts:
    """Return the facts with the runs that the agent holds, as far as both sides know."""
    if facts.beat is None:
        return facts
    busy, idle = facts.busy_since, facts.idle_since
    if runs and not busy:
        busy, idle = now, 0
    elif not runs and not idle:
        busy, idle = 0, now
    return replace(facts, beat=replace(facts.beat, runs=runs), busy_since=busy, idle_since=idle)


def tick(facts: Facts, now: int) -> Facts:
    """Return the facts with a miss noted for every interval since the last heartbeat (and no more than are kept)."""
    due = facts.last_beat_at + int(facts.interval_ms * 1.5)
    if not facts.last_beat_at or now < due or (len(facts.loads) >= BEATS_KEPT and facts.loads[-1] == -1):
        return facts
    trailing = 0
    for load in reversed(facts.loads):
        if load != -1:
            break
        trailing += 1
    missed = (now - due) // facts.interval_ms + 1 - trailing
    return replace(facts, loads=(*facts.loads, *([-1] * missed))[-BEATS_KEPT:]) if missed > 0 else facts


def next_look(facts: Facts, now: int) -> int:
    """Return when the state may change although nothing is heard."""
    heard = facts.last_beat_at or facts.known_since
    moments = (heard + int(facts.interval_ms * part) for part in (1.5, SUSPECT_AFTER, LOST_AFTER))
    return min((moment for moment in moments if moment > now), default=now + facts.interval_ms)


def presence(facts: Facts, now: int) -> Presence:
    """Derive the state, its reason and the four facts as people see them."""
    said = facts.beat
    alive = _alive(facts, now)
    state, reason, since = _state(facts, now, alive)
    runs = said.runs if said else ()
    slots = said.slots if said else 0
    return Presence(
        state=state,
        reason=reason,
        since=from_ms(since),
        process=Fact(
            state=alive, since=_when(facts.stream_since or facts.last_beat_at), says=_process_says(facts, alive)
        ),
        commands=_stream_fact(alive, facts.commands_since, facts.commands_lost_at, "stream open", "no stream"),
        consumer=_stream_fact(alive, facts.consumer_since, facts.consumer_lost_at, "attached", "does not take"),
        work=Fact(
            state=_if_alive(alive, holds=bool(runs)),
            since=_when(facts.busy_since or facts.idle_since),
            says=f"{len(runs)} of {slots} slot{'s' if slots != 1 else ''}" if said else "not heard yet",
        ),
    )  # fmt: skip


def _when(milliseconds: int):  # type: ignore[no-untyped-def]
    return from_ms(milliseconds) if milliseconds else None


def _alive(facts: Facts, now: int) -> FactState:
    if facts.quarantined:
        return FactState.UNKNOWN  # nothing that it says is listened to
    heard = facts.last_beat_at or facts.known_since
    if now - heard >= facts.interval_ms * LOST_AFTER or _ended_cleanly(facts):
        return FactState.HOLDS_NOT
    if not facts.last_beat_at or not facts.stream_since or now - heard >= facts.interval_ms * SUSPECT_AFTER:
        return FactState.UNKNOWN
    return FactState.HOLDS


def may_act(facts: Facts, now: int) -> bool:
    """Tell whether an agent may be at work: it can be told to stop, or was heard so lately that it goes on without."""
    heard = facts.last_beat_at or facts.known_since
    return bool(facts.commands_since) or (now - heard < LEASE_MS and not _ended_cleanly(facts))


def _ended_cleanly(facts: Facts) -> bool:
    return bool(facts.beat and facts.beat.lifecycle == "stopping" and not facts.stream_since)


def _if_alive(alive: FactState, *, holds: bool) -> FactState:
    if alive is not FactState.HOLDS:
        return alive
    return FactState.HOLDS if holds else FactState.HOLDS_NOT


def _stream_fact(alive: FactState, since: int, lost_at: int, yes: str, no: str) -> Fact:
    state = _if_alive(alive, holds=bool(since))
    says = {FactState.HOLDS: yes, FactState.HOLDS_NOT: no, FactState.UNKNOWN: "cannot be checked now"}[state]
    return Fact(state=state, since=_when(since or lost_at), says=says)


def _process_says(facts: Facts, alive: FactState) -> str:
    if alive is FactState.HOLDS_NOT:
        return "ended on request" if _ended_cleanly(facts) else "no heartbeat"
    if facts.quarantined:
        return "kept out"
    if alive is FactState.UNKNOWN:
        return "connection lost" if facts.stream_lost_at and not facts.stream_since else "heartbeat late"
    lag = facts.beat.lag_ms if facts.beat else 0
    every = f"a heartbeat every {facts.interval_ms / 1000:g} s"
    return f"{every}, its event loop is blocked for {lag / 1000:.1f} s" if lag > LAG_MS else every


def _state(facts: Facts, now: int, alive: FactState) -> tuple[AgentState, str, int]:
    if facts.quarantined:
        return AgentState.QUARANTINED, facts.quarantined.detail, facts.quarantined.at
    said = facts.beat
    heard = facts.last_beat_at or facts.known_since
    if alive is FactState.HOLDS_NOT:
        reason = "ended on request" if _ended_cleanly(facts) else "its heartbeats stopped"
        return AgentState.LOST, reason if facts.last_beat_at else "not heard since the server started", heard
    if alive is FactState.UNKNOWN or said is None:
        return _doubt(facts, now, heard)
    if said.lifecycle == "failed":
        return AgentState.FAILED, said.last_line or "it reports a failure", facts.last_beat_at
    if not facts.consumer_since and now - facts.consumer_lost_at >= facts.interval_ms * SUSPECT_AFTER:
        return AgentState.SUSPECT, "alive, but it does not take from its queue", facts.consumer_lost_at
    return _working(facts, said)


def _working(facts: Facts, said: Beat) -> tuple[AgentState, str, int]:
    also = "" if facts.commands_since else "; its command stream is down"
    if said.lifecycle == "draining":
        return AgentState.DRAINING, f"finishes {len(said.runs)} of its runs and takes no more", facts.last_beat_at
    if said.lifecycle == "paused":
        return AgentState.PAUSED, "takes nothing in", facts.last_beat_at
    if said.runs:
        return AgentState.BUSY, ", ".join(run.title for run in said.runs[:2]) + also, facts.busy_since
    return AgentState.IDLE, (said.last_line or "no work") + also, facts.idle_since


def _doubt(facts: Facts, now: int, heard: int) -> tuple[AgentState, str, int]:
    late = (now - heard) // facts.interval_ms
    if not facts.last_beat_at:
        return AgentState.SUSPECT, "not heard yet", facts.known_since
    if not facts.stream_since:
        return AgentState.SUSPECT, "its connection was lost", facts.stream_lost_at or heard
    return AgentState.SUSPECT, f"{late} heartbeat{'s' if late != 1 else ''} late", heard
