"""Files: text within the working folder, never through links, never the agent's own keys."""

import contextlib
import os
import threading
from pathlib import Path

import pytest

from muster_agent.errors import ToolFailed
from muster_agent.tools.contract import Outcome
from muster_agent.tools.jail import Jail
from muster_agent.tools.listing import ListArguments, ListTool
from muster_agent.tools.read import MAX_BYTES, MAX_TEXT, ReadArguments, ReadTool, language_of

CANARY = "canary-outside-of-the-jail"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A working folder with a canary beside it and the agent's keys within it."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.txt").write_text(CANARY)
    root = tmp_path / "work"
    (root / "deep" / "er").mkdir(parents=True)
    (root / "a.py").write_text("print('a')\n")
    (root / "deep" / "er" / "b.txt").write_text("one\ntwo\nthree\nfour\n")
    (root / "state").mkdir()
    (root / "state" / "key.pem").write_text(CANARY)
    return root


def tools(root: Path) -> tuple[ReadTool, ListTool]:
    jail = Jail(root, forbidden=[root / "state", root / "not-there"])
    return ReadTool(jail), ListTool(jail)


async def read(root: Path, path: str, **more: int) -> Outcome:
    return await tools(root)[0].run(ReadArguments(path=path, **more), lambda _text: None, "run_1")


async def listed(root: Path, path: str = ".") -> str:
    return (await tools(root)[1].run(ListArguments(path=path), lambda _text: None, "run_1")).text


async def test_a_file_is_read_with_its_language(root: Path) -> None:
    outcome = await read(root, "a.py")
    assert (outcome.text, outcome.language, outcome.media) == ("print('a')\n", "python", "code")
    assert (await read(root, f"{root}/deep/er/b.txt")).text.startswith("one")
    assert (await read(root, "./deep/./er/b.txt")).text.startswith("one")


async def test_a_part_of_a_file_is_read_by_lines(root: Path) -> None:
    text = (await read(root, "deep/er/b.txt", first_line=2, lines=2)).text
    assert text.startswith("two\nthree\n")
    assert "lines 2 to 3 of 4" in text


LEAVING = [
    "../outside/secret.txt", "deep/../../outside/secret.txt", "deep/er/../../../outside/secret.txt", "/etc/passwd",
    "{outside}/secret.txt", "{root}/../outside/secret.txt", "..", "deep/..", "link/secret.txt", "linkfile",
    "deep/linkup", "deep/er/linkabs", "deep/er/linkrel", "loop", "//etc/passwd", "/proc/self/environ", "state/key.pem",
    "deep/../state/key.pem", "linkstate/key.pem", "a.py/../../outside/secret.txt", "a.py/x", "nul\0byte",
    "missing.txt", "deep", "fifo", "dangling", ".", "state", "deep\\..\\..\\outside", "~/secret", "x/" * 70,
]  # fmt: skip


@pytest.mark.parametrize("path", LEAVING)
async def test_no_path_leaves_the_folder(root: Path, path: str) -> None:
    outside = root.parent / "outside"
    (root / "link").symlink_to(outside)
    (root / "linkfile").symlink_to(outside / "secret.txt")
    (root / "deep" / "linkup").symlink_to("../../outside/secret.txt")
    (root / "deep" / "er" / "linkabs").symlink_to(outside / "secret.txt")
    (root / "deep" / "er" / "linkrel").symlink_to("../../a.py")
    (root / "loop").symlink_to("loop")
    (root / "dangling").symlink_to("nowhere")
    (root / "linkstate").symlink_to("state")
    os.mkfifo(root / "fifo")
    with pytest.raises(ToolFailed) as caught:
        await read(root, path.format(root=root, outside=outside))
    assert CANARY not in caught.value.detail


async def test_links_and_keys_are_named_in_words(root: Path) -> None:
    (root / "link").symlink_to(root / "a.py")
    with pytest.raises(ToolFailed, match="symbolic link"):
        await read(root, "link")
    with pytest.raises(ToolFailed, match="own keys"):
        await read(root, "state/key.pem")


async def test_a_link_that_is_swapped_in_at_the_wrong_moment_is_not_followed(root: Path) -> None:
    """The race between looking and opening: 3,000 reads while a thread swaps a folder and a link to the canary."""
    target = root / "swapped"
    real, fake = root / "real", root / "fake"
    real.mkdir()
    (real / "secret.txt").write_text("harmless")
    fake.symlink_to(root.parent / "outside")
    over = threading.Event()

    def swap() -> None:
        while not over.is_set():
            for source in (real, fake):
                with contextlib.suppress(OSError):
                    source.rename(target)
                    target.rename(source)

    thread = threading.Thread(target=swap)
    thread.start()
    tool = tools(root)[0]
    seen = set()
    try:
        for _ in range(3000):
            with contextlib.suppress(ToolFailed):
                seen.add(tool._read("swapped/secret.txt")[0])
    finally:
        over.set()
        thread.join()
    assert seen <= {b"harmless"}


async def test_what_is_no_text_and_what_is_too_long_is_told(root: Path) -> None:
    (root / "binary").write_bytes(b"\x7fELF\0\0")
    with pytest.raises(ToolFailed, match="no text"):
        await read(root, "binary")
    (root / "long.log").write_text("x" * 99 + "\n" + "y\n" * 200_000)
    text = (await read(root, "long.log", lines=100_000)).text
    assert len(text) < MAX_TEXT + 200
    assert "cut after" in text
    (root / "huge").write_text("z" * (MAX_BYTES + 5))
    assert f"first {MAX_BYTES} of {MAX_BYTES + 5} bytes" in (await read(root, "huge")).text
    (root / "odd.txt").write_bytes(b"Gr\xfc\xdfe")
    assert (await read(root, "odd.txt")).text == "Gr��e"


async def test_a_folder_is_listed_without_entering_links_or_keys(root: Path) -> None:
    (root / "link").symlink_to("/etc")
    text = await listed(root)
    assert "a.py" in text
    assert "deep/" in text
    assert "link" in text
    for path in ("link", "state", "../outside", "/etc", "a.py", "missing"):
        with pytest.raises(ToolFailed):
            await listed(root, path)
    (root / "empty").mkdir()
    assert await listed(root, "empty") == "(empty)"


def test_languages_are_guessed_from_names() -> None:
    assert [language_of(name) for name in ("x.tsx", "Makefile", "Dockerfile", "a/b/c.YML", "plain")] == [
        "tsx", "makefile", "docker", "yaml", "",
    ]  # fmt: skip
