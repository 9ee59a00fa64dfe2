"""What tests of a routing broker share."""

import pytest

from muster_broker import loop


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a broker look again, and try again, almost at once."""
    monkeypatch.setattr(loop, "LOOK_EVERY_S", 0.05)
    monkeypatch.setattr(loop, "AGAIN_S", 0.05)
