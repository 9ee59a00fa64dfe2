"""One server for one data directory."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from muster_shared_models.problems import MusterError, Reason

__all__ = ["locked"]


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold `folder` (made, mode 0700, when missing); raises DATA_DIR_IN_USE when another process does."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = FileLock(folder / "server.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise MusterError(
            Reason.DATA_DIR_IN_USE,
            f"Another Muster server uses {folder}.",
            "Stop it, or choose another folder with MUSTER_DATA_DIR.",
        ) from None
    try:
        yield
    finally:
        lock.release()
