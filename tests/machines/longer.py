"""R19: every state machine for many examples. What is found, Hypothesis makes small and says how to repeat it."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

from tests.chaos.checker import Problem
from tests.chaos.crowd import Plan, Report
from tests.machines.profiles import EXAMPLES_VARIABLE, LONG

__all__ = ["machines"]

ROOT = Path(__file__).parents[2]
PASSED = re.compile(r"(\d+) passed")
FAILED = re.compile(r"^FAILED (\S+)", re.MULTILINE)


def machines(plan: Plan) -> Report:
    """Run them by pytest, in the long form with `messages` examples of each; the seed is Hypothesis's."""
    began = time.monotonic()
    command = [sys.executable, "-m", "pytest", "-q", "--timeout=0", "-p", "no:cacheprovider"]
    command += [f"--hypothesis-profile={LONG}", f"--hypothesis-seed={plan.seed}", str(Path(__file__).parent)]
    environment = {**os.environ, EXAMPLES_VARIABLE: str(plan.messages)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    passed = PASSED.search(done.stdout)
    report = Report("R19", "embedded", plan, {"machines": int(passed[1]) if passed else 0, "examples": plan.messages})
    if done.returncode:
        print(done.stdout, done.stderr, file=sys.stderr)
        report.problems = [Problem("broken", name) for name in FAILED.findall(done.stdout) or ["pytest itself"]]
    report.seconds = time.monotonic() - began
    return report
