"""Rows of figures and what they say about each other."""

import statistics
from dataclasses import dataclass, field

from benchmarks.chatter import Figures

__all__ = ["Measured", "ratios"]


@dataclass
class Measured:
    """Several measurements of one contender with as many in flight."""

    what: str
    in_flight: int
    pooled: Figures = field(default_factory=Figures)
    rates: list[float] = field(default_factory=list)
    cpu_s: dict[str, float] = field(default_factory=dict)

    def add(self, figures: Figures, cpu_s: dict[str, float]) -> None:
        """Take in one measurement."""
        self.pooled.latencies_s += figures.latencies_s
        self.pooled.elapsed_s += figures.elapsed_s
        self.rates.append(figures.rate)
        for process, seconds in cpu_s.items():
            self.cpu_s[process] = self.cpu_s.get(process, 0.0) + seconds

    def row(self) -> dict[str, object]:
        """Return it as round_trip does; `rates` shows how far the measurements are apart."""
        count = len(self.pooled.latencies_s)
        return {
            "what": self.what,
            "in_flight": self.in_flight,
            "round_trips": count,
            "per_second": round(self.pooled.rate),
            "p50_ms": round(self.pooled.quantile_ms(0.5), 2),
            "p99_ms": round(self.pooled.quantile_ms(0.99), 2),
            "cpu_us": {process: round(seconds / count * 1e6) for process, seconds in self.cpu_s.items()},
            "rates": [round(rate) for rate in self.rates],
        }


def ratios(measured: list[Measured]) -> list[dict[str, object]]:
    """Compare Muster with each peer: of Celery's pools, with the one that did best at that many in flight."""
    found: list[dict[str, object]] = []
    for in_flight in sorted({each.in_flight for each in measured}):
        level = [each for each in measured if each.in_flight == in_flight and each.rates]
        peers = [each for each in level if each.what.startswith("autogen")]
        pools = [each for each in level if each.what.startswith("celery")]
        if pools:
            peers.insert(0, max(pools, key=lambda each: each.pooled.rate))
        for ours in (each for each in level if each.what.startswith("muster")):
            found += [_ratio(ours, peer) for peer in peers]
    return found


def _ratio(ours: Measured, peer: Measured) -> dict[str, object]:
    both = zip(ours.rates, peer.rates, strict=False)
    return {
        "in_flight": ours.in_flight,
        "muster": ours.what,
        "peer": peer.what,
        "per_second": round(ours.pooled.rate / peer.pooled.rate, 2),
        "per_second_median": round(statistics.median(one / other for one, other in both), 2),
        "p50": round(ours.pooled.quantile_ms(0.5) / peer.pooled.quantile_ms(0.5), 2),
        "p99": round(ours.pooled.quantile_ms(0.99) / peer.pooled.quantile_ms(0.99), 2),
    }
