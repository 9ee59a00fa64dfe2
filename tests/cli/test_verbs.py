"""The verbs against everything running: data on stdout, words on stderr, JSON that programs can read."""

import json
import signal
import subprocess

import psutil
import pytest

from muster_shared_models.agents import AgentView
from muster_shared_models.system import JoinToken
from tests.cli.conftest import Here
from tests.cli.stack import COMMAND, Up, clean_environment, until


def test_agents_are_listed_for_people_and_for_programs(muster: Here) -> None:
    shown = muster("agents")
    assert shown.code == 0
    assert [line.split()[:2] for line in shown.out.splitlines()[1:]] == [["echo", "idle"], ["operator", "idle"]]
    assert not shown.err

    views = [AgentView.model_validate(each) for each in muster.objects("agents")]
    assert [view.description.name for view in views] == ["echo", "operator"]


def test_an_answer_is_data_and_the_conversation_is_talk(muster: Here) -> None:
    done = muster("send", "echo", "Hello, world!")

    assert (done.code, done.out) == (0, "Hello, world!\n")
    assert done.err.startswith("cnv_")


def test_a_conversation_goes_on(muster: Here) -> None:
    conversation = muster("send", "echo", "one").err.strip()
    again = muster("send", "echo", "two", "--conversation", conversation)

    assert (again.out, again.err.strip()) == ("two\n", conversation)


