"""The web console's files: served as they are now, and never anything beside them."""

from pathlib import Path

import pytest

from tests.server.running import RunningServer


@pytest.fixture
def console(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package folder of our own, whose console is not built yet."""
    package = tmp_path / "package"
    (package / "console" / "assets").mkdir(parents=True)
    (package / "secret.txt").write_text("not for browsers")
    monkeypatch.setattr("muster_server.doors.__file__", str(package / "doors.py"))
    return package / "console"


async def test_the_console_is_served_as_it_is_on_disk(console: Path, server: RunningServer) -> None:
    missing = await server.http.get("/fleet")
    assert (missing.status_code, "make console" in missing.text) == (503, True)

    (console / "index.html").write_text("<title>one</title>")
    (console / "assets" / "index-abc.js").write_text("1")
    page, script = await server.http.get("/fleet"), await server.http.get("/assets/index-abc.js")
    assert ("one" in page.text, page.headers["cache-control"]) == (True, "no-cache")
    assert (script.text, "immutable" in script.headers["cache-control"]) == ("1", True)

    (console / "index.html").write_text("<title>two</title>")
    assert "two" in (await server.http.get("/")).text
    assert (await server.http.head("/fleet")).status_code == 200


@pytest.mark.parametrize(
    "path", ["/../secret.txt", "/%2e%2e/secret.txt", "/assets/..%2f..%2fsecret.txt", "//etc/passwd"]
)
async def test_nothing_beside_the_console_is_served(console: Path, server: RunningServer, path: str) -> None:
    (console / "index.html").write_text("<title>console</title>")
    answer = await server.http.get(path)
    assert "not for browsers" not in answer.text
    assert "root:" not in answer.text


async def test_what_no_page_is_for_is_answered_with_a_problem(console: Path, server: RunningServer) -> None:
    (console / "index.html").write_text("<title>console</title>")
    for path in ("/api/v1/nothing", "/assets/index-of-another-build.js"):
        answer = await server.http.get(path)
        assert (answer.status_code, answer.json()["reason"]) == (404, "not_found"), path
