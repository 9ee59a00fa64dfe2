"""The seeded bugs still apply to the sources, and name tests that exist. `make chaos` runs them."""

from pathlib import Path

import pytest

from tests.chaos.mutating import ROOT, Mutation, applies, mutations

EVERY = mutations()


def test_there_are_ten() -> None:
    assert len(EVERY) >= 10


@pytest.mark.parametrize("mutation", EVERY, ids=lambda mutation: mutation.name)
def test_a_patch_applies_and_names_its_tests(mutation: Mutation) -> None:
    assert applies(mutation) == ""
    assert mutation.bug
    assert mutation.caught_by
    for test in mutation.caught_by:
        path, _, name = test.partition("::")
        assert f"def {name.partition('[')[0]}(" in (ROOT / Path(path)).read_text()
