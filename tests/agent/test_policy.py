"""The policy: what is not understood is refused."""

from pathlib import Path

import pytest

from muster_agent import AgentSettings, load_settings
from muster_agent.agent import Agent
from muster_agent.errors import BadSetting
from muster_agent.policy.core import Policy
from muster_agent.policy.store import policy_of
from muster_agent.tools.registry import TOOL_NAMES

SHELLS = [
    "git status; rm -rf /", "git $(id)", "git `id`", "git && id", "git || id", "git | id", "git > /etc/x", "git\nid",
    "git & id", "git ${x@P}", "git <(id)", "git{,}", "GIT", "git", " git", "sh -c git", "git #", "git *",
]  # fmt: skip
PROGRAMS = [
    ["/usr/bin/git"], ["git "], [" git"], ["git\n"], ["./git"], ["../bin/git"], ["gi", "t"], ["GIT"], ["git;id"],
    ["env", "git"], ["sh", "-c", "git"], ["git\0"], ["\uff47it"], [""], [],
]  # fmt: skip


def settings(tmp_path: Path, **values: object) -> AgentSettings:
    return load_settings(state_dir=tmp_path, **values)


def policy(tmp_path: Path, text: str | None = None, agent: Agent | None = None, **values: object) -> Policy:
    if text is not None:
        (tmp_path / "policy.toml").write_text(text)
    tools = (agent or Agent("x", tools=["read"])).tools
    return policy_of(settings(tmp_path, **values), tools, TOOL_NAMES, tmp_path / "policy.toml")


def test_without_a_file_the_agents_own_tools_are_allowed_and_no_others(tmp_path: Path) -> None:
    made = policy(tmp_path)
    assert made.refuses_tool("read") == ""
    assert made.refuses_tool("shell")
    assert made.refuses_tool("unheard-of")
    assert made.refuses_command(["ls"], "") == ""
    assert made.takes_commands


def test_the_file_widens_and_narrows(tmp_path: Path) -> None:
    made = policy(tmp_path, 'commands = "refuse"\n[tools]\nshell = "allow"\nread = "refuse"\n')
    assert made.refuses_tool("shell") == ""
    assert made.refuses_tool("read")
    assert made.refuses_command(["ls"], "")
    assert not made.takes_commands


def test_what_the_settings_refuse_no_file_allows(tmp_path: Path) -> None:
    made = policy(tmp_path, 'commands = "allow"\n', commands="refuse")
    assert made.refuses_command(["ls"], "")


@pytest.mark.parametrize("line", SHELLS)
def test_a_shell_line_is_never_on_a_list(tmp_path: Path, line: str) -> None:
    assert policy(tmp_path, 'commands = ["git"]').refuses_command([], line)


@pytest.mark.parametrize("argv", PROGRAMS)
def test_only_the_exact_first_word_is_on_a_list(tmp_path: Path, argv: list[str]) -> None:
    made = policy(tmp_path, 'commands = ["git"]')
    assert made.refuses_command(argv, "")
    assert made.refuses_command(["git", "status; id"], "") == ""


@pytest.mark.parametrize(
    "text",
    [
        'commands = "yes"', "commands = 1", "commands = [1]", 'commands = [""]', 'comands = "refuse"', "tools = 3",
        '[tools]\nshel = "refuse"', '[tools]\nshell = "ask"', "[tools]\nshell = true", "not toml at all", "= =",
    ],
)  # fmt: skip
def test_what_is_not_understood_stops_the_agent(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadSetting, match="not understood"):
        policy(tmp_path, text)


def test_a_policy_that_was_named_must_be_there_and_be_readable(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="no policy file"):
        policy(tmp_path, policy=tmp_path / "gone.toml")
    with pytest.raises(BadSetting, match="cannot be read"):
        policy(tmp_path, policy=tmp_path)


def test_an_agent_that_wants_an_unknown_tool_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="no tool 'teleport'"):
        policy(tmp_path, agent=Agent("x", tools=["teleport"]))
