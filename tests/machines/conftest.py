"""How far the state machines go (a short form, the same in every run, and a long one), and on one thread only."""

from collections.abc import Iterator

import pytest

from muster_messaging import commit
from tests.machines.profiles import register

register()


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Commits happen in the loop's own thread, so that the same steps always give the same end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(commit, "FEW_UNITS", 1_000_000)
        patch.setattr(commit, "QUICK_S", float("inf"))
        yield
