"""What became of commands and stops: every broken promise is seen, and nothing else."""

from typing import Any

import pytest

from tests.chaos.orders import Order, check_orders, check_stops

REF = "ordered/1"
WHOLE = f"one {REF}\ntwo {REF}\n"


def changed(state: str) -> dict[str, Any]:
    return {"kind": "TARGET_CHANGED", "target": {"agent_id": "agt_1", "state": state}}


def printed(text: str, offset: int = 0, dropped: int = 0) -> dict[str, Any]:
    return {"kind": "OUTPUT", "agent_id": "agt_1", "text": text, "offset": offset, "dropped": dropped}


def command(state: str, *events: dict[str, Any], stopped: bool = False, detail: str = "") -> Order:
    target = {"agent_id": "agt_1", "agent_name": "parrot", "state": state, "detail": detail}
    return Order(REF, "cmd_1", stop_asked=stopped, view={"targets": [target]}, events=list(events))


BEGAN, ENDED = "agt_1/cmd_1 began", "agt_1/cmd_1 ended"
RAN = (BEGAN, ENDED)
DONE = (changed("running"), printed(WHOLE), changed("done"))


@pytest.mark.parametrize(
    ("order", "lines"),
    [
        (command("done", *DONE), RAN),
        (command("done", changed("running"), printed(WHOLE[:5]), printed("", 28, 23), changed("done")), RAN),
        (command("stopped", changed("stopped"), stopped=True), (BEGAN,)),
        (command("expired", changed("expired"), stopped=True), ()),
        (command("interrupted", changed("interrupted")), (BEGAN,)),
        (command("stopped", changed("stopped"), detail="The agent was stopped."), (BEGAN,)),
    ],
)  # fmt: skip
def test_what_may_be_is_no_problem(order: Order, lines: tuple[str, ...]) -> None:
    assert list(check_orders([order], lines, interrupted=1)) == []


@pytest.mark.parametrize(
    ("order", "lines", "kind"),
    [
        (Order(REF), (), "lost"),
        (command("running", changed("running")), (BEGAN,), "unfinished"),
        (command("done", *DONE[:2]), RAN, "ended_twice"),
        (command("done", *DONE[:2], changed("interrupted"), changed("done")), RAN, "ended_twice"),
        (command("done", *DONE), (BEGAN, *RAN), "executed_twice"),
        (command("done", *DONE), (), "unexpected"),
        (command("expired", changed("expired"), stopped=True), (BEGAN,), "unexpected"),
        (command("done", changed("running"), printed(WHOLE[:5]), changed("done")), RAN, "text_differs"),
        (command("done", printed(WHOLE[:5]), printed(WHOLE[5:], 4), changed("done")), RAN, "text_differs"),
        (command("failed", changed("failed")), (BEGAN,), "failed"),
        (command("stopped", changed("stopped")), (BEGAN,), "failed"),
        (command("interrupted", changed("interrupted")), (BEGAN,), "failed"),
        (command("stopped", changed("stopped"), detail="The agent was stopped."), (BEGAN,), "failed"),
        (command("done", *DONE), (*RAN, "agt_1/cmd_2 began"), "unexpected"),
    ],
)
def test_what_may_not_be_is_seen(order: Order, lines: tuple[str, ...], kind: str) -> None:
    assert kind in [problem.kind for problem in check_orders([order], lines, interrupted=0)]


def run(*ends: dict[str, Any], stopped: bool = False, ended_at: float = 0.0) -> Order:
    events = [{"run_id": "run_1", **end} for end in ends]
    return Order(REF, "run_1", stop_asked=stopped, ended_at=ended_at, events=events)


FINISHED, ERROR = {"kind": "RUN_FINISHED"}, {"kind": "RUN_ERROR"}


@pytest.mark.parametrize(
    ("order", "acted", "kinds"),
    [
        (run(FINISHED, ended_at=2.0), [1.0], []),
        (run({**ERROR, "reason": "stopped"}, stopped=True, ended_at=1.0), [], []),
        (run({**ERROR, "reason": "stopped"}, stopped=True, ended_at=1.0), [1.5], ["began_after_end"]),
        (run({**ERROR, "reason": "stopped"}), [], ["failed"]),
        (run({**ERROR, "reason": "interrupted"}), [1.0], ["failed"]),
        (run({**ERROR, "reason": "agent_failed"}), [1.0], ["failed"]),
        (run(FINISHED), [], ["not_executed"]),
        (run(FINISHED), [1.0, 2.0], ["executed_twice", "not_executed"]),
        (run(), [1.0], ["unfinished"]),
        (run(FINISHED, FINISHED), [1.0], ["ended_twice"]),
        (Order(REF), [], ["lost"]),
    ],
)
def test_runs_end_once_and_do_nothing_afterwards(order: Order, acted: list[float], kinds: list[str]) -> None:
    assert [problem.kind for problem in check_stops([order], {"run_1": acted}, interrupted=0)] == kinds
