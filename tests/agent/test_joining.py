"""Joining: with a token once, with the key ever after; and what people read when it does not work."""

import asyncio
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from muster_agent import Agent, AgentSettings, load_settings, run_agent
from muster_agent.builtin import build
from muster_agent.control import access, registration
from muster_agent.control.backoff import Backoff
from muster_agent.control.state import StateFolder
from muster_agent.errors import StateInUse
from muster_messaging.link.channel import certificate_pin
from muster_shared_models.problems import MusterError, Reason
from tests.agent.conftest import Running
from tests.agent.fake_server import FakeServer, make_certificate
from tests.agent.waiting import until

Make = Callable[..., AgentSettings]


def echo() -> Agent:
    return build("echo", load_settings())


async def failure(settings: AgentSettings, agent: Agent | None = None) -> MusterError:
    with pytest.raises(MusterError) as caught:
        await asyncio.wait_for(run_agent(settings, agent or echo()), 20)
    return caught.value


async def test_an_agent_describes_itself(running: Running, server: FakeServer) -> None:
    agent = Agent("greeter", about="greets", skills=["greet"], examples=["Ada"], labels={"a": "1"}, slots=3, history=7)
    agent.on_message(lambda message: message.text)
    async with running(agent, labels={"b": "2"}, commands="refuse"):
        described = server.joins[0].description
        assert (described.name, described.about, list(described.skills)) == ("greeter", "greets", ["greet"])
        assert (dict(described.labels), described.slots, described.history) == ({"a": "1", "b": "2"}, 3, 7)
        assert not described.accepts_commands
        assert described.machine.pid > 0


async def test_a_restart_needs_no_token_and_keeps_the_identity(
    running: Running, server: FakeServer, tmp_path: Path
) -> None:
    async with running(echo()):
        pass
    for name in ("key.pem", "server.pem", "joined.json", "journal.db"):
        assert stat.S_IMODE((tmp_path / "state" / name).stat().st_mode) == 0o600, name
    async with running(echo(), join=""):
        assert len(server.keys) == 1
    async with running(echo()) as talk:
        assert [request.join_token for request in server.joins][1:] == ["", ""]
        assert await talk.ask("still me") == "still me"


async def test_without_a_token_a_new_agent_says_what_it_needs(settings_for: Make) -> None:
    error = await failure(settings_for(join=""))
    assert error.reason is Reason.JOIN_TOKEN_INVALID
    assert "muster token create" in error.hint


async def test_a_used_token_is_told(settings_for: Make, server: FakeServer) -> None:
    server.secrets.clear()
    error = await failure(settings_for())
    assert error.reason is Reason.JOIN_TOKEN_INVALID
    assert "works once" in error.hint


async def test_half_a_token_is_told(settings_for: Make) -> None:
    assert (await failure(settings_for(join="mj_half"))).reason is Reason.JOIN_TOKEN_INVALID


async def test_a_taken_name_is_told(settings_for: Make, server: FakeServer) -> None:
    server.refuse_join = MusterError(Reason.NAME_TAKEN, "There is an agent 'echo' already.")
    error = await failure(settings_for())
    assert error.reason is Reason.NAME_TAKEN
    assert "MUSTER_AGENT_NAME" in error.hint


async def test_a_server_that_is_not_there_is_told_at_once_at_the_first_start(settings_for: Make) -> None:
    error = await failure(settings_for(server="127.0.0.1:1"))
    assert error.reason is Reason.UNAVAILABLE
    assert "127.0.0.1:1" in error.detail


async def test_a_server_that_the_token_does_not_name_is_not_talked_to(settings_for: Make, server: FakeServer) -> None:
    other_pin = certificate_pin(make_certificate()[1].decode())
    error = await failure(settings_for(join=f"mj_{'s' * 20}.{other_pin}"))
    assert error.reason is Reason.SERVER_IDENTITY
    assert server.joins == []


async def test_a_server_that_was_replaced_is_not_talked_to(
    settings_for: Make, server: FakeServer, running: Running
) -> None:
    async with running(echo()):
        pass
    await server.hang_up()
    server.key, server.certificate = make_certificate()
    await server.listen()
    error = await failure(settings_for(join=""))
    assert error.reason is Reason.SERVER_IDENTITY
    assert "delete" in error.hint


