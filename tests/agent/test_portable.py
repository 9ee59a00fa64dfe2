"""What stands in where there is no POSIX: it runs here too, as far as it needs no Windows."""

import os
from pathlib import Path

import pytest

from muster_agent.machine import portable, posix
from muster_agent.machine.contract import System


def test_both_offer_the_same() -> None:
    wanted = {name for name in vars(System) if not name.startswith("_")}
    for module in (posix, portable):
        assert wanted <= set(vars(module)), module.__name__


def test_a_program_is_started_with_exactly_its_arguments(tmp_path: Path) -> None:
    process = portable.spawn(["/bin/echo", "a b", "$c"], tmp_path, {})
    out, _ = process.communicate(timeout=10)
    assert out == b"a b $c\n"


def test_files_are_read_and_listed_without_links_or_forbidden_folders(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("text")
    (tmp_path / "link").symlink_to("folder")
    status = (tmp_path / "folder").stat()
    with os.fdopen(portable.open_beneath(tmp_path, ["folder", "file"])) as file:
        assert file.read() == "text"
    assert portable.list_beneath(tmp_path, ["folder"]) == [("file", "4")]
    for parts in (["link", "file"], ["link"]):
        with pytest.raises(OSError, match="link"):
            portable.open_beneath(tmp_path, parts)
    for part in ("..", "", "a/b", "C:\\x", "a\0"):
        with pytest.raises(ValueError, match="no name"):
            portable.open_beneath(tmp_path, [part])
    with pytest.raises(PermissionError):
        portable.open_beneath(tmp_path, ["folder", "file"], frozenset({(status.st_dev, status.st_ino)}))


def test_what_cannot_be_known_is_not_guessed() -> None:
    assert portable.members(None, "mark") == []
    assert portable.signal(None, "mark", kill=True) == 0
    assert portable.load_percent() == 0
    assert portable.wait_readable(0, 1.0)
    assert portable.shell("dir")[-1] == "dir"


def test_a_lock_is_held_by_one(tmp_path: Path) -> None:
    first = posix.lock(tmp_path / "lock")
    assert first is not None
    assert posix.lock(tmp_path / "lock") is None
    first.close()
    again = posix.lock(tmp_path / "lock")
    assert again is not None
    again.close()
