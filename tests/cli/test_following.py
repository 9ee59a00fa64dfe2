"""What `send` and `run` make of what the server says, frame by frame: nothing twice, nothing left out."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from muster_cli import live as live_module
from muster_cli.verbs import run as run_verb
from muster_cli.verbs import send as send_verb
from muster_shared_models.commands import CommandView, TargetState, TargetView
from muster_shared_models.problems import MusterError, Reason

AT = "2026-11-21T10:00:00.000Z"


class Script:
    """A socket that says what it was given, and remembers what it was told."""

    def __init__(self, frames: Iterable[dict[str, Any]]) -> None:
        self.frames = list(frames)
        self.sent: list[dict[str, Any]] = []

    async def send(self, **frame: Any) -> None:
        self.sent.append(frame)

    async def next(self, _: float | None = None) -> dict[str, Any]:
        return self.frames.pop(0)


def numbered(seq: int, **event: Any) -> dict[str, Any]:
    return {"op": "event", "seq": seq, "event": event}


def in_run(seq: int, kind: str, run_id: str = "run_1", **fields: Any) -> dict[str, Any]:
    return numbered(seq, kind=kind, run_id=run_id, attempt=fields.pop("attempt", 1), **fields)


def piece(offset: int, delta: str, attempt: int = 1) -> dict[str, Any]:
    event = {"kind": "TEXT_MESSAGE_CONTENT", "run_id": "run_1", "attempt": attempt, "offset": offset, "delta": delta}
    return {"op": "passing", "event": event}


def snapshot(*frames: dict[str, Any], drafts: Iterable[dict[str, Any]] = ()) -> dict[str, Any]:
    events = [{"seq": frame["seq"], "at": AT, "event": frame["event"]} for frame in frames]
    return {"op": "snapshot", "data": {"snapshot": {"events": events, "drafts": list(drafts)}}}


async def talk(*frames: dict[str, Any], as_json: bool = False) -> Script:
    script = Script(frames)
    follower = send_verb._Talk(as_json=as_json)
    follower.begin("run_1")
    await follower.follow(script, "conversation:cnv_1", 5)  # type: ignore[arg-type]
    assert not script.frames
    return script


async def test_a_resync_begins_anew_without_saying_anything_twice(capsys: pytest.CaptureFixture[str]) -> None:
    tool = in_run(2, "TOOL_CALL_START", title="Runs", subject="ls", tool_call_id="t")
    result = in_run(3, "TOOL_CALL_RESULT", tool_call_id="t", output="a\n")
    script = await talk(
        snapshot(in_run(1, "USER_MESSAGE"), tool),
        result,
        piece(0, "so "),
        {"op": "resync"},
        snapshot(tool, result, drafts=[{"run_id": "run_1", "attempt": 1, "text": "so far", "tools": []}]),
        piece(6, " so good"),
        in_run(4, "TEXT_MESSAGE_END", text="so far so good"),
        in_run(5, "RUN_FINISHED"),
    )

    told = capsys.readouterr()
    assert told.out == "a\nso far so good\n"
    assert told.err == "Runs: ls\n"
    assert [frame["op"] for frame in script.sent] == ["subscribe", "subscribe"]


async def test_a_new_attempt_is_shown_from_its_first_piece(capsys: pytest.CaptureFixture[str]) -> None:
    await talk(
        in_run(1, "RUN_STARTED"),
        piece(0, "first"),
        in_run(2, "RUN_STARTED", attempt=2),
        piece(0, "second", attempt=2),
        piece(5, " late"),
        in_run(3, "TEXT_MESSAGE_END", attempt=2, text="second"),
        in_run(4, "RUN_FINISHED", attempt=2),
    )

    assert capsys.readouterr().out == "first\nsecond\n"


async def test_many_may_answer_before_it_is_known_that_they_do(capsys: pytest.CaptureFixture[str]) -> None:
    branches = [{"run_id": f"run_1~{name}", "agent_id": name, "agent_name": name} for name in ("a", "b")]
    await talk(
        in_run(1, "TEXT_MESSAGE_END", "run_1~a", text="hi"),
        in_run(2, "RUN_FINISHED", "run_1~a"),
        in_run(3, "RUN_FANNED_OUT", branches=branches),
        in_run(4, "RUN_QUEUED", "run_1~b", detail="b is away"),
        in_run(5, "RUN_ERROR", "run_1~b", reason="expired", message="too late", hint=""),
    )

    told = capsys.readouterr()
    assert told.out == "a: hi\n"
    assert told.err.splitlines() == ["b is away", "b: too late"]


async def test_what_the_run_ends_with_is_raised_and_other_runs_are_none_of_our_business() -> None:
    with pytest.raises(MusterError) as failed:
        await talk(
            in_run(1, "RUN_ERROR", "run_other", reason="internal", message="not ours", hint=""),
            in_run(2, "RUN_ERROR", reason="model_failed", message="no answer", hint="wait"),
        )
    assert failed.value.reason is Reason.MODEL_FAILED
    assert (failed.value.detail, failed.value.hint) == ("no answer", "wait")


async def test_for_programs_only_events_are_written(capsys: pytest.CaptureFixture[str]) -> None:
    await talk(piece(0, "x"), in_run(1, "TEXT_MESSAGE_END", text="x"), in_run(2, "RUN_FINISHED"), as_json=True)

    told = capsys.readouterr()
    assert [line[9:14] for line in told.out.splitlines()] == ["TEXT_", "TEXT_", "RUN_F"]
    assert told.err == ""


# ---- commands


def target(state: str = "stored", agent_id: str = "agt_1", **facts: Any) -> dict[str, Any]:
    view = TargetView(agent_id=agent_id, agent_name=agent_id[-1:], state=TargetState(state), **facts)
    return {"kind": "TARGET_CHANGED", "target": view.model_dump(mode="json")}


def output(seq: int, text: str, stream: str = "stdout", agent_id: str = "agt_1", dropped: int = 0) -> dict[str, Any]:
    return numbered(seq, kind="OUTPUT", agent_id=agent_id, stream=stream, text=text, offset=0, dropped=dropped)


class History:
    """A server that has all events of the command."""

    def __init__(self, *frames: dict[str, Any], page: int = 200) -> None:
        self.items = [{"seq": frame["seq"], "event": frame["event"]} for frame in frames]
        self.page = page
        self.away = 0

    def get(self, _: str, *, after: int, limit: int) -> dict[str, Any]:
        if self.away:
            self.away -= 1
            raise MusterError(Reason.UNAVAILABLE, "The server does not answer.")
        return {"items": [item for item in self.items if item["seq"] > after][: min(limit, self.page)]}


async def command(
    monkeypatch: pytest.MonkeyPatch, history: History, *frames: dict[str, Any], agents: tuple[str, ...] = ("agt_1",)
) -> int:
    """Follow a command and return the exit code."""

    @asynccontextmanager
    async def live(_: object) -> AsyncIterator[Script]:
        yield Script(frames)

    monkeypatch.setattr(live_module, "live", live)
    targets = [target(agent_id=agent_id)["target"] for agent_id in agents]
    view = {"id": "cmd_1", "to": "all:*", "argv": ["x"], "shell": "", "by": "", "created_at": AT, "expires_at": AT}
    followed = run_verb._Command(
        history, CommandView.model_validate({**view, "timeout_s": 1, "targets": targets}), as_json=False  # type: ignore[arg-type]
    )  # fmt: skip
    await followed.follow()
    return run_verb._exit_code(list(followed.ended.values()))


async def test_output_that_a_snapshot_has_no_room_for_is_fetched(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = [output(seq, f"{seq} ") for seq in range(1, 10)]
    end = numbered(10, **target("done", exit_code=0))

    assert await command(monkeypatch, History(*said, page=2), snapshot(*said[6:]), end) == 0
    assert capsys.readouterr().out == "1 2 3 4 5 6 7 8 9 "


async def test_a_server_that_goes_away_while_output_is_fetched_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = [output(seq, f"{seq} ") for seq in range(1, 4)]
    monkeypatch.setattr(live_module, "AGAIN_S", 0.01)
    history = History(*said)
    history.away = 1

    assert await command(monkeypatch, history, snapshot(*said[2:]), numbered(4, **target("done", exit_code=0))) == 0
    assert capsys.readouterr() == ("1 2 3 ", "the connection to the server ended: trying again\n")


async def test_a_slow_reader_misses_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = [output(seq, f"{seq} ") for seq in range(1, 8)]
    end = numbered(8, **target("failed", exit_code=3))
    frames = (snapshot(), said[0], {"op": "resync"}, snapshot(*said[4:6]), said[5], said[6], end)

    assert await command(monkeypatch, History(*said), *frames) == 3
    assert capsys.readouterr().out == "1 2 3 4 5 6 7 "


async def test_what_was_left_out_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    frames = (output(1, "x\n", dropped=42), numbered(2, **target("done", exit_code=0)))

    assert await command(monkeypatch, History(), *frames) == 0
    assert capsys.readouterr() == ("x\n", "42 bytes of output were left out\n")


async def test_lines_of_many_are_not_torn(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    frames = (
        output(1, "one, ", agent_id="agt_a"),
        output(2, "two\n", agent_id="agt_b"),
        output(3, "three\nfour", agent_id="agt_a"),
        output(4, "oh", "stderr", agent_id="agt_a"),
        numbered(5, **target("done", "agt_a", exit_code=0)),
        numbered(6, **target("refused", "agt_b", detail="no", reason=Reason.COMMAND_REFUSED)),
    )

    assert await command(monkeypatch, History(), *frames, agents=("agt_a", "agt_b")) == 1
    told = capsys.readouterr()
    assert told.out == "b: two\na: one, three\na: four\n"
    assert told.err == "a: oh\na: exit 0\nb: refused: no\n"


@pytest.mark.parametrize(
    ("state", "facts", "code"),
    [
        ("done", {"exit_code": 0}, 0),
        ("failed", {"exit_code": 7}, 7),
        ("failed", {"exit_code": -15}, 128 + 15),
        ("failed", {"detail": "no such program"}, 1),
        ("stopped", {"exit_code": -15, "reason": Reason.STOPPED}, 1),
        ("timed_out", {"exit_code": -9, "reason": Reason.TIMED_OUT}, 5),
        ("expired", {"reason": Reason.EXPIRED}, 5),
        ("refused", {"reason": Reason.COMMAND_REFUSED}, 4),
        ("interrupted", {"reason": Reason.INTERRUPTED}, 1),
    ],
)
def test_exit_codes(state: str, facts: dict[str, Any], code: int) -> None:
    view = TargetView.model_validate(target(state, **facts)["target"])

    assert run_verb._exit_code([view]) == code
    assert run_verb._exit_code([view, view]) == (0 if code == 0 else 1)


# ---- a server that goes away


def breaking(monkeypatch: pytest.MonkeyPatch, *sockets: Script | None) -> list[Script]:
    """Let each connection be the next of these; None: the server is not there."""
    opened: list[Script] = []
    left = list(sockets)

    @asynccontextmanager
    async def live(_: object) -> AsyncIterator[Script]:
        script = left.pop(0)
        if script is None:
            raise live_module._Lost("The server does not answer.")
        opened.append(script)
        yield script

    monkeypatch.setattr(live_module, "live", live)
    monkeypatch.setattr(live_module, "AGAIN_S", 0.01)
    return opened


class Broken(Script):
    """A socket that breaks when it has said everything."""

    async def next(self, _: float | None = None) -> dict[str, Any]:
        if not self.frames:
            raise live_module._Lost("The connection to the server ended.")
        return self.frames.pop(0)


ACCEPTED = {"op": "accepted", "sent": {"conversation": "cnv_1", "run_id": "run_1"}}


async def converse(timeout_s: int = 5) -> None:
    server: Any = None
    await send_verb._converse(server, {"text": "x", "to": "agent:a"}, send_verb._Talk(as_json=False), timeout_s)


async def test_an_answer_goes_on_where_it_was_when_the_server_is_back(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    begun = {**snapshot(in_run(1, "USER_MESSAGE"), in_run(2, "RUN_STARTED")), "epoch": "e1"}
    rest = (in_run(3, "TEXT_MESSAGE_END", text="so far so good"), in_run(4, "RUN_FINISHED"))
    opened = breaking(
        monkeypatch,
        Broken([ACCEPTED, begun, piece(0, "so far")]), None, None,
        Script([{"op": "resumed", "epoch": "e1", "seq": 2}, piece(0, "so far"), *rest]),
    )  # fmt: skip
    await converse()

    assert capsys.readouterr() == (
        "so far so good\n", "the connection to the server ended: trying again\ncnv_1\n",
    )  # fmt: skip
    assert [frame["op"] for frame in opened[1].sent] == ["subscribe"]
    assert (opened[1].sent[0]["epoch"], opened[1].sent[0]["since"]) == ("e1", 2)


async def test_a_message_that_may_not_have_been_accepted_is_sent_again_as_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened = breaking(monkeypatch, Broken([]), Script([ACCEPTED, in_run(1, "RUN_FINISHED")]))
    await converse()

    refs = [frame["ref"] for script in opened for frame in script.sent if frame["op"] == "chat.send"]
    assert len(refs) == 2
    assert len(set(refs)) == 1


async def test_a_server_that_stays_away_is_an_error_and_one_that_never_was_there_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    breaking(monkeypatch, Broken([ACCEPTED]), *[None] * 200)
    with pytest.raises(MusterError) as failed:
        await converse(timeout_s=0)
    assert failed.value.reason is Reason.UNAVAILABLE
    opened = breaking(monkeypatch, None, Script([]))
    with pytest.raises(MusterError):
        await converse()
    assert not opened


async def test_a_program_is_followed_through_a_restart(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = [output(seq, f"{seq} ") for seq in range(1, 6)]
    end = numbered(6, **target("done", exit_code=0))
    breaking(monkeypatch, Broken(said[:2]), Script([snapshot(said[4]), end]))
    view = {"id": "cmd_1", "to": "all:*", "argv": ["x"], "shell": "", "by": "", "created_at": AT, "expires_at": AT}
    targets = [target()["target"]]
    history: Any = History(*said)
    shown = CommandView.model_validate({**view, "timeout_s": 1, "targets": targets})
    await run_verb._Command(history, shown, as_json=False).follow()

    assert capsys.readouterr().out == "1 2 3 4 5 "
