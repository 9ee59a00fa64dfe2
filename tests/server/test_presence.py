"""Presence is derived from four facts with times, and says why."""

from dataclasses import replace

import pytest

from muster_server.agents import core
from muster_server.agents.core import Beat, Facts
from muster_shared_models.agents import AgentState, FactState, RunBrief

INTERVAL = 5_000
T0 = 1_000_000

BEAT = Beat(started_at=T0, load=10, consumer=True, slots=2, runs=(), last_line="", lag_ms=0, lifecycle="running")
RUN = RunBrief(run_id="run_1", conversation="cnv_1", title="answers a message", started_at=None)


def alive(now: int = T0, **beat: object) -> Facts:
    facts = Facts(interval_ms=INTERVAL, known_since=T0, stream_since=T0, commands_since=T0)
    said = replace(BEAT, **beat)  # type: ignore[arg-type]
    return core.with_runs(core.beat(facts, said, now), said.runs, now)


@pytest.mark.parametrize(
    ("facts", "after_ms", "state", "reason"),
    [
        (alive(), 1_000, AgentState.IDLE, "no work"),
        (alive(last_line="ran ls"), 1_000, AgentState.IDLE, "ran ls"),
        (alive(runs=(RUN,)), 1_000, AgentState.BUSY, "answers a message"),
        (alive(lifecycle="paused"), 1_000, AgentState.PAUSED, "takes nothing in"),
        (alive(lifecycle="draining", runs=(RUN,)), 1_000, AgentState.DRAINING, "finishes 1 of its runs"),
        (alive(lifecycle="failed", last_line="disk full"), 1_000, AgentState.FAILED, "disk full"),
        (alive(), 10_000, AgentState.SUSPECT, "2 heartbeats late"),
        (alive(), 15_000, AgentState.LOST, "its heartbeats stopped"),
        (replace(alive(), stream_since=0, stream_lost_at=T0), 100, AgentState.SUSPECT, "its connection was lost"),
        (replace(alive(lifecycle="stopping"), stream_since=0), 100, AgentState.LOST, "ended on request"),
        (replace(alive(), commands_since=0), 100, AgentState.IDLE, "its command stream is down"),
        (alive(consumer=False), 0, AgentState.IDLE, "no work"),
        (Facts(interval_ms=INTERVAL, known_since=T0), 100, AgentState.SUSPECT, "not heard yet"),
        (Facts(interval_ms=INTERVAL, known_since=T0), 15_000, AgentState.LOST, "not heard since the server started"),
    ],
)
def test_the_state_follows_from_the_facts(facts: Facts, after_ms: int, state: AgentState, reason: str) -> None:
    shown = core.presence(facts, T0 + after_ms)
    assert shown.state is state
    assert reason in shown.reason


def test_an_agent_that_beats_but_does_not_consume_becomes_suspect() -> None:
    facts = alive(consumer=False)
    for beat in range(1, 4):
        facts = core.beat(facts, replace(BEAT, consumer=False), T0 + beat * INTERVAL)

    shown = core.presence(facts, T0 + 3 * INTERVAL)

    assert shown.state is AgentState.SUSPECT
    assert "does not take from its queue" in shown.reason
    assert shown.process.state is FactState.HOLDS
    assert shown.consumer.state is FactState.HOLDS_NOT


def test_what_cannot_be_checked_is_unknown_and_what_is_over_holds_not() -> None:
    suspect = core.presence(alive(), T0 + 10_000)
    lost = core.presence(alive(), T0 + 15_000)
    assert {f.state for f in (suspect.process, suspect.commands, suspect.consumer, suspect.work)} == {FactState.UNKNOWN}
    assert {f.state for f in (lost.process, lost.commands, lost.consumer, lost.work)} == {FactState.HOLDS_NOT}


def test_a_blocked_event_loop_is_said() -> None:
    assert "event loop is blocked for 12.0 s" in core.presence(alive(lag_ms=12_000), T0).process.says


def test_missed_heartbeats_leave_gaps_one_for_each_interval() -> None:
    facts = alive()
    for now in range(T0, T0 + 26_000, 250):
        facts = core.tick(facts, now)
    assert facts.loads == (10, -1, -1, -1, -1)
    assert core.beat(facts, BEAT, T0 + 26_000).loads[-1] == 10


def test_loads_are_bounded() -> None:
    facts = core.tick(alive(), T0 + 10_000_000)
    assert len(facts.loads) == core.BEATS_KEPT
    assert core.tick(facts, T0 + 20_000_000) is facts


def test_the_next_look_is_before_the_state_changes() -> None:
    facts = alive()
    assert core.next_look(facts, T0) == T0 + 7_500
    assert core.next_look(facts, T0 + 7_500) == T0 + 10_000
    assert core.next_look(facts, T0 + 10_000) == T0 + 15_000


def test_work_keeps_its_begin_over_heartbeats() -> None:
    busy = alive(runs=(RUN,))
    later = core.with_runs(core.beat(busy, replace(BEAT, runs=(RUN,)), T0 + INTERVAL), (RUN,), T0 + INTERVAL)
    assert later.busy_since == T0
    idle = core.with_runs(later, (), T0 + 9_000)
    assert (idle.busy_since, idle.idle_since) == (0, T0 + 9_000)


@pytest.mark.parametrize(
    ("facts", "after_ms", "may"),
    [
        (alive(), 3_600_000, True),
        (replace(alive(), commands_since=0, stream_since=0), core.LEASE_MS - 1, True),
        (replace(alive(), commands_since=0, stream_since=0), core.LEASE_MS, False),
        (replace(alive(lifecycle="stopping"), commands_since=0, stream_since=0), 1, False),
        (Facts(interval_ms=INTERVAL, known_since=T0), core.LEASE_MS - 1, True),
        (Facts(interval_ms=INTERVAL, known_since=T0), core.LEASE_MS, False),
    ],
    ids=["its line stands", "heard lately", "silent for long", "ended", "the server has just begun", "not heard since"],
)
def test_an_agent_may_act_while_it_can_be_told_or_its_lease_may_hold(facts: Facts, after_ms: int, may: bool) -> None:
    assert core.may_act(facts, T0 + after_ms) is may
