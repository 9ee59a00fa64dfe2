"""Echo round trips over the WebSocket, on both queue servers, beside the raw four-hop loop in the same run.

python -m benchmarks.round_trip [--quick] [--only embedded|rabbitmq] [--json FILE]
python -m benchmarks.round_trip --turns 7      one at a time on RabbitMQ, in turns with the raw loop
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
from pathlib import Path

import uvloop

from benchmarks.chatter import Figures, round_trips
from benchmarks.raw_loop import raw_round_trips
from benchmarks.stack import beside_cpu_s, running_stack
from muster_cli.provision.queue_server import private_rabbitmq

IN_FLIGHT = (1, 50, 500)


def _row(name: str, in_flight: int, figures: Figures, cpu: dict[str, float] | None = None) -> dict[str, object]:
    count = len(figures.latencies_s)
    row: dict[str, object] = {
        "what": name,
        "in_flight": in_flight,
        "round_trips": count,
        "per_second": round(figures.rate),
        "p50_ms": round(figures.quantile_ms(0.5), 2),
        "p99_ms": round(figures.quantile_ms(0.99), 2),
    }
    if cpu:
        row["cpu_us"] = {process: round(seconds / count * 1e6) for process, seconds in cpu.items()}
    sys.stderr.write(json.dumps(row) + "\n")
    return row


def _measure(name: str, bus: str, counts: dict[int, int]) -> dict[str, object]:
    rows = []
    with tempfile.TemporaryDirectory(prefix="muster-bench-") as folder, running_stack(Path(folder), bus) as stack:
        uvloop.run(round_trips(stack, 20, 400))  # warm
        for in_flight, count in counts.items():
            before = stack.cpu_s() | beside_cpu_s()
            figures = uvloop.run(round_trips(stack, in_flight, count))
            after = stack.cpu_s() | beside_cpu_s()
            cpu = {process: seconds - before[process] for process, seconds in after.items()}
            rows.append(_row(name, in_flight, figures, cpu))
        return {"rows": rows, "started_s": stack.started_s, "memory_mib": stack.memory_mib()}


def _in_turns(turns: int, count: int) -> dict[str, object]:
    """Measure one message at a time, the raw loop and Muster one after the other: machines drift."""
    raw, muster = [], []
    with tempfile.TemporaryDirectory(prefix="muster-bench-rabbit-") as folder:
        node = private_rabbitmq(Path(folder) / "rabbitmq", lambda said: sys.stderr.write(said + "\n"))
        node.start()
        (Path(folder) / "muster").mkdir()
        try:
            with running_stack(Path(folder) / "muster", node.amqp_url) as stack:
                uvloop.run(round_trips(stack, 20, 400))  # warm
                for _ in range(turns):
                    raw.append(uvloop.run(raw_round_trips(node.amqp_url, 1, count)).quantile_ms(0.5))
                    muster.append(uvloop.run(round_trips(stack, 1, count)).quantile_ms(0.5))
                    sys.stderr.write(f"raw {raw[-1]:.2f} ms, muster {muster[-1]:.2f} ms\n")
        finally:
            node.stop()
    ratio = statistics.median(mine / theirs for mine, theirs in zip(muster, raw, strict=True))
    return {
        "p50_ms": {"raw pika, four hops": statistics.median(raw), "muster, rabbitmq": statistics.median(muster)},
        "turns": turns, "times_the_raw_loop": round(ratio, 2),
    }  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the messages")
    parser.add_argument("--only", choices=("embedded", "rabbitmq"))
    parser.add_argument("--turns", type=int, default=0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    part = 10 if options.quick else 1
    if options.turns:
        print(json.dumps(_in_turns(options.turns, 1_000 // part)))
        return
    counts = {1: 2_000 // part, 50: 20_000 // part, 500: 40_000 // part}
    result: dict[str, object] = {
        "python": platform.python_version(),
        "cores": len(os.sched_getaffinity(0)),
    }
    if options.only != "rabbitmq":
        result["embedded"] = _measure("muster, embedded", "embedded", counts)
    if options.only != "embedded":
        with tempfile.TemporaryDirectory(prefix="muster-bench-rabbit-") as folder:
            node = private_rabbitmq(Path(folder) / "rabbitmq", lambda said: sys.stderr.write(said + "\n"))
            node.start()
            try:
                raw = [
                    _row("raw pika, four hops", n, uvloop.run(raw_round_trips(node.amqp_url, n, c)))
                    for n, c in counts.items()
                ]
                result["raw"] = raw
                result["rabbitmq"] = _measure("muster, rabbitmq", node.amqp_url, counts)
            finally:
                node.stop()
    text = json.dumps(result, indent=1)
    print(text)
    if options.json:
        options.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
