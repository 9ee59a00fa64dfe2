"""Installs one Debian package by name, when this user may and the machine is of that family."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from muster_shared_models.problems import MusterError, Reason

__all__ = ["install", "may_install"]

#: Seconds. A slow mirror may take minutes for Chromium.
INSTALL_TIMEOUT_S = 900
POLICY = Path("/usr/sbin/policy-rc.d")
#: What this policy answers to every "may I start the service?": 101 is "forbidden by policy".
_DENY_ALL = "#!/bin/sh\nexit 101\n"
#: RUNLEVEL keeps old init scripts from starting where the machine has a policy of its own.
_SETTINGS = ("DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8", "RUNLEVEL=1")
#: Waits for another apt that may be running instead of failing at once.
_WAIT_FOR_LOCK = ("-o", "DPkg::Lock::Timeout=300")
_TAIL_LINES = 15


def may_install() -> bool:
    """Whether packages can be installed here without asking anybody: Debian's tools, and root."""
    return shutil.which("apt-get") is not None and hasattr(os, "geteuid") and os.geteuid() == 0


def install(package: str) -> None:
    """Install `package` without its service being started; raises MusterError(TOOL_MISSING) with apt's last words."""
    if not may_install():
        raise MusterError(
            Reason.TOOL_MISSING,
            f"The package {package} is not installed, and it takes root on Debian or Ubuntu to install it.",
            f"Run: sudo apt-get install {package}",
        )
    with _services_stay_down():
        _apt(package, "update")
        _apt(package, "install", "-y", "--no-install-recommends", package)


def _apt(package: str, *arguments: str) -> None:
    # `env` adds to what is inherited (proxies, for one): only settings.py reads the environment.
    command = ["env", *_SETTINGS, "apt-get", "-q", *_WAIT_FOR_LOCK, *arguments]
    try:
        done = subprocess.run(  # noqa: S603 - no shell, and the package names are our own constants
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise MusterError(
            Reason.TOOL_MISSING,
            f"Installing {package} took longer than {INSTALL_TIMEOUT_S} s.",
            f"Is the package mirror reachable? Try: apt-get install {package}",
        ) from error
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-_TAIL_LINES:])
        raise MusterError(
            Reason.TOOL_MISSING,
            f"`apt-get {arguments[0]}` for {package} ended with {done.returncode}:\n{said}",
            f"Install {package} by hand, then try again.",
        )


@contextmanager
def _services_stay_down() -> Iterator[None]:
    """Keep packages from starting services: Debian asks /usr/sbin/policy-rc.d. One that is there is left alone."""
    if POLICY.exists() or POLICY.is_symlink():
        yield
        return
    # Written aside and moved into place, so that no half of it is ever run.
    with tempfile.NamedTemporaryFile("w", dir=POLICY.parent, prefix=".muster-policy-", delete=False) as draft:
        draft.write(_DENY_ALL)
    Path(draft.name).chmod(0o755)
    Path(draft.name).rename(POLICY)
    try:
        yield
    finally:
        if POLICY.exists() and POLICY.read_text() == _DENY_ALL:
            POLICY.unlink()
