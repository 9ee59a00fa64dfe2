"""The long forms of the reliability bars: python -m tests.chaos.run [--only R2,R5] [--bus embedded] [--seed N] [...]

Each bar prints one JSON line with its seed and figures; the exit code is 1 when a promise was broken. Everything runs
on this machine, on free ports of loopback, in folders that are removed afterwards (kept when a bar fails).
"""

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from muster_cli.provision.queue_server import PrivateRabbit, private_rabbitmq
from tests.chaos import (
    commanding,
    crashing,
    cutting,
    detection,
    killing,
    mutating,
    network,
    ownership,
    poison,
    shortage,
    slow,
    storm,
)
from tests.chaos.crowd import Plan, Report
from tests.chaos.fleet import running_chaos
from tests.chaos.links import running_links
from tests.machines import longer

__all__ = ["BARS", "main"]

STORMY = Path(__file__).with_name("stormy_broker.py")
#: Messages in each chat, chats of each browser, faults and seconds between them, at scale 1: some minutes each.
PLANS = {
    "R1": Plan(0, messages=20, chats=5, faults=5, deadline_s=120),  # at each point, with so many seeds
    "R2": Plan(0, messages=200, browsers=4, chats=4, faults=30, pause_s=(1, 4), freeze_s=(5, 90), deadline_s=900),
    "R3": Plan(0, messages=200, browsers=4, chats=4, faults=9, pause_s=(3, 8), freeze_s=(60, 61), deadline_s=900),
    "R5": Plan(0, messages=30, browsers=50, chats=1, faults=15, pause_s=(3, 8), deadline_s=900),
    "R6": Plan(0, messages=30, browsers=3, chats=4, faults=30, pause_s=(1, 5), deadline_s=900),
    "R7": Plan(0, messages=250, faults=100, pause_s=(0.05, 0.5), deadline_s=600, catch_up_s=300),
    "R8": Plan(0, messages=500, browsers=4, chats=5, think_s=0.02, window=3, deadline_s=900),
    "R9": Plan(0, messages=20, faults=30, pause_s=(0.1, 1), freeze_s=(30, 60), think_s=0.2, deadline_s=3000),
    "R10": Plan(0, messages=30, browsers=4, chats=4, window=80, freeze_s=(30, 60), deadline_s=900, catch_up_s=120),
    "R11": Plan(0, faults=10),
    "R12": Plan(0, messages=100, browsers=4, chats=4, faults=20, pause_s=(0.02, 0.3), deadline_s=900),
    "R13": Plan(0, browsers=20, chats=2, freeze_s=(70, 75), think_s=0.5, deadline_s=600, catch_up_s=60),
    "R15": Plan(0, faults=10),
    "R19": Plan(0, messages=2000),  # examples of each machine
    "commands": Plan(0, messages=20, browsers=4, chats=3, faults=40, pause_s=(2, 8), freeze_s=(2, 20), deadline_s=1200),
}
BUSES = ("embedded", "rabbitmq")
Bar = Callable[[Path, str, Plan, PrivateRabbit | None], Report]


def _with_fleet(name: str) -> Bar:
    acts = {
        "R2": killing.router_chaos, "R5": killing.server_chaos, "R6": killing.agent_chaos, "R7": cutting.resume_chaos,
        "R8": storm.storm_chaos, "R11": detection.detection_trials, "R12": poison.poison_chaos,
        "R13": slow.slow_chaos, "R15": ownership.name_races,
        "commands": commanding.command_chaos,
    }  # fmt: skip

    def run(folder: Path, bus: str, plan: Plan, node: PrivateRabbit | None) -> Report:
        stormy = name == "R8"
        with running_chaos(folder, bus, brokers=1 if stormy else 2, script=STORMY if stormy else None) as fleet:
            fleet.add_parrot()
            fleet.management_url = node.management_url if node else ""
            if name == "R3":
                assert node is not None
                return asyncio.run(killing.queue_server_chaos(fleet, plan, node))
            return asyncio.run(acts[name](fleet, plan))

    return run


def _crash_points(folder: Path, bus: str, plan: Plan, _node: PrivateRabbit | None) -> Report:
    return crashing.sweep(folder, bus, plan)


