"""A message names the one before it that its agent has not answered: so the agent knows if it was overtaken."""

from pathlib import Path
from typing import Any

from tests.server.desk import at_work
from tests.server.running import RunningServer, eventually


async def ask(server: RunningServer, conversation: str = "", to: str = "agent:puppet") -> dict[str, Any]:
    more = {"conversation": conversation} if conversation else {}
    return dict(await server.post("/api/v1/messages", {"to": to, "text": "x", **more}, 202))


async def test_a_message_names_the_one_before_it_until_that_is_answered(server: RunningServer, tmp_path: Path) -> None:
    async with at_work(server, tmp_path, "puppet") as desk, server.broker():
        one = await ask(server)
        two = await ask(server, one["conversation"])
        three = await ask(server, one["conversation"])
        other = await ask(server)
        taken = {asked.id: asked for asked, _ in [await desk.take() for _ in range(4)]}
        after = [taken[sent["message_id"]].after for sent in (one, two, three, other)]
        assert after == ["", one["message_id"], two["message_id"], ""]

        for sent in (one, two, three):
            await desk.answer(taken[sent["message_id"]], "ok")

        async def answered() -> bool:
            items = (await server.get(f"/api/v1/conversations/{one['conversation']}/events"))["items"]
            return sum(item["event"]["kind"] == "RUN_FINISHED" for item in items) == 3

        await eventually(answered)
        four = await ask(server, one["conversation"])
        asked, _ = await desk.take()
        assert (asked.id, asked.after) == (four["message_id"], "")


async def test_what_may_go_to_anybody_or_goes_to_many_names_nothing(server: RunningServer, tmp_path: Path) -> None:
    async with at_work(server, tmp_path, "puppet", skills=["dig"]) as desk, server.broker():
        for to in ("any:skill=dig", "all:skill=dig"):
            one = await ask(server, to=to)
            await ask(server, one["conversation"], to=to)
            assert [(await desk.take())[0].after for _ in range(2)] == ["", ""]
            # Its part of a message to many has another id at the agent.
            await ask(server, one["conversation"])
            asked, _ = await desk.take()
            assert asked.after == ""
