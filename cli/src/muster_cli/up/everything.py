"""Server, broker and local agents: started in order, watched, stopped in order."""

import asyncio
import contextlib
import re
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

from muster_cli.connection import ANNOUNCEMENT, Announcement, Connection
from muster_cli.output import say
from muster_cli.provision.console import how_to_build_the_console
from muster_cli.provision.ports import free_ports, is_free
from muster_cli.provision.queue_server import private_rabbitmq
from muster_cli.settings import CliSettings
from muster_cli.up.child import Child
from muster_server.lock import locked
from muster_shared_models.problems import MusterError, Reason
from muster_shared_models.system import JoinToken, NewJoinToken

__all__ = ["run_everything"]

START_TIMEOUT_S = 30.0
POLL_S = 0.05
LOAD_TIMEOUT_S = 10.0


async def run_everything(settings: CliSettings, bus: str) -> None:
    """Run until a signal comes; raises MusterError when something does not start."""
    _need_folder(settings.data_dir)
    stop = asyncio.Event()
    with _signals(stop):
        await _run(settings, bus, stop)


def _need_folder(folder: Path) -> None:
    """Raise DATA_DIR_IN_USE before anything is touched in a folder that another server works in."""
    try:
        with locked(folder):
            return
    except MusterError as error:
        announced = Announcement.read(folder)
        where = f" Its console is at {announced.url}; muster token login makes a link to it." if announced else ""
        raise MusterError(error.reason, f"{error.detail}{where}", error.hint) from None


@contextlib.asynccontextmanager
async def _queue_server(settings: CliSettings, bus: str, stop: asyncio.Event) -> AsyncIterator[tuple[str, str]]:
    """Run a private RabbitMQ, if one is wanted; yields the bus for the server, and where its management API is."""
    if bus != "rabbitmq":
        yield bus, ""
        return
    rabbit = await asyncio.to_thread(private_rabbitmq, settings.data_dir / "rabbitmq", say)
    say("Starting RabbitMQ ...")
    await asyncio.to_thread(rabbit.start)
    try:
        if stop.is_set():
            raise KeyboardInterrupt
        yield rabbit.amqp_url, rabbit.management_url
    finally:
        await asyncio.to_thread(rabbit.stop)


