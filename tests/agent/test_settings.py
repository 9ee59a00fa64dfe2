"""Settings: from code, then the environment, then defaults; from no other variable; and secrets stay secret."""

from pathlib import Path

import pytest

from muster_agent.errors import BadSetting
from muster_agent.settings import AgentSettings, child_environment, load_settings


def test_code_wins_over_the_environment_and_that_over_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().server == "127.0.0.1:50051"
    monkeypatch.setenv("MUSTER_SERVER", "10.0.0.1:1")
    assert load_settings().server == "10.0.0.1:1"
    assert load_settings(server="10.0.0.2:2").server == "10.0.0.2:2"
    assert load_settings(server=None).server == "10.0.0.1:1"
    assert load_settings().with_values(server="10.0.0.3:3", name=None).server == "10.0.0.3:3"


def test_variables_of_other_programs_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for field, info in AgentSettings.model_fields.items():
        if field.upper() == info.validation_alias:
            continue
        monkeypatch.setenv(field.upper(), "from-somebody-else")
        monkeypatch.setenv(field, "from-somebody-else")
    assert load_settings() == AgentSettings()
    assert "from-somebody-else" not in repr(load_settings())


def test_lists_and_labels_are_written_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSTER_AGENT_LABELS", "site=lab, rack = 7")
    monkeypatch.setenv("MUSTER_AGENT_FETCH_LOCAL", "127.0.0.1:8123,wiki")
    settings = load_settings()
    assert settings.labels == {"site": "lab", "rack": "7"}
    assert settings.fetch_local == ["127.0.0.1:8123", "wiki"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MUSTER_SERVER", "no-port"), ("MUSTER_AGENT_COMMANDS", "maybe"), ("MUSTER_AGENT_SLOTS", "many"),
        ("MUSTER_AGENT_LABELS", "no-equals-sign"), ("MUSTER_AGENT_RUN_TIMEOUT", "-1"), ("MUSTER_LOG_LEVEL", "loud"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_told_by_its_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadSetting, match=name):
        load_settings()


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSTER_JOIN", "canary-1")
    monkeypatch.setenv("MISTRAL_API_KEY", "canary-2")
    settings = load_settings()
    assert "canary" not in repr(settings) + str(settings) + settings.model_dump_json()
    with pytest.raises(BadSetting) as caught:
        load_settings(server="bad", join="canary-3")
    assert "canary" not in caught.value.detail


def test_the_state_folder_is_the_users_own_by_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_settings().state_of("echo") == tmp_path / ".local" / "state" / "muster" / "echo"
    assert load_settings(state_dir=tmp_path / "x").state_of("echo") == tmp_path / "x"


def test_programs_see_a_list_of_variables_and_what_the_owner_adds(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MUSTER_X", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "LD_PRELOAD", "PYTHONPATH", "SSH_AUTH_SOCK"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("LC_ALL", "C")
    seen = child_environment(["GITHUB_TOKEN"], {"MARK": "1"})
    assert seen["MARK"] == "1"
    assert seen["LC_ALL"] == "C"
    assert "PATH" in seen
    assert {key for key, value in seen.items() if value == "secret"} == {"GITHUB_TOKEN"}
