"""Paths that cannot leave the working folder, nor enter the folders where keys are kept."""

from pathlib import Path, PurePath

from muster_agent.errors import ToolFailed

__all__ = ["Jail"]

MAX_PARTS = 64


class Jail:
    """The working folder. `forbidden` folders cannot be entered even where they lie within it."""

    def __init__(self, root: Path, forbidden: list[Path]) -> None:
        self.root = root.resolve()
        self._forbidden = [path.resolve() for path in forbidden]

    def parts(self, path: str) -> list[str]:
        """Return the names on the way from the root to `path`; raises ToolFailed when that leaves the folder."""
        pure = PurePath(path)
        if "\0" in path:
            raise ToolFailed("A path cannot contain NUL.")
        if pure.is_absolute():
            if not pure.is_relative_to(self.root):
                raise ToolFailed(f"'{path}' is outside of the working folder {self.root}.")
            pure = pure.relative_to(self.root)
        parts = [part for part in pure.parts if part != "."]
        if ".." in parts or len(parts) > MAX_PARTS:
            raise ToolFailed(f"'{path}' leaves the working folder: '..' is not followed.")
        return parts

    def identities(self) -> frozenset[tuple[int, int]]:
        """Return what identifies the forbidden folders, whatever they are called on the way."""
        found = set()
        for path in self._forbidden:
            try:
                status = path.stat()
            except OSError:
                continue
            found.add((status.st_dev, status.st_ino))
        return frozenset(found)
