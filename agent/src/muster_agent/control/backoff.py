"""How long to wait between tries: exponential with full jitter, so that a fleet does not return in one wave."""

import random

__all__ = ["Backoff"]

#: Seconds: the upper bound of the first wait, and of all.
FIRST_S = 0.5
LONGEST_S = 30.0


class Backoff:
    """Waits that grow until `reset`."""

    def __init__(self, first_s: float = FIRST_S, longest_s: float = LONGEST_S) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._tries = 0

    def next(self) -> float:
        """Return the seconds to wait before the next try; never less than a tenth of the first bound."""
        bound = min(self._longest_s, self._first_s * 2 ** min(self._tries, 16))
        self._tries += 1
        return max(self._first_s / 10, random.uniform(0, bound))  # noqa: S311 - spreads load, keeps no secret

    def reset(self) -> None:
        """It worked: begin anew."""
        self._tries = 0
