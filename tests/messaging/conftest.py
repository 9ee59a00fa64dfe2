"""The `harness` fixture: every transport in turn."""

import importlib.util
from collections.abc import AsyncIterator

import pytest

from tests.messaging.harness import HARNESSES, Harness
from tests.provision.provisions import missing

_PARAMS = [pytest.param(name, marks=[getattr(pytest.mark, mark)] if mark else []) for name, mark in HARNESSES.items()]


@pytest.fixture(params=_PARAMS)
async def harness(request: pytest.FixtureRequest) -> AsyncIterator[Harness]:
    """A transport on an empty queue server."""
    module = f"tests.messaging.{request.param}_harness"
    if importlib.util.find_spec(module) is None:
        missing[f"The {request.param} bus"] = f"{module} does not exist yet."
        pytest.skip(f"The {request.param} bus is not available: {module} does not exist yet")
    async with importlib.import_module(module).open_harness(request) as opened:
        yield opened
