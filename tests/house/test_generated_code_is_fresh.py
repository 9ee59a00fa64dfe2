"""Generated code is what its sources generate: nobody edited it, nobody forgot to regenerate it."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROTOS = ROOT / "protos" / "muster_protos" / "v1"


def test_python_beside_the_protos_is_fresh(tmp_path: Path) -> None:
    sources = [str(path.relative_to(ROOT)) for path in sorted(PROTOS.glob("*.proto"))]
    outputs = [f"--{kind}={tmp_path}" for kind in ("python_out", "pyi_out", "grpc_python_out")]
    subprocess.run(
        [sys.executable, "-m", "grpc_tools.protoc", "-I", "protos", *outputs, *sources], cwd=ROOT, check=True
    )

    generated = sorted((tmp_path / "muster_protos" / "v1").iterdir())

    assert len(generated) == 3 * len(sources)
    stale = [path.name for path in generated if path.read_text() != (PROTOS / path.name).read_text()]
    assert not stale, "run `make protos`"


def test_typescript_types_are_fresh(tmp_path: Path) -> None:
    result = subprocess.run(
        ["npm", "run", "--silent", "types", "--", "--check"],
        cwd=ROOT / "frontend", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, f"run `make types`\n{result.stdout}{result.stderr}"
