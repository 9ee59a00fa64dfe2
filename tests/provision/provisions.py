"""What tests need from outside Python: started once, in the background, while other tests already run.

What cannot be had skips its tests at home and fails them where CI=true; either way the end of the report names it.
"""

import fcntl
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, TypeVar

import pytest

__all__ = ["Provision", "go_without", "missing", "one_at_a_time"]

T = TypeVar("T")

#: What could not be had, and why.
missing: dict[str, str] = {}


def go_without(name: str, reason: str) -> None:
    """Skip the running test, or fail it where nothing may be missing; the summary will tell."""
    missing[name] = reason
    if os.environ.get("CI") == "true":
        pytest.fail(f"{name} is not available: {reason}", pytrace=False)
    pytest.skip(f"{name} is not available: {reason}")


@contextmanager
def one_at_a_time(name: str) -> Iterator[None]:
    """Hold a lock of the machine. A process that dies lets go of it."""
    with (Path(tempfile.gettempdir()) / f"muster-test-{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class Provision(Generic[T]):
    """Something that takes long to start. `start` returns it, `stop` ends it; both block."""

    def __init__(self, name: str, start: Callable[[], T], stop: Callable[[T], None]) -> None:
        self.name = name
        self._start = start
        self._stop = stop
        self._thread: threading.Thread | None = None
        self._value: T | None = None
        self._reason = ""

    def begin(self) -> None:
        """Start in the background."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=f"provision {self.name}", daemon=True)
            self._thread.start()

    def get(self) -> T:
        """Return it, waiting until it is up; skips or fails the running test when it cannot be had."""
        self.begin()
        assert self._thread is not None
        self._thread.join()
        if self._value is None:
            go_without(self.name, self._reason)
        assert self._value is not None
        return self._value

    def end(self) -> None:
        """Stop it, if it was started."""
        if self._thread is not None:
            self._thread.join()
        if self._value is not None:
            self._stop(self._value)
            self._value = None

    def _run(self) -> None:
        try:
            # Another worker of this test run may be installing the same package: half of one must not be found.
            with one_at_a_time(self.name):
                self._value = self._start()
        except Exception as error:  # noqa: BLE001 - whatever it was, it is the reason that the report names
            self._reason = f"{error} {getattr(error, 'hint', '')}".strip()
