"""Do the tests see it when a guarantee is broken? Each patch in `mutations/` is one bug; its header names its tests.

A patch is applied to a copy of the sources, which the tests then import instead of the installed ones. The same tests
must pass on the copy as it was, so that a failure is the bug's.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from tests.chaos.checker import Problem
from tests.chaos.crowd import Plan, Report

__all__ = ["Mutation", "all_mutations", "applies", "mutations"]

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).with_name("mutations")
SOURCES = ("protos", "shared_models", "messaging", "server", "broker", "agent", "cli", "benchmarks", "tests")
TIMEOUT_S = 300
#: pytest's exit code for failed tests; others mean that it could not run them.
TESTS_FAILED = 1


class Mutation(NamedTuple):
    """One bug."""

    name: str
    bug: str
    caught_by: tuple[str, ...]
    patch: Path


def mutations() -> list[Mutation]:
    """Return all, by name."""
    return [_read(path) for path in sorted(FOLDER.glob("*.patch"))]


def applies(mutation: Mutation) -> str:
    """Return why a patch does not apply to the sources any more; empty when it does."""
    done = subprocess.run(
        ["git", "apply", "--check", str(mutation.patch)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stderr


def all_mutations(plan: Plan) -> Report:
    """Try every one; a bug that no test sees is a problem."""
    began = time.monotonic()
    report = Report("mutations", "embedded", plan, {"mutations": 0, "caught": 0})
    for mutation in mutations():
        report.numbers["mutations"] += 1
        why = survives(mutation)
        if why:
            report.problems.append(Problem("not_caught", f"{mutation.name}: {why}"))
        else:
            report.numbers["caught"] += 1
    report.seconds = time.monotonic() - began
    return report


def survives(mutation: Mutation) -> str:
    """Return why nobody has caught it; empty when somebody has."""
    with tempfile.TemporaryDirectory(prefix="muster-mutation-") as folder:
        copy = Path(folder)
        _copy(copy)
        before, output = _test(copy, mutation.caught_by)
        if before:
            return f"its tests fail without it ({before}): {output[-300:]}"
        # In a repository of its own: git would otherwise leave out what lies outside the one that it finds.
        subprocess.run(["git", "init", "-q", str(copy)], check=True)
        subprocess.run(["git", "apply", str(mutation.patch)], cwd=copy, check=True)
        for test in mutation.caught_by:
            code, output = _test(copy, (test,))
            if code != TESTS_FAILED:
                return f"{test} ended with {code}: {output[-300:]}"
    return ""


def _read(path: Path) -> Mutation:
    head = [line.partition(": ")[::2] for line in path.read_text().partition("\n\n")[0].splitlines()]
    bug = next(text for key, text in head if key == "Bug")
    return Mutation(path.stem, bug, tuple(text for key, text in head if key == "Caught by"), path)


def _copy(target: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "pyproject.toml", *SOURCES],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split("\0")  # fmt: skip
    for name in filter(None, listed):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).write_bytes((ROOT / name).read_bytes())


def _test(copy: Path, tests: tuple[str, ...]) -> tuple[int, str]:
    paths = [str(copy / name / "src") if name != "protos" else str(copy / name) for name in SOURCES[:7]]
    imports = {"PYTHONPATH": os.pathsep.join([str(copy), *paths]), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests],
        cwd=copy, env={**os.environ, **imports},
        capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr
