"""Where each microsecond of a message goes: samples every process while messages go round, and adds up by part.

python -m benchmarks.anatomy [--in-flight 50] [--bus rabbitmq|embedded]

Needs py-spy beside this Python (pip install py-spy), and the right to look into other processes. A sample belongs to
the part of the innermost frame that is in the list below; its share of a process's samples, times the processor time
that the process took for each round trip, is what is printed. What py-spy does not see as Python (the loop itself, the
kernel's work for it, other threads) is the loop's.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvloop

from benchmarks.chatter import round_trips
from benchmarks.stack import Stack, beside_cpu_s, running_stack
from muster_cli.provision.queue_server import private_rabbitmq

RATE = 250
SECONDS = 12
LOOP = "event loop, kernel, waking up"
#: What a frame's file says it is part of; the first that fits.
PARTS = (
    ("commit.py", "transactions: begin, commit, waiting units"),
    ("/store/", "SQL and SQLite"),
    ("/journal/", "SQL and SQLite"),
    ("muster_messaging/amqp", "AMQP: frames, confirms, acknowledgements"),
    ("pika/", "AMQP: frames, confirms, acknowledgements"),
    ("muster_messaging/relay", "relay"),
    ("muster_messaging/embedded", "embedded queue server"),
    ("grpc/", "gRPC"),
    ("websockets/", "WebSocket"),
    ("uvicorn/", "WebSocket"),
    ("starlette/", "WebSocket"),
    ("muster_server/edge", "WebSocket"),
    ("muster_server/listening", "WebSocket"),
    ("pydantic/", "reading and writing JSON"),
    ("runs/encode.py", "reading and writing JSON"),
    ("lanes.py", "lanes: order in each conversation"),
    ("frames.py", "messages as bytes"),
    ("muster_server/conversations", "conversations: what a message means"),
    ("muster_server/flow", "outbox and inbox"),
    ("muster_broker/core", "deciding where it goes"),
    ("muster_broker/", "broker's loop"),
    ("muster_agent/inbox", "agent: taking in hand"),
    ("muster_agent/runs", "agent: run and answer"),
    ("muster_", "other"),
)


def _part(stack: str) -> str:
    for frame in reversed(stack.split(";")):
        if "looping.py" in frame or "muster_cli" in frame:
            break
        for name, part in PARTS:
            if name in frame:
                return part
    return LOOP


@contextmanager
def _sampled(stack: Stack, name: str, out: Path) -> Iterator[None]:
    command = [
        _py_spy(),
        "record",
        "--full-filenames",
        "--nonblocking",
        "-f",
        "raw",
        "-r",
        str(RATE),
        "-d",
        str(SECONDS),
    ]
    sampler = subprocess.Popen(
        [*command, "-o", str(out), "-p", str(stack.processes[name].pid)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield
    finally:
        sampler.wait(SECONDS + 30)


def _py_spy() -> str:
    found = shutil.which("py-spy", path=str(Path(sys.executable).parent)) or shutil.which("py-spy")
    if not found:
        raise SystemExit("py-spy is missing: pip install py-spy")
    return found


def _shares(out: Path) -> dict[str, float]:
    parts: Counter[str] = Counter()
    for line in out.read_text().splitlines():
        stack, _, count = line.rpartition(" ")
        parts[_part(stack)] += int(count)
    whole = sum(parts.values()) or 1
    return {part: count / whole for part, count in parts.most_common()}


def _measure(folder: Path, bus: str, in_flight: int) -> None:
    count = 12_000 if in_flight >= 50 else 1_500
    with running_stack(folder, bus) as stack:
        uvloop.run(round_trips(stack, 20, 400))  # warm
        before = stack.cpu_s() | beside_cpu_s()
        uvloop.run(round_trips(stack, in_flight, count))
        after = stack.cpu_s() | beside_cpu_s()
        spent = {name: (after[name] - before[name]) / count * 1e6 for name in after}
        print("| process | part | µs a round trip |\n|---|---|---:|")
        for name in stack.processes:
            out = folder / f"{name}.raw"
            with _sampled(stack, name, out):
                uvloop.run(round_trips(stack, in_flight, count))
            shares = _shares(out)
            print(f"| **{name}** | | **{spent[name]:,.0f}** |")
            for part, share in shares.items():
                if share >= 0.01:
                    print(f"| | {part} | {share * spent[name]:,.0f} |")
        for name in spent.keys() - stack.processes.keys():
            print(f"| **{name}** | | **{spent[name]:,.0f}** |")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--in-flight", type=int, default=50)
    parser.add_argument("--bus", choices=("rabbitmq", "embedded"), default="rabbitmq")
    options = parser.parse_args()
    _py_spy()
    with tempfile.TemporaryDirectory(prefix="muster-bench-") as folder:
        (Path(folder) / "muster").mkdir()
        if options.bus == "embedded":
            _measure(Path(folder) / "muster", "embedded", options.in_flight)
            return
        node = private_rabbitmq(Path(folder) / "rabbitmq", lambda said: print(said, file=sys.stderr))
        node.start()
        try:
            _measure(Path(folder) / "muster", node.amqp_url, options.in_flight)
        finally:
            node.stop()


if __name__ == "__main__":
    main()
