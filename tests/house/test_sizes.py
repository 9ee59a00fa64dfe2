"""Files stay small enough to read in one go, and are named after what they hold."""

import ast
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULE, FUNCTION, TEST_MODULE, COMPONENT = 250, 40, 400, 150
EMPTY_NAMES = {"utils", "helpers", "common", "misc", "util", "helper"}
GENERATED = ("_pb2.py", "_pb2_grpc.py", ".gen.ts", ".d.ts")


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    return [ROOT / name for name in listed if not name.endswith(GENERATED) and (ROOT / name).is_file()]


def limit(path: Path) -> int:
    relative = path.relative_to(ROOT)
    if relative.parts[0] in ("tests", "benchmarks") or ".test." in path.name:
        return TEST_MODULE
    return COMPONENT if path.suffix == ".tsx" else MODULE


def test_no_module_is_longer_than_its_limit() -> None:
    too_long = {
        f"{path.relative_to(ROOT)}: {lines} lines, limit {limit(path)}"
        for path in tracked("*.py", "*.ts", "*.tsx")
        if (lines := len(path.read_text().splitlines())) > limit(path)
    }
    assert not too_long


def test_no_function_is_longer_than_forty_lines() -> None:
    too_long = []
    for path in tracked("*.py"):
        if "migrations" in path.parts:
            continue  # a migration is a list of tables, read from top to bottom
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
                body = node.body[1:] if ast.get_docstring(node) else node.body
                lines = node.end_lineno - body[0].lineno + 1 if body else 0
                if lines > FUNCTION:
                    too_long.append(f"{path.relative_to(ROOT)}: {node.name} has {lines} lines")
    assert not too_long


def test_names_say_what_is_inside() -> None:
    empty = [str(path.relative_to(ROOT)) for path in tracked("*.py", "*.ts", "*.tsx") if path.stem in EMPTY_NAMES]
    assert not empty


@pytest.mark.parametrize("folder", ["server", "broker", "agent", "messaging", "shared_models", "cli", "protos"])
def test_every_component_is_a_distribution_named_after_its_folder(folder: str) -> None:
    text = (ROOT / folder / "pyproject.toml").read_text()
    assert f'name = "muster-{folder.replace("_", "-")}"' in text
