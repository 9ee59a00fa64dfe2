"""The tool `read`: a text file in the working folder."""

import asyncio
import errno
import os
import stat
from pathlib import PurePath

from pydantic import Field

from muster_agent.errors import ToolFailed
from muster_agent.machine import this_system
from muster_agent.tools.contract import Arguments, Live, Outcome, ToolSpec
from muster_agent.tools.jail import Jail

__all__ = ["ReadTool", "explain", "language_of"]

#: The most that is read of a file, in bytes.
MAX_BYTES = 1024 * 1024
#: The most that is returned, in characters.
MAX_TEXT = 60_000
PROBE_BYTES = 8192

LANGUAGES = {
    ".py": "python", ".ts": "typescript", ".tsx": "tsx", ".js": "javascript", ".jsx": "jsx", ".json": "json",
    ".toml": "toml", ".yaml": "yaml", ".yml": "yaml", ".md": "markdown", ".sh": "bash", ".bash": "bash",
    ".html": "html", ".css": "css", ".sql": "sql", ".rs": "rust", ".go": "go", ".java": "java", ".c": "c", ".h": "c",
    ".cpp": "cpp", ".hpp": "cpp", ".rb": "ruby", ".php": "php", ".xml": "xml", ".ini": "ini", ".cfg": "ini",
    ".proto": "proto", ".tf": "hcl", ".diff": "diff", ".patch": "diff", ".csv": "csv", ".log": "log",
}  # fmt: skip
NAMES = {"dockerfile": "docker", "makefile": "makefile", ".gitignore": "ini", ".env": "bash"}


def language_of(path: str) -> str:
    """Return the highlighter's name for a file, or nothing."""
    pure = PurePath(path)
    return NAMES.get(pure.name.lower(), LANGUAGES.get(pure.suffix.lower(), ""))


def explain(path: str, error: OSError) -> ToolFailed:
    """Say for people why a path cannot be opened."""
    reasons = {
        errno.ENOENT: "does not exist",
        errno.ELOOP: "is a symbolic link, which is not followed",
        errno.ENOTDIR: "leads through something that is no folder (or a symbolic link, which is not followed)",
        errno.EACCES: "may not be read",
        errno.EPERM: "holds the agent's own keys and is closed to tools",
        errno.ENXIO: "is no file",
    }
    return ToolFailed(f"'{path}' {reasons.get(error.errno or 0, f'cannot be read: {error.strerror or error}')}.")


class ReadArguments(Arguments):
    """What `read` wants."""

    path: str = Field(min_length=1, max_length=4096, description="A path within the working folder.")
    first_line: int = Field(default=1, ge=1, description="The first line to return.")
    lines: int = Field(default=2000, ge=1, le=100_000, description="How many lines to return at most.")


class ReadTool:
    """Reads text; never through links, never outside of the working folder."""

    spec = ToolSpec("read", "Read a text file in the working folder.", ReadArguments)

    def __init__(self, jail: Jail) -> None:
        self._jail = jail

    def describe(self, arguments: ReadArguments) -> tuple[str, str]:
        """Return the intent and the path."""
        return "Reads a file", arguments.path

    async def run(self, arguments: ReadArguments, live: Live, mark: str) -> Outcome:
        """Return the text, or the part of it that was asked for."""
        data, size = await asyncio.to_thread(self._read, arguments.path)
        if b"\0" in data[:PROBE_BYTES]:
            raise ToolFailed(f"'{arguments.path}' is no text file ({size} bytes).")
        lines = data.decode("utf-8", "replace").splitlines(keepends=True)
        start = arguments.first_line - 1
        text = "".join(lines[start : start + arguments.lines])
        notes = []
        if size > len(data):
            notes.append(f"only the first {len(data)} of {size} bytes were read")
        if len(text) > MAX_TEXT:
            text = text[:MAX_TEXT]
            notes.append(f"cut after {MAX_TEXT} characters")
        if start + arguments.lines < len(lines):
            notes.append(f"lines {start + 1} to {start + arguments.lines} of {len(lines)}")
        if notes:
            text += f"\n… {'; '.join(notes)} …\n"
        return Outcome(text, media="code", language=language_of(arguments.path))

    def _read(self, path: str) -> tuple[bytes, int]:
        parts = self._jail.parts(path)
        if not parts:
            raise ToolFailed("That is the working folder itself; `list` shows what is in it.")
        try:
            descriptor = this_system().open_beneath(self._jail.root, parts, self._jail.identities())
        except ValueError as error:
            raise ToolFailed(f"{error}.") from error
        except OSError as error:
            raise explain(path, error) from error
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            os.close(descriptor)
            folder = stat.S_ISDIR(status.st_mode)
            raise ToolFailed(f"'{path}' is {'a folder; `list` shows what is in it' if folder else 'no regular file'}.")
        with os.fdopen(descriptor, "rb") as file:
            return file.read(MAX_BYTES), status.st_size