async def test_a_known_agent_waits_for_its_server(
    running: Running, server: FakeServer, settings_for: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registration, "Backoff", lambda: Backoff(0.02, 0.05))
    async with running(echo()):
        pass
    server.beats.clear()
    await server.hang_up()
    stop = asyncio.Event()
    task = asyncio.create_task(run_agent(settings_for(), echo(), stop=stop))
    await asyncio.wait({task}, timeout=0.3)
    assert not task.done()
    await server.listen()
    await until(lambda: server.beats)
    stop.set()
    await task


async def test_waiting_for_a_server_can_be_stopped(running: Running, server: FakeServer, settings_for: Make) -> None:
    async with running(echo()):
        pass
    await server.hang_up()
    stop = asyncio.Event()
    task = asyncio.create_task(run_agent(settings_for(), echo(), stop=stop))
    await asyncio.wait({task}, timeout=0.2)
    stop.set()
    await asyncio.wait_for(task, 5)
    await server.listen()


async def test_refused_credentials_make_the_agent_join_again(running: Running, server: FakeServer) -> None:
    async with running(echo()) as talk:
        server.tokens.clear()
        await server.hang_up()
        await server.listen()
        await until(lambda: len(server.joins) >= 2 and server.tokens)
        assert await talk.ask("back again") == "back again"
        assert len(server.keys) == 1


async def test_an_agent_that_the_server_forgot_and_will_not_have_back_ends_and_says_so(
    settings_for: Make, server: FakeServer
) -> None:
    task = asyncio.create_task(run_agent(settings_for(), echo()))
    await until(lambda: server.beats)
    server.keys.clear()
    server.tokens.clear()
    await server.hang_up()
    await server.listen()
    with pytest.raises(MusterError) as caught:
        await asyncio.wait_for(task, 20)
    assert caught.value.reason is Reason.JOIN_TOKEN_INVALID
    assert "new join token" in caught.value.hint


async def test_an_agent_that_is_taken_in_as_somebody_new_begins_anew(server: FakeServer, settings_for: Make) -> None:
    stop = asyncio.Event()
    task = asyncio.create_task(run_agent(settings_for(), echo(), stop=stop))
    await until(lambda: server.beats)
    server.secrets.add("mj_" + "s" * 20)
    server.keys = {b"somebody else": "agt_" + "9" * 26}
    server.tokens.clear()
    await server.hang_up()
    await server.listen()
    await until(lambda: len(server.keys) == 2 and server.beats[-1].number < 5 and server.beats[-1].consumer_attached)
    stop.set()
    await asyncio.wait_for(task, 20)


async def test_credentials_are_renewed_before_they_expire(
    running: Running, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "SHORTEST_RENEWAL_S", 0.01)
    server.token_life_ms = 300
    async with running(echo()):
        await until(lambda: server.renewals >= 3)
        assert len(server.joins) == 1


async def test_two_processes_do_not_share_a_state_folder(running: Running, settings_for: Make) -> None:
    async with running(echo()):
        error = await failure(settings_for())
        assert isinstance(error, StateInUse)
        assert error.reason is Reason.DATA_DIR_IN_USE


async def test_a_description_that_is_not_allowed_is_told(settings_for: Make) -> None:
    agent = Agent("no spaces allowed")
    agent.on_message(lambda message: "")
    error = await failure(settings_for(), agent)
    assert error.reason is Reason.INVALID_SETTING
    assert "name" in error.detail


async def test_an_agent_without_a_handler_is_told(settings_for: Make) -> None:
    assert "on_message" in (await failure(settings_for(), Agent("mute"))).hint


def test_back_off_is_full_jitter_within_its_bounds_and_can_begin_anew() -> None:
    backoff = Backoff()
    waits = [backoff.next() for _ in range(200)]
    assert all(0.05 <= wait <= 30 for wait in waits)
    assert max(waits[20:]) > 15
    assert min(waits[20:]) < 10
    backoff.reset()
    assert backoff.next() <= 0.5


def test_a_state_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MusterError, match="cannot be used"), StateFolder(tmp_path / "file" / "state"):
        pass
