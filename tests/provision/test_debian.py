"""Packages are installed without questions and without their services being started."""

import os
import stat
from pathlib import Path

import pytest

from muster_cli.provision import debian
from muster_shared_models.problems import MusterError, Reason

APT = """#!/bin/sh
echo "$*" >> {log}
echo "frontend=$DEBIAN_FRONTEND runlevel=$RUNLEVEL proxy=$http_proxy" >> {log}
[ -x {policy} ] && {policy} postgresql start; echo "policy=$?" >> {log}
case "$*" in *nothing-of-this-name*) echo "E: Unable to locate package nothing-of-this-name" >&2; exit 100;; esac
"""


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An apt-get that notes how it was called; returns its notes."""
    log, program, policy = tmp_path / "log", tmp_path / "bin" / "apt-get", tmp_path / "policy-rc.d"
    program.parent.mkdir()
    program.write_text(APT.format(log=log, policy=policy))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    monkeypatch.setenv("http_proxy", "http://proxy:3128")
    monkeypatch.setattr(debian, "POLICY", policy)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return log


def test_a_package_is_installed_without_questions_and_its_service_stays_down(apt: Path) -> None:
    debian.install("rabbitmq-server")

    update, update_settings, update_policy, install, settings, policy = apt.read_text().splitlines()
    assert update == "-q -o DPkg::Lock::Timeout=300 update"
    assert install == "-q -o DPkg::Lock::Timeout=300 install -y --no-install-recommends rabbitmq-server"
    assert settings == update_settings == "frontend=noninteractive runlevel=1 proxy=http://proxy:3128"
    assert policy == update_policy == "policy=101"
    assert not debian.POLICY.exists()
    assert not list(debian.POLICY.parent.glob(".muster-policy-*"))


def test_a_policy_that_the_machine_has_is_left_alone(apt: Path) -> None:
    debian.POLICY.write_text("#!/bin/sh\nexit 0\n")
    debian.POLICY.chmod(0o755)

    debian.install("rabbitmq-server")

    assert apt.read_text().splitlines()[-1] == "policy=0"
    assert debian.POLICY.read_text() == "#!/bin/sh\nexit 0\n"
    assert stat.S_IMODE(debian.POLICY.stat().st_mode) == 0o755


def test_what_apt_says_at_its_end_is_what_people_read(apt: Path) -> None:
    with pytest.raises(MusterError) as failed:
        debian.install("nothing-of-this-name")

    assert apt.exists()
    assert failed.value.reason is Reason.TOOL_MISSING
    assert "Unable to locate package" in failed.value.detail
    assert not debian.POLICY.exists()


def test_without_root_it_says_what_to_run(apt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    with pytest.raises(MusterError) as refused:
        debian.install("chromium")

    assert not apt.exists()
    assert refused.value.hint == "Run: sudo apt-get install chromium"
