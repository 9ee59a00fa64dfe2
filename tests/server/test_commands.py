"""Commands over the real wire: pushed, followed live, stopped, told once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from muster_messaging.link.problems import read_problem
from muster_protos.v1 import commands_pb2 as wire
from muster_protos.v1.commands_pb2_grpc import AgentCommandsStub
from muster_server.commands import service
from muster_shared_models.problems import Reason
from tests.server.puppet import Puppet, puppet
from tests.server.running import RunningServer, eventually


class Hands:
    """A puppet that receives commands."""

    def __init__(self, agent: Puppet, *running: str) -> None:
        self.stub = AgentCommandsStub(agent.channel)
        self.agent = agent
        request = wire.ReceiveCommandsRequest(running=running)
        self.instructions = self.stub.ReceiveCommands(request, metadata=agent.metadata())

    async def next(self) -> wire.Instruction:
        async with asyncio.timeout(15):
            return await self.instructions.read()

    async def progress(self, command_id: str, **what: Any) -> None:
        said = wire.CommandProgress(command_id=command_id, **what)
        await self.stub.SendCommandOutput(iter([said]), metadata=self.agent.metadata())

    async def result(self, command_id: str, outcome: int = wire.OUTCOME_EXITED, **more: Any) -> None:
        result = wire.CommandResult(
            command_id=command_id, outcome=outcome, started_at_ms=1_000, ended_at_ms=1_250, **more
        )
        await self.stub.SendCommandResult(result, metadata=self.agent.metadata())


@asynccontextmanager
async def hands(server: RunningServer, folder: Path, name: str = "puppet", **more: Any) -> AsyncIterator[Hands]:
    async with puppet(server.started.grpc_address, await server.join_token(), folder, name, **more) as agent:
        receiving = Hands(agent)
        await receiving.instructions.initial_metadata()
        yield receiving
        receiving.instructions.cancel()


async def push(server: RunningServer, to: str = "agent:puppet", **more: Any) -> dict[str, Any]:
    wanted = {"to": to, "shell": "echo hello", **more}
    return dict(await server.post("/api/v1/commands", wanted, 202))


async def target(server: RunningServer, command: str) -> dict[str, Any]:
    return dict((await server.get(f"/api/v1/commands/{command}"))["targets"][0])


async def test_a_command_runs_and_its_output_is_seen_as_it_comes(server: RunningServer, tmp_path: Path) -> None:
    async with hands(server, tmp_path) as agent, server.browser() as browser:
        await browser.send(op="subscribe", stream="commands")
        pushed = await push(server, timeout_s=7)
        instruction = (await agent.next()).run_program
        assert (instruction.command_id, instruction.shell, list(instruction.argv), instruction.timeout_s) == (
            pushed["id"], "echo hello", [], 7,
        )  # fmt: skip
        await browser.send(op="subscribe", stream=f"command:{pushed['id']}")
        await browser.until(lambda f: f["op"] == "snapshot" and f["stream"].startswith("command:"))

        await agent.progress(pushed["id"], started=wire.CommandStarted(pid=42))
        # That it was delivered may come first: the snapshot can be older than the instruction.
        while (await browser.event("TARGET_CHANGED"))["target"]["state"] != "running":
            pass
        for offset, data in [(0, b"caf\xc3"), (4, b"\xa9\n"), (4, b"\xa9\n"), (6, b"\xff\n")]:
            await agent.progress(pushed["id"], output=wire.CommandOutput(offset=offset, data=data))
        await agent.progress(pushed["id"], output=wire.CommandOutput(offset=8, data=b"err\n", stderr=True))
        output = [await browser.event("OUTPUT") for _ in range(4)]
        assert [(o["stream"], o["offset"], o["text"]) for o in output] == [
            ("stdout", 0, "caf"), ("stdout", 4, "é\n"), ("stdout", 6, "\ufffd\n"), ("stderr", 8, "err\n"),
        ]  # fmt: skip
        for _ in range(2):
            await agent.result(pushed["id"], exit_code=3)
        ended = (await browser.event("TARGET_CHANGED"))["target"]
        assert (ended["state"], ended["exit_code"], ended["duration_ms"], ended["pid"]) == ("failed", 3, 250, 42)
        events = (await server.get(f"/api/v1/commands/{pushed['id']}/events"))["items"]
        assert [item["seq"] for item in events] == list(range(1, len(events) + 1))
        assert sum(item["event"]["kind"] == "TARGET_CHANGED" for item in events) == 3


async def test_output_that_died_with_its_agent_is_counted(server: RunningServer, tmp_path: Path) -> None:
    async with hands(server, tmp_path) as agent:
        pushed = await push(server)
        await agent.next()
        await agent.progress(pushed["id"], output=wire.CommandOutput(offset=0, data=b"one\n"))
        for _ in range(2):
            await agent.result(pushed["id"], output_bytes=8)
        events = [item["event"] for item in (await server.get(f"/api/v1/commands/{pushed['id']}/events"))["items"]]
        assert [(event["kind"], event.get("offset"), event.get("dropped")) for event in events[-3:]] == [
            ("OUTPUT", 0, 0), ("OUTPUT", 8, 4), ("TARGET_CHANGED", None, None),
        ]  # fmt: skip


async def test_an_offset_that_no_program_reaches_is_refused(server: RunningServer, tmp_path: Path) -> None:
    async with hands(server, tmp_path) as agent:
        pushed = await push(server)
        await agent.next()
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await agent.progress(pushed["id"], output=wire.CommandOutput(offset=1 << 63, data=b"x"))
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        await agent.result(pushed["id"])


async def test_exact_arguments_reach_the_agent(server: RunningServer, tmp_path: Path) -> None:
    argv = ["printf", "%s", "", " a  b ", "ünï", "$(x)", "`y`", "\\", '"', "'", "\n", "-- -x"]
    async with hands(server, tmp_path) as agent:
        pushed = await push(server, argv=argv, shell="")
        assert list((await agent.next()).run_program.argv) == argv
        assert (await server.get(f"/api/v1/commands/{pushed['id']}"))["argv"] == argv


async def test_a_command_for_an_agent_that_is_away_waits_for_it(server: RunningServer, tmp_path: Path) -> None:
    async with puppet(server.started.grpc_address, await server.join_token(), tmp_path) as agent:
        pushed = await push(server)
        assert (await target(server, pushed["id"]))["state"] == "stored"
        receiving = Hands(agent)
        assert (await receiving.next()).run_program.command_id == pushed["id"]
        await eventually(lambda: is_state(server, pushed["id"], "delivered"))
        receiving.instructions.cancel()
        again = Hands(agent)
        assert (await again.next()).run_program.command_id == pushed["id"]
        again.instructions.cancel()
        running = Hands(agent, pushed["id"])
        later = await push(server)
        assert (await running.next()).run_program.command_id == later["id"]
        running.instructions.cancel()


async def test_more_than_one_stream_begins_with_is_fetched_by_the_next(
    server: RunningServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "OFFERED", 3)
    async with puppet(server.started.grpc_address, await server.join_token(), tmp_path) as agent:
        pushed = [(await push(server))["id"] for _ in range(5)]
        taken: list[str] = []
        while len(taken) < len(pushed):
            receiving = Hands(agent, *taken)
            while (instruction := await receiving.next()) is not grpc.aio.EOF:
                command_id = instruction.run_program.command_id
                taken.append(command_id)
                await receiving.result(command_id)
                if len(taken) == len(pushed):
                    break
            receiving.instructions.cancel()
        assert taken == pushed


async def is_state(server: RunningServer, command: str, state: str) -> bool:
    return (await target(server, command))["state"] == state


async def test_what_nobody_fetches_in_time_expires(server: RunningServer, tmp_path: Path) -> None:
    async with puppet(server.started.grpc_address, await server.join_token(), tmp_path):
        pushed = await push(server, expires_s=1)
        await eventually(lambda: is_state(server, pushed["id"], "expired"))
        assert (await target(server, pushed["id"]))["reason"] == "expired"


async def test_a_stop_has_three_stages_with_their_times(server: RunningServer, tmp_path: Path) -> None:
    async with hands(server, tmp_path) as agent:
        pushed = await push(server)
        await agent.next()
        await agent.progress(pushed["id"], started=wire.CommandStarted(pid=42))
        await server.post(f"/api/v1/commands/{pushed['id']}/stop", {}, 202)
        stop = (await agent.next()).stop_command
        assert (stop.command_id, stop.grace_ms) == (pushed["id"], 5_000)
        await agent.progress(pushed["id"], stop_acknowledged=wire.StopAcknowledged(processes=2))
        await server.post(f"/api/v1/commands/{pushed['id']}/stop", {"kill": True}, 202)
        assert (await agent.next()).stop_command.grace_ms == 0
        await agent.result(pushed["id"], wire.OUTCOME_STOPPED, exit_code=-9, stop_confirmed_at_ms=5, processes_ended=2)
        ended = await target(server, pushed["id"])
        assert (ended["state"], ended["reason"], ended["stop_requested_by"]) == ("stopped", "stopped", "admin")
        stages = [ended[f"stop_{stage}_at"] for stage in ("requested", "acknowledged", "confirmed")]
        assert stages == sorted(stages)
        assert ended["processes_ended"] == 2
        answer = await server.post(f"/api/v1/commands/{pushed['id']}/stop", {}, 409)
        assert answer["reason"] == "already_finished"


async def test_a_stop_before_anybody_fetched_it_withdraws_the_command(server: RunningServer, tmp_path: Path) -> None:
    async with puppet(server.started.grpc_address, await server.join_token(), tmp_path) as agent:
        pushed = await push(server)
        await server.post(f"/api/v1/commands/{pushed['id']}/stop", {}, 202)
        assert (await target(server, pushed["id"]))["state"] == "expired"
        receiving = Hands(agent)
        later = await push(server)
        assert (await receiving.next()).run_program.command_id == later["id"]
        receiving.instructions.cancel()


async def test_a_command_goes_to_every_match(server: RunningServer, tmp_path: Path) -> None:
    async with (
        hands(server, tmp_path, "one", labels={"env": "lab"}) as one,
        hands(server, tmp_path, "two", labels={"env": "lab"}) as two,
        hands(server, tmp_path, "three", labels={"env": "prod"}),
    ):
        pushed = await push(server, "all:env=lab")
        assert [t["agent_name"] for t in pushed["targets"]] == ["one", "two"]
        for agent in (one, two):
            await agent.next()
            await agent.result(pushed["id"], exit_code=0)
        view = await server.get(f"/api/v1/commands/{pushed['id']}")
        assert [t["state"] for t in view["targets"]] == ["done", "done"]
        only = await server.get("/api/v1/commands", agent_id=one.agent.id)
        assert [item["id"] for item in only["items"]] == [pushed["id"]]


async def test_another_agents_command_cannot_be_touched(server: RunningServer, tmp_path: Path) -> None:
    async with hands(server, tmp_path, "one") as one, hands(server, tmp_path, "two") as two:
        pushed = await push(server, "agent:one")
        await one.next()
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await two.result(pushed["id"], exit_code=0)
        assert read_problem(refused.value).reason is Reason.COMMAND_NOT_FOUND
        assert (await target(server, pushed["id"]))["state"] == "delivered"


@pytest.mark.parametrize(
    ("wanted", "status", "reason"),
    [
        ({"to": "agent:nobody", "shell": "x"}, 404, "agent_not_found"),
        ({"to": "all:env=nowhere", "shell": "x"}, 404, "no_target"),
        ({"to": "any:*", "shell": "x"}, 422, "invalid_address"),
        ({"to": "user:x", "shell": "x"}, 422, "invalid_address"),
        ({"to": "agent:puppet"}, 422, "invalid_request"),
        ({"to": "agent:puppet", "shell": "x", "argv": ["y"]}, 422, "invalid_request"),
        ({"to": "agent:puppet", "shell": "a\0b"}, 422, "invalid_request"),
        ({"to": "agent:puppet", "shell": "x", "timeout_s": 0}, 422, "invalid_request"),
        ({"to": "agent:puppet", "shell": "x", "approved": True}, 422, "invalid_request"),
    ],
)
async def test_a_command_that_makes_no_sense_is_refused(
    server: RunningServer, wanted: dict[str, Any], status: int, reason: str
) -> None:
    assert (await server.post("/api/v1/commands", wanted, status))["reason"] == reason


async def test_lists_go_on_where_they_ended(server: RunningServer, tmp_path: Path) -> None:
    async with puppet(server.started.grpc_address, await server.join_token(), tmp_path):
        ids = [(await push(server))["id"] for _ in range(5)]
        seen: list[str] = []
        cursor = ""
        while True:
            page = await server.get("/api/v1/commands", limit=2, **({"cursor": cursor} if cursor else {}))
            seen += [item["id"] for item in page["items"]]
            cursor = page["next_cursor"]
            if not cursor:
                break
        assert seen == ids[::-1]
        bad = await server.http.get("/api/v1/commands", params={"cursor": "!!!"})
        assert (bad.status_code, bad.json()["reason"]) == (422, "invalid_request")