def _network(folder: Path, bus: str, plan: Plan, _node: PrivateRabbit | None) -> Report:
    with running_links(folder, bus, seed=plan.seed) as fleet:
        share = min(1.0, plan.faults / PLANS["R9"].faults)
        return asyncio.run(network.network_chaos(fleet, plan, share=share))


def _shortage(folder: Path, bus: str, plan: Plan, node: PrivateRabbit | None) -> Report:
    with shortage.running_on_small_disk(folder, bus) as (fleet, disk):
        fleet.add_parrot()
        wanting = [*disk, *shortage.locks(fleet), *(shortage.alarms(node) if bus != "embedded" else ())]
        return asyncio.run(shortage.shortage_chaos(fleet, plan, wanting))


def _servers(folder: Path, _bus: str, plan: Plan, _node: PrivateRabbit | None) -> Report:
    return ownership.server_races(folder, plan, wanting=4)


def _machines(_folder: Path, _bus: str, plan: Plan, _node: PrivateRabbit | None) -> Report:
    return longer.machines(plan)


def _mutations(_folder: Path, _bus: str, plan: Plan, _node: PrivateRabbit | None) -> Report:
    return mutating.all_mutations(plan)


#: Name -> how it is run, and on which queue servers.
BARS: dict[str, tuple[Bar, tuple[str, ...]]] = {
    "R1": (_crash_points, BUSES),
    **{
        name: (_with_fleet(name), BUSES)
        for name in ("R2", "R5", "R6", "R7", "R8", "R11", "R12", "R13", "R15", "commands")
    },
    "R3": (_with_fleet("R3"), ("rabbitmq",)),
    "R9": (_network, BUSES),
    "R10": (_shortage, BUSES),
    "R15-servers": (_servers, ("embedded",)),
    "R19": (_machines, ("embedded",)),
    "mutations": (_mutations, ("embedded",)),
}


@contextmanager
def _queue_server(folder: Path, bus: str) -> Iterator[PrivateRabbit | None]:
    if bus == "embedded":
        yield None
        return
    node = private_rabbitmq(folder / "rabbitmq", lambda said: print(said, file=sys.stderr))
    node.start()
    try:
        yield node
    finally:
        node.kill()


def _run(name: str, bus: str, plan: Plan) -> Report:
    folder = Path(tempfile.mkdtemp(prefix=f"muster-chaos-{name}-"))
    with _queue_server(folder, bus) as node:
        report = BARS[name][0](folder, node.amqp_url if node else "embedded", plan, node)
    if report.passed:
        shutil.rmtree(folder)
    else:
        print(f"{name} failed; logs and ledger are in {folder}", file=sys.stderr)
    return report


def _plan(name: str, options: argparse.Namespace) -> Plan:
    seed = options.seed if options.seed is not None else random.randrange(1_000_000)
    plan = replace(PLANS.get(name.partition("-")[0], Plan(0)), seed=seed)
    return replace(
        plan,
        messages=options.messages or max(1, round(plan.messages * options.scale)),
        faults=max(1, round(plan.faults * options.scale)) if options.faults is None else options.faults,
        deadline_s=options.deadline or plan.deadline_s * max(1.0, options.scale),
    )


def main() -> int:
    """Run the bars that are asked for; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help=f"some of {', '.join(BARS)}, with commas between")
    parser.add_argument("--bus", choices=BUSES, help="on this queue server only")
    parser.add_argument("--seed", type=int, help="repeats the choices of a run; chance by default")
    parser.add_argument("--scale", type=float, default=1.0, help="times the messages and faults of each bar")
    parser.add_argument("--messages", type=int, help="in each chat, at least")
    parser.add_argument("--faults", type=int)
    parser.add_argument("--deadline", type=float, help="seconds for each bar's talk")
    parser.add_argument("--json", type=Path, help="append the lines to this file")
    options = parser.parse_args()
    failed = False
    for name in options.only.split(",") if options.only else BARS:
        for bus in BARS[name][1]:
            if options.bus in (None, bus):
                report = _run(name, bus, _plan(name, options))
                failed = failed or not report.passed
                print(report.line(), flush=True)
                if options.json:
                    with options.json.open("a") as file:
                        file.write(report.line() + "\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
