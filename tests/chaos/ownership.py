"""R15: who owns a name, who owns a data directory: of many that want it at once, exactly one gets it."""

import asyncio
import random
import time
from functools import partial
from pathlib import Path

from muster_cli.connection import ANNOUNCEMENT
from muster_messaging.link.channel import fetch_certificate, open_channel
from muster_messaging.link.identity import Identity
from muster_shared_models.problems import MusterError, Reason
from muster_shared_models.system import NewJoinToken, split_join_token
from tests.chaos.checker import Problem
from tests.chaos.crowd import Plan, Report
from tests.chaos.fleet import ChaosFleet, ChaosProcess
from tests.e2e.process import MUSTER
from tests.e2e.waiting import until
from tests.server.puppet import Puppet

__all__ = ["name_races", "server_races"]

START_TIMEOUT_S = 60.0
#: Of ten seconds each: a hundred handshakes at once take a small machine some time.
TRIES = 5
AGAIN_S = 0.5


async def name_races(fleet: ChaosFleet, plan: Plan, *, wanting: int = 100) -> Report:
    """`wanting` keys register one name at the same time, `faults` times; a fresh name each time."""
    began = time.monotonic()
    report = Report("R15", fleet.kind, plan, {"registrations": 0, "winners": 0})
    rng = random.Random(plan.seed)
    for turn in range(plan.faults):
        name = f"wanted-{plan.seed}-{turn}"
        tokens = await asyncio.to_thread(_tokens, fleet, wanting)
        rng.shuffle(tokens)
        outcomes = await _register(fleet, name, tokens)
        report.numbers["registrations"] += wanting
        report.numbers["winners"] += outcomes.count("won")
        others = [outcome for outcome in outcomes if outcome not in ("won", Reason.NAME_TAKEN.value)]
        if outcomes.count("won") != 1 or others:
            report.problems.append(Problem("ownership", f"{name}: {outcomes.count('won')} won, others {others[:3]}"))
        owners = [view for view in fleet.get("/api/v1/agents", limit=200)["items"]
                  if view["description"]["name"] == name]  # fmt: skip
        if len(owners) != 1:
            report.problems.append(Problem("ownership", f"{name}: {len(owners)} agents are listed"))
    report.seconds = time.monotonic() - began
    return report


def _tokens(fleet: ChaosFleet, count: int) -> list[str]:
    with fleet.api() as api:
        return [str(api.post("/api/v1/join-tokens", NewJoinToken(kind="agent"))["token"]) for _ in range(count)]


async def _register(fleet: ChaosFleet, name: str, tokens: list[str]) -> list[str]:
    secrets = [split_join_token(token) for token in tokens]
    certificate = await fetch_certificate(fleet.grpc_address, secrets[0][1])
    folder = fleet.folder / "keys" / name
    folder.mkdir(parents=True)

    async def one(number: int, secret: str) -> str:
        # A connection each, as different machines have: one connection carries only so many calls at a time.
        channel = open_channel(fleet.grpc_address, certificate)
        agent = Puppet(channel, Identity.load_or_create(folder / f"{number}.key"), name)
        try:
            return await _ask(agent, secret)
        finally:
            await channel.close()

    return list(await asyncio.gather(*(one(number, secret) for number, (secret, _) in enumerate(secrets))))


async def _ask(agent: Puppet, secret: str) -> str:
    """Return "won" or the reason of the refusal; who got no answer asks again, as agents do: who won keeps the name."""
    for number in range(TRIES):
        try:
            await agent.register(secret)
        except MusterError as error:
            if error.reason is not Reason.UNAVAILABLE:
                return error.reason.value
            # Until the channel connects again, each call fails at once.
            await asyncio.sleep(AGAIN_S * 2**number)
        else:
            return "won"
    return Reason.UNAVAILABLE.value


def server_races(folder: Path, plan: Plan, *, wanting: int = 3) -> Report:
    """`wanting` servers start on one data directory at the same time, `faults` times; a fresh one each time."""
    began = time.monotonic()
    report = Report("R15", "embedded", plan, {"server_starts": 0, "winners": 0})
    for turn in range(plan.faults):
        data = folder / f"data-{turn}"
        data.mkdir()
        arguments = [*MUSTER, "server", "--data-dir", str(data), "--http-port", "0", "--grpc-port", "0"]
        servers = [ChaosProcess(f"server-{turn}-{n}", arguments, {}, folder) for n in range(wanting)]
        try:
            for server in servers:
                server.start()
            until(partial(_one_lives, servers), START_TIMEOUT_S, "all but one have ended")
            until((data / ANNOUNCEMENT).exists, START_TIMEOUT_S, "the winner serves")
            report.problems += _judge(servers)
            report.numbers["server_starts"] += wanting
            report.numbers["winners"] += sum(server.is_running for server in servers)
        finally:
            for server in servers:
                server.stop()
    report.seconds = time.monotonic() - began
    return report


def _judge(servers: list[ChaosProcess]) -> list[Problem]:
    living = [server for server in servers if server.is_running]
    problems = [] if len(living) == 1 else [Problem("ownership", f"{len(living)} servers live on one folder")]
    return problems + [
        Problem("ownership", f"{server.name} ended {server.exit_code}: {server.tail(3)}")
        for server in servers
        if server not in living and ("Another Muster server uses" not in server.tail() or server.exit_code == 0)
    ]


def _one_lives(servers: list[ChaosProcess]) -> bool:
    return sum(server.is_running for server in servers) <= 1
