"""An outcry in a log is found, whoever cried; orderly lines are none."""

import pytest

from tests.chaos.aftermath import outcry

CALM = ["2026-01-01 [warning] ! muster server publishing lost amqp://127.0.0.1: connection reset", "[error] not routed"]


def test_orderly_lines_are_no_outcry() -> None:
    assert outcry(CALM) == ""


@pytest.mark.parametrize("cry", [
    "Traceback (most recent call last):", "Task exception was never retrieved", "Unhandled exception in callback",
    "[critical] ! muster agent consuming ended unexpectedly", "[error    ] request crashed",
])  # fmt: skip
def test_an_outcry_is_found_with_what_stands_around_it(cry: str) -> None:
    assert outcry([*CALM, cry, "ValueError: why"]) == f"{CALM[-1]}\n{cry}\nValueError: why"
