"""Cores decide: they do no I/O, read no clock, roll no dice and know no environment."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]

#: Modules whose import in a core means that it acts instead of deciding.
ACTING = {
    "aiosqlite", "anyio", "asyncio", "concurrent", "datetime", "fastapi", "grpc", "httpx2", "io", "logging",
    "multiprocessing", "os", "pathlib", "pika", "psycopg", "queue", "random", "secrets", "select", "shutil", "signal",
    "socket", "sqlalchemy", "sqlite3", "starlette", "structlog", "subprocess", "sys", "tempfile", "threading", "time",
    "urllib", "uuid", "uvicorn", "websockets",
}  # fmt: skip
ACTING_CALLS = {"open", "print", "input", "exec", "eval", "__import__"}


def cores() -> list[Path]:
    found = [
        *ROOT.glob("*/src/**/core.py"),
        *ROOT.glob("*/src/**/core/*.py"),
        *ROOT.glob("agent/src/**/turn/*.py"),
    ]
    return sorted(path for path in found if path.name != "__init__.py" or path.stat().st_size)


def faults(path: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        elif isinstance(node, ast.AsyncFunctionDef | ast.Await):
            found.append(f"{path.relative_to(ROOT)}:{node.lineno} is asynchronous")
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ACTING_CALLS:
            found.append(f"{path.relative_to(ROOT)}:{node.lineno} calls {node.func.id}")
        found += [
            f"{path.relative_to(ROOT)}:{node.lineno} imports {name}" for name in names if name.split(".")[0] in ACTING
        ]
    return found


def test_there_are_cores_to_check() -> None:
    assert cores()


def test_cores_are_pure() -> None:
    assert [fault for path in cores() for fault in faults(path)] == []


def test_the_check_sees_an_impure_core(tmp_path: Path) -> None:
    impure = ROOT / "tests" / "house" / "impure_example.txt"
    names = {fault.split()[-1] for fault in faults(impure)}
    assert {"time", "os", "open", "asynchronous"} <= names
