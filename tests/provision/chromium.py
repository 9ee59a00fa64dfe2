"""A Chromium for the tests: MUSTER_TEST_CHROMIUM, one that is installed, or Debian's package."""

import os
import shutil
from pathlib import Path

from muster_cli.provision import debian
from muster_shared_models.problems import MusterError, Reason
from tests.provision.provisions import Provision

__all__ = ["chromium_provision"]

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def _find() -> Path | None:
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    return Path(found) if found else None


def _start() -> Path:
    if chosen := os.environ.get("MUSTER_TEST_CHROMIUM"):
        return Path(chosen)
    found = _find()
    if found is None:
        debian.install("chromium")
        found = _find()
    if found is None:
        raise MusterError(Reason.TOOL_MISSING, "Chromium was installed, but it is nowhere to be found.")
    return found


chromium_provision = Provision("Chromium", _start, lambda _path: None)
