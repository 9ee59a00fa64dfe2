"""Dead letters from the command line, made by an agent that sends what no broker understands."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from muster_cli.connection import TOKEN_FILE, Announcement, Connection
from muster_messaging.message import Message
from muster_messaging.topology import TO_BROKER, partition_key, partition_of
from tests.cli.conftest import Here
from tests.cli.stack import Up, until
from tests.server.puppet import puppet


async def send_poison(address: str, token: str, folder: Path, texts: list[str]) -> None:
    async with puppet(address, token, folder, "poisoner") as agent:
        bus = await agent.bus()
        for number, text in enumerate(texts):
            message = Message(f"msg_{folder.name}_{number}", "chat", text.encode(), to="server", schema=99)
            key = partition_key(partition_of("", agent.registered.partitions))
            await bus.publish(TO_BROKER, key, message)
        await bus.close()


@pytest.fixture
def letters(running: Up, muster: Here, tmp_path: Path) -> Iterator[list[str]]:
    """The ids of two waiting dead letters."""
    [made] = muster.objects("token", "create")
    announced = Announcement.read(running.data)
    assert announced is not None
    asyncio.run(send_poison(announced.grpc_address, str(made["token"]), tmp_path, ["first", "second"]))

    def two() -> bool:
        return len(muster.objects("dlq", "list")) == 2

    until(two, "two dead letters")
    yield [str(each["id"]) for each in reversed(muster.objects("dlq", "list"))]
    if muster.objects("dlq", "list"):
        muster("dlq", "drop", "--all")
    [poisoner] = [each["id"] for each in muster.objects("agents") if each["description"]["name"] == "poisoner"]
    with Connection(announced.url, (running.data / TOKEN_FILE).read_text().strip()) as server:
        server._ask("DELETE", f"/api/v1/agents/{poisoner}")


def test_a_dead_letter_is_shown_edited_and_sent_again(muster: Here, letters: list[str], tmp_path: Path) -> None:
    first, _second = letters
    shown = muster("dlq", "show", first)
    assert (shown.code, shown.out) == (0, "first\n")
    assert "schema_unknown" in shown.err

    (tmp_path / "body").write_text("better\n")
    assert muster("dlq", "edit", first, "--body", str(tmp_path / "body")).code == 0
    assert muster("dlq", "show", first).out == "better\n"
    assert muster("dlq", "replay", first).code == 0
    [done] = muster.objects("dlq", "list", "--state", "replayed")
    assert (done["id"], done["edited"]) == (first, True)
    detail = json.loads(muster("dlq", "show", first, "--json").out)
    assert [entry["action"] for entry in detail["history"]] == ["edit", "replay"]

    again = muster("dlq", "replay", first)
    assert (again.code, "already" in again.err) == (1, True)


def test_many_are_dropped_by_filter(muster: Here, letters: list[str]) -> None:
    none = muster.objects("dlq", "drop", "--all", "--reason", "rejected")
    assert none == [{"handled": 0, "waiting": 0}]
    some = muster.objects("dlq", "drop", "--all", "--reason", "schema_unknown")
    assert some == [{"handled": 2, "waiting": 0}]
    assert [each["id"] for each in muster.objects("dlq", "list")] == []


@pytest.mark.parametrize("arguments", [("replay",), ("drop",), ("edit", "dl_1"), ("drop", "dl_1", "--all")])
def test_what_is_meant_must_be_said(muster: Here, arguments: tuple[str, ...]) -> None:
    done = muster("dlq", *arguments, "--json")
    assert (done.code, json.loads(done.err)["reason"]) == (2, "invalid_request")


def test_an_unknown_letter_is_not_found(muster: Here) -> None:
    done = muster("dlq", "show", "dl_nothing", "--json")
    assert (done.code, json.loads(done.err)["reason"]) == (3, "not_found")