async def _run(settings: CliSettings, bus: str, stop: asyncio.Event) -> None:
    # The processes load while the queue server starts.
    (settings.data_dir / ANNOUNCEMENT).unlink(missing_ok=True)
    logs = settings.data_dir / "logs"
    server, broker = Child("server", ["server"], logs), Child("broker-1", ["broker"], logs)
    agents = [Child(name, ["agent", name, "--name", name], logs) for name in _agents(settings)]
    server.kept_up = False
    tasks: list[asyncio.Task[None]] = []
    starting = asyncio.create_task(_start_in_turn((server, broker, *agents), tasks))
    try:
        async with _queue_server(settings, bus, stop) as (url, api):
            server.begin(_server_environment(settings, url, api))
            try:
                announced = await _announced(settings, server, stop)
                server.kept_up = True
                if announced:
                    with Connection.open(settings) as connection:
                        broker.begin(_broker_environment(settings, connection, announced))
                        for agent in agents:
                            agent.begin(_agent_environment(settings, connection, announced, agent.name))
                        await starting
                        await _answered(connection, len(agents), stop)
                        _welcome(settings, connection, bus)
                await _until(stop, tasks)
            finally:
                # The stop order: agents finish while the broker still carries their answers, the broker while the
                # server is up, and that while its queue server is.
                say("stopping ...")
                for group in (agents, [broker], [server]):
                    await asyncio.gather(*(child.stop() for child in group))
    finally:
        starting.cancel()
        await asyncio.gather(*(child.stop() for child in (server, broker, *agents)))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _until(stop: asyncio.Event, tasks: Sequence[asyncio.Task[None]]) -> None:
    """Wait for the end; raises what ended a task before."""
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((stopping, *tasks), return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                task.result()
    finally:
        stopping.cancel()


async def _start_in_turn(children: Sequence[Child], tasks: list[asyncio.Task[None]]) -> None:
    """Let the others load one after the other beside the server, which takes longest: all at once would slow it."""
    for child in children:
        task = asyncio.create_task(child.run(), name=child.name)
        tasks.append(task)
        if child is children[0]:
            continue
        loaded = asyncio.create_task(child.loaded.wait())
        await asyncio.wait((loaded, task), return_when=asyncio.FIRST_COMPLETED, timeout=LOAD_TIMEOUT_S)
        loaded.cancel()


def _server_environment(settings: CliSettings, bus: str, bus_api: str) -> dict[str, str]:
    environment = {"MUSTER_DATA_DIR": str(settings.data_dir), "MUSTER_BUS": bus}
    if bus_api:
        environment["MUSTER_BUS_API"] = bus_api
    # The usual ports when they are free, others when they are not: the link says which. Settled here and not by the
    # server, which must come back at the same ones when it is started again.
    others = iter(free_ports(2))
    for name, port in (("MUSTER_HTTP_PORT", settings.http_port), ("MUSTER_GRPC_PORT", settings.grpc_port)):
        chosen = port if port and is_free(port) else next(others)
        if port and chosen != port:
            say(f"Port {port} is in use: taking {chosen} instead. {name} chooses another.")
        environment[name] = str(chosen)
    return environment


async def _announced(settings: CliSettings, server: Child, stop: asyncio.Event) -> Announcement | None:
    give_up_at = asyncio.get_running_loop().time() + START_TIMEOUT_S
    await asyncio.sleep(POLL_S)
    while not stop.is_set():
        announced = Announcement.read(settings.data_dir)
        if announced:
            return announced
        if server.ended or asyncio.get_running_loop().time() > give_up_at:
            raise _did_not_start(server.tail, settings.data_dir / "logs" / "server.log")
        await asyncio.sleep(POLL_S)
    return None


def _did_not_start(tail: str, log: Path) -> MusterError:
    """Pass the server's own words on, with its reason."""
    found = re.search(r"^\s*reason: (\w+)$", tail, re.MULTILINE)
    reason = Reason(found[1]) if found and found[1] in set(Reason) else Reason.UNAVAILABLE
    return MusterError(reason, f"The server did not start. Its last words:\n{tail}", f"Its log is {log}.")


def _agents(settings: CliSettings) -> list[str]:
    return ["echo", "operator"] + (["chat"] if settings.mistral_api_key.get_secret_value() else [])


def _broker_environment(settings: CliSettings, connection: Connection, server: Announcement) -> dict[str, str]:
    state = _state(settings, "broker-1")
    return {
        "MUSTER_SERVER": server.grpc_address,
        "MUSTER_JOIN": _join(connection, "broker", "", state),
        "MUSTER_BROKER_STATE_DIR": str(state),
    }


def _agent_environment(
    settings: CliSettings, connection: Connection, server: Announcement, name: str
) -> dict[str, str]:
    state = _state(settings, name)
    return {
        "MUSTER_SERVER": server.grpc_address,
        "MUSTER_JOIN": _join(connection, "agent", name, state),
        "MUSTER_STATE_DIR": str(state),
    }


def _state(settings: CliSettings, name: str) -> Path:
    return settings.data_dir.resolve() / "state" / name


def _join(connection: Connection, kind: str, name: str, state: Path) -> str:
    """Return a join token for a process that has not joined yet, nothing for one that has its certificate."""
    if (state / "server.crt").exists():
        return ""
    wanted = NewJoinToken(kind="agent" if kind == "agent" else "broker", name=name or None)
    return JoinToken.model_validate(connection.post("/api/v1/join-tokens", wanted)).token


async def _answered(connection: Connection, agents: int, stop: asyncio.Event) -> None:
    """Return when agents and a broker are there, or after a while: the console shows best what is missing."""
    give_up_at = asyncio.get_running_loop().time() + START_TIMEOUT_S
    while not stop.is_set() and asyncio.get_running_loop().time() < give_up_at:
        # A server that is killed at this moment comes back.
        with contextlib.suppress(MusterError):
            fleet = (await asyncio.to_thread(connection.get, "/api/v1/agents"))["items"]
            if sum(view["presence"]["state"] in ("idle", "busy") for view in fleet) >= agents:
                brokers = (await asyncio.to_thread(connection.get, "/api/v1/system"))["brokers"]
                if any(broker["connected"] for broker in brokers):
                    return
        await asyncio.sleep(POLL_S * 2)


def _welcome(settings: CliSettings, connection: Connection, bus: str) -> None:
    system = connection.get("/api/v1/system")
    link = connection.post("/api/v1/login-links")["url"]
    queue = "embedded queue server" if bus == "embedded" else "RabbitMQ"
    say(f"\n  Muster {system['version']} · {queue} · data in {settings.data_dir}\n")
    print(f"  {link}", flush=True)
    for warning in system["warnings"]:
        say(f"  ! {warning}")
    if how := how_to_build_the_console():
        say(f"  ! The web console is not built, the link shows a note in its place. To get it: {how}")
    say("\n  The link logs one browser in, once. Another one: muster token login")
    say("  Ctrl-C stops everything.\n")


@contextlib.contextmanager
def _signals(stop: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM) if sys.platform != "win32" else ()
    for number in numbers:
        loop.add_signal_handler(number, stop.set)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
