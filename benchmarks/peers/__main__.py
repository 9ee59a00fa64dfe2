"""Echo round trips of Muster, Celery and AutoGen in one run on one machine, measured in turns.

python -m benchmarks.peers [--quick] [--json FILE]
"""

import argparse
import contextlib
import json
import os
import platform
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from benchmarks.peers.contenders import CELERY_POOLS, Contender, autogen_grpc, autogen_memory, celery, muster
from benchmarks.peers.environments import NotInstalledError, python_of
from benchmarks.peers.processes import PeerFailedError
from benchmarks.peers.tables import Measured, ratios
from muster_cli.provision.queue_server import private_rabbitmq
from muster_shared_models.problems import MusterError

DEADLINE_S = 900
ROUNDS = 3
WARM = 400
COUNTS = {1: 300, 50: 2_500, 500: 4_000}
NOTES = [
    "celery: durable quorum queue, acks_late, confirm_publish, rpc:// results (transient, its default), concurrency 2",
    "autogen: nothing is durable; in memory means client and agent in one process",
    "muster: client is this process, a browser that follows the events of each run; every step is durable",
    "muster: cpu_us includes opening as many conversations as messages are in flight",
    "cpu_us is of a process and all below it; the broker's and the idle ones' heartbeats are in it",
    "ratios are muster / peer: per_second above 1 and p50, p99 below 1 are in muster's favour",
]


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


def _give_up(number: int, _frame: object) -> None:
    raise SystemExit(f"ended by {signal.Signals(number).name}")


@contextlib.contextmanager
def _rabbitmq(folder: Path, failed: dict[str, str]) -> Iterator[str | None]:
    """Yield the URL of a private node on `folder`, or None where there can be none."""
    node = None
    try:
        node = private_rabbitmq(folder, _say)
        node.start()
    except MusterError as error:
        failed["rabbitmq"] = error.detail
        node = None
    try:
        yield node.amqp_url if node else None
    finally:
        if node:
            node.stop()


def _installed(failed: dict[str, str]) -> dict[str, Path]:
    found = {}
    for peer in ("celery", "autogen"):
        try:
            found[peer] = python_of(peer)
        except NotInstalledError as error:
            failed[peer] = f"not installed: {error}"
            _say(f"{peer} is left out: {error}")
    return found


def _start(stack: contextlib.ExitStack, folder: Path, failed: dict[str, str]) -> list[Contender]:
    pythons, rabbit = _installed(failed), folder / "rabbitmq"
    amqp = stack.enter_context(_rabbitmq(rabbit, failed))
    entered = [stack.enter_context(muster("muster, embedded", folder / "embedded", "embedded"))]
    wanted: dict[str, AbstractContextManager[Contender]] = {}
    if amqp:
        entered.append(stack.enter_context(muster("muster, rabbitmq", folder / "muster", amqp, rabbit)))
    if amqp and "celery" in pythons:
        wanted |= {f"celery, {pool}": celery(pythons["celery"], pool, folder, amqp, rabbit) for pool in CELERY_POOLS}
    if "autogen" in pythons:
        wanted["autogen, in memory"] = autogen_memory(pythons["autogen"], folder)
        wanted["autogen, grpc"] = autogen_grpc(pythons["autogen"], folder)
    for name, starting in wanted.items():
        try:
            entered.append(stack.enter_context(starting))
        except PeerFailedError as error:
            failed[name] = str(error)
            _say(f"{name} is left out: {error}")
    return entered


def _measure(contender: Contender, count: int, into: Measured) -> None:
    before, own = contender.cpu_s(), sum(os.times()[:2])
    figures = contender.round_trips(into.in_flight, count * contender.weight)
    used = {process: seconds - before[process] for process, seconds in contender.cpu_s().items()}
    if into.what.startswith("muster"):
        used = {"client": sum(os.times()[:2]) - own, **used}
    into.add(figures, used)


def _try(contender: Contender, count: int, into: Measured, failed: dict[str, str]) -> None:
    if contender.name in failed:
        return
    try:
        _measure(contender, count, into)
    except PeerFailedError as error:
        failed[contender.name] = str(error)
        _say(f"{contender.name} is left out from here: {error}")


def _in_turns(contenders: list[Contender], part: int, failed: dict[str, str]) -> list[Measured]:
    """Measure everybody, then everybody again in another order, so that a busy moment does not hit one of them only."""
    for contender in contenders:
        _try(contender, WARM, Measured(contender.name, 20), failed)
    measured = []
    for in_flight, count in COUNTS.items():
        level = {contender.name: Measured(contender.name, in_flight) for contender in contenders}
        for turn in range(ROUNDS):
            for contender in contenders[turn:] + contenders[:turn]:
                _try(contender, count // part, level[contender.name], failed)
        done = [each for each in level.values() if each.rates]
        for each in done:
            _say(json.dumps(each.row()))
        measured += done
    return measured


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the messages")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, _give_up)
    signal.signal(signal.SIGALRM, _give_up)
    signal.alarm(DEADLINE_S)
    failed: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="muster-bench-peers-") as folder, contextlib.ExitStack() as stack:
        contenders = _start(stack, Path(folder), failed)
        measured = _in_turns(contenders, 10 if options.quick else 1, failed)
    result = {
        "python": platform.python_version(),
        "cores": len(os.sched_getaffinity(0)),
        "notes": NOTES,
        "rows": [each.row() for each in measured],
        "failed": failed,
        "ratios": ratios(measured),
    }
    text = json.dumps(result, indent=1)
    print(text)
    if options.json:
        options.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
