"""The two forms: `machines` (derandomized, the default) and `machines-long` (by `--hypothesis-profile`)."""

import os

from hypothesis import HealthCheck, settings

__all__ = ["EXAMPLES_VARIABLE", "LONG", "SHORT", "far", "register"]

SHORT, LONG = "machines", "machines-long"
#: Examples of each machine, and steps of each example. The short form of all machines takes some ten seconds.
EXAMPLES, LONG_EXAMPLES = 40, 2000
STEPS, LONG_STEPS = 30, 50
#: How many examples the long form has instead.
EXAMPLES_VARIABLE = "CHAOS_EXAMPLES"


def register() -> None:
    """Make the profiles known to pytest's option."""
    unhurried = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    both = settings(deadline=None, database=None, suppress_health_check=unhurried, print_blob=True)
    settings.register_profile(SHORT, both, max_examples=EXAMPLES, stateful_step_count=STEPS, derandomize=True)
    many = int(os.environ.get(EXAMPLES_VARIABLE, LONG_EXAMPLES))
    settings.register_profile(LONG, both, max_examples=many, stateful_step_count=LONG_STEPS)


def far(*, times: float = 1.0) -> settings:
    """Return the settings of a machine; `times` weighs its examples: some machines are slow."""
    chosen = settings.get_profile(LONG if settings.get_current_profile_name() == LONG else SHORT)
    return settings(chosen, max_examples=max(1, round(chosen.max_examples * times)))