@pytest.mark.parametrize("command", [["run", "operator", "--json", "--", "true"], ["send", "echo", "--json", "x"]])
def test_it_ends_when_nobody_reads_what_it_prints(running: Up, command: list[str]) -> None:
    environment = clean_environment(MUSTER_DATA_DIR=str(running.data))
    with subprocess.Popen(
        [*COMMAND, *command], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as told:
        assert told.stdout
        assert told.stderr
        told.stdout.close()
        assert b"trying again" not in told.stderr.read()
        assert told.wait(40) != 0


def test_text_may_come_from_standard_input(running: Up) -> None:
    done = running("send", "echo", "-", said="from a pipe")

    assert (done.code, done.out) == (0, "from a pipe\n")


def test_an_answer_for_programs_is_its_events(muster: Here) -> None:
    kinds = [event["kind"] for event in muster.objects("send", "echo", "/slow a b c")]

    assert kinds[0] == "USER_MESSAGE"
    assert kinds.count("TEXT_MESSAGE_END") == 1
    assert kinds[-1] == "RUN_FINISHED"


def test_tools_are_told_and_their_output_is_data(muster: Here) -> None:
    done = muster("send", "any:name=operator", "/shell printf 'a\\nb\\n'")

    assert done.code == 0
    assert done.out.startswith("a\nb\n")
    assert "printf" in done.err


def test_a_message_to_many_prints_each_answer_under_its_name(muster: Here) -> None:
    done = muster("send", "all:*", "hi")

    assert done.code == 0
    assert "echo: hi\n" in done.out
    assert "operator: " in done.out
    events = muster.objects("send", "all:*", "hi")
    assert sum(event["kind"] == "RUN_FINISHED" for event in events) == 2


@pytest.mark.parametrize(
    ("arguments", "code", "out", "err"),
    [
        (("--", "sh", "-c", "echo out; echo err >&2; exit 7"), 7, "out\n", "err\n"),
        (("-c", "echo $((6*7))"), 0, "42\n", ""),
        (("--", "sh", "-c", "kill -9 $$"), 128 + 9, "", ""),
        (("--timeout", "1", "--", "sleep", "60"), 5, "", "timed_out"),
        (("--", "no-such-program"), 1, "", "no-such-program"),
    ],
)
def test_a_command_ends_as_its_program_did(
    muster: Here, arguments: tuple[str, ...], code: int, out: str, err: str
) -> None:
    done = muster("run", "operator", *arguments)

    assert (done.code, done.out) == (code, out)
    assert err in done.err


def test_a_commands_events_for_programs(muster: Here) -> None:
    events = muster.objects("run", "operator", "--json", "--", "echo", "--json")

    assert [event["text"] for event in events if event["kind"] == "OUTPUT"] == ["--json\n"]
    assert events[-1]["target"]["state"] == "done"


def test_output_comes_whole_however_many_pieces_it_has(muster: Here) -> None:
    program = "import sys\nfor n in range(30_000): sys.stdout.write(f'{n}\\n'); n % 50 or sys.stdout.flush()"
    done = muster("run", "operator", "--", "python3", "-c", program)

    assert done.code == 0, done.err
    assert done.out == "".join(f"{n}\n" for n in range(30_000))


def test_of_many_targets_whole_lines_come_under_their_names(muster: Here) -> None:
    done = muster("run", "all:*", "--", "sh", "-c", "printf a; sleep 0.2; printf 'b\\nc'; exit 3")

    assert done.code == 1
    assert sorted(done.out.splitlines()) == ["echo: ab", "echo: c", "operator: ab", "operator: c"]
    assert sorted(done.err.splitlines()) == ["echo: exit 3", "operator: exit 3"]


def test_a_join_token_is_data_and_how_to_use_it_is_talk(muster: Here) -> None:
    done = muster("token", "create", "--name", "lab-1")
    assert done.code == 0
    assert done.out.startswith("mj_")
    assert len(done.out.split()) == 1
    assert "muster agent --server" in done.err

    (made,) = muster.objects("token", "create", "--kind", "broker")
    assert JoinToken.model_validate(made).token.startswith("mb_")


def test_a_login_link_is_one_line(muster: Here) -> None:
    done = muster("token", "login")

    assert done.code == 0
    assert done.out.count("\n") == 1
    assert "/login#code=" in done.out
    assert set(muster.objects("token", "login")[0]) >= {"url"}


def interrupted(running: Up, *arguments: str, until_out: str) -> tuple[int, str]:
    """Run, press Ctrl-C when this has been printed, and return the exit code and what was said."""
    environment = clean_environment(MUSTER_DATA_DIR=str(running.data))
    with subprocess.Popen(
        [*COMMAND, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said = ""
        while until_out not in said:
            piece = process.stdout.read(1)
            assert piece, said
            said += piece
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    return process.returncode, err


def test_ctrl_c_stops_what_an_agent_says(running: Up, muster: Here) -> None:
    code, err = interrupted(running, "send", "echo", "/slow " + "word " * 2000, until_out="word")

    assert code == 130
    assert "stop requested" in err
    until(lambda: muster.objects("agents")[0]["presence"]["state"] == "idle", "the run was stopped")


def lives(number: int) -> bool:
    return psutil.pid_exists(number) and psutil.Process(number).status() != psutil.STATUS_ZOMBIE


def test_ctrl_c_stops_a_command_and_all_that_it_started(running: Up) -> None:
    script = "sleep 4711 & echo $! $$; sleep 4711"
    environment = clean_environment(MUSTER_DATA_DIR=str(running.data))
    with subprocess.Popen(
        [*COMMAND, "run", "operator", "--", "sh", "-c", script],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        numbers = [int(word) for word in process.stdout.readline().split()]
        assert all(lives(number) for number in numbers)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)

    assert process.returncode == 130
    assert err.split() == ["stop", "requested", "stopped"]
    assert not any(lives(number) for number in numbers)


def test_a_reader_that_leaves_is_no_accident(running: Up) -> None:
    piped = f"{' '.join(COMMAND)} agents --json | head -c 1; echo ${{PIPESTATUS[0]}}"
    environment = clean_environment(MUSTER_DATA_DIR=str(running.data))
    done = subprocess.run(
        ["bash", "-c", piped], env=environment, capture_output=True, text=True, timeout=30, check=True
    )

    assert done.stdout.startswith("{")
    assert "Traceback" not in done.stderr


def test_every_object_is_one_line_of_json(muster: Here) -> None:
    for arguments in (("agents",), ("doctor",), ("token", "create"), ("token", "login"), ("send", "echo", "a\nb")):
        out = muster(*arguments, "--json").out
        assert out.endswith("\n")
        assert all(isinstance(json.loads(line), dict) for line in out.splitlines())


def test_only_a_quarantined_agent_can_be_released(muster: Here) -> None:
    done = muster("agents", "release", "echo", "--json")
    assert (done.code, json.loads(done.out or done.err)["reason"]) == (1, "already_finished")
    done = muster("agents", "release", "nobody")
    assert done.code == 3
    assert "No agent is called 'nobody'" in done.err
