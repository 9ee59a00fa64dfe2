"""The `harness` fixture: every transport in turn."""

import importlib
from collections.abc import AsyncIterator

import pytest

from tests.messaging.harness import HARNESSES, Harness

_PARAMS = [pytest.param(name, marks=[getattr(pytest.mark, mark)] if mark else []) for name, mark in HARNESSES.items()]


@pytest.fixture(params=_PARAMS)
async def harness(request: pytest.FixtureRequest) -> AsyncIterator[Harness]:
    """A transport on an empty queue server."""
    module = importlib.import_module(f"tests.messaging.{request.param}_harness")
    async with module.open_harness(request) as opened:
        yield opened
