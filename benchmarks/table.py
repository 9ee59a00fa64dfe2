"""Prints what round_trip.py measured as the tables of docs/benchmarks.md: `python -m benchmarks.table FILE`."""

import json
import sys
from pathlib import Path
from typing import Any

__all__ = ["tables"]

Row = dict[str, Any]


def tables(result: dict[str, Any]) -> str:
    """Return markdown: round trips with their ratio to the raw loop, processor time, start-up and memory."""
    rows: list[Row] = [*result.get("raw", [])]
    for bus in ("rabbitmq", "embedded"):
        rows += result.get(bus, {}).get("rows", [])
    raw = {row["in_flight"]: row for row in result.get("raw", [])}
    lines = [
        "| what | in flight | round trips a second | p50 ms | p99 ms | of the raw loop |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {row['what']} | {row['in_flight']} | {row['per_second']:,} | {row['p50_ms']:.1f} | {row['p99_ms']:.1f} | "
        f"{_ratio(row, raw.get(row['in_flight']))} |"
        for row in rows
    ]
    lines += ["", "| what | in flight | processor time per round trip, µs |", "|---|---:|---|"]
    lines += [
        f"| {row['what']} | {row['in_flight']} | "
        + ", ".join(f"{who} {us:,}" for who, us in row["cpu_us"].items())
        + " |"
        for row in rows
        if row.get("cpu_us")
    ]
    lines += ["", "| process | on | of use after, s | resident, MiB |", "|---|---|---:|---:|"]
    lines += [
        f"| {process} | {bus} | {result[bus]['started_s'][process.removesuffix('-1')]:.1f} | {mib:.0f} |"
        for bus in ("rabbitmq", "embedded")
        if bus in result
        for process, mib in result[bus]["memory_mib"].items()
    ]
    return "\n".join(lines)


def _ratio(row: Row, raw: Row | None) -> str:
    return f"{row['per_second'] / raw['per_second']:.2f}" if raw and raw is not row else ""


if __name__ == "__main__":
    sys.stdout.write(tables(json.loads(Path(sys.argv[1]).read_text())) + "\n")
