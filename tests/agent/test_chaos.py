"""An agent that is killed again and again while it answers: nothing lost, nothing answered twice, order kept."""

import random
from collections import defaultdict
from pathlib import Path

import pytest

from muster_shared_models.run_events import RunFinished, TextEnd
from tests.agent.fake_server import FakeServer
from tests.agent.processes import attached, kill, start_agent
from tests.agent.reading import events_in
from tests.agent.talk import Talk
from tests.agent.waiting import until

pytestmark = pytest.mark.long

STEADY = """
import asyncio
from muster_agent import Agent

agent = Agent("steady", slots=4)


@agent.on_message
async def answer(message, reply):
    await reply.say(message.text)
    await asyncio.sleep(0.1)
    await reply.say("!")


agent.run()
"""
MESSAGES, CONVERSATIONS, KILLS = 400, 10, 5


async def test_kills_lose_double_and_reorder_nothing(server: FakeServer, tmp_path: Path) -> None:
    seed = random.randrange(1_000_000)
    rng = random.Random(seed)
    process = start_agent(STEADY, server, tmp_path)
    async with Talk(server.bus, await attached(server, tmp_path, process)) as talk:
        runs: dict[str, list[str]] = defaultdict(list)
        for number in range(MESSAGES):
            conversation = f"cnv_{number % CONVERSATIONS}"
            runs[conversation].append(await talk.send(f"{conversation} {number}", conversation=conversation))
        try:
            for _ in range(KILLS):
                enough = min(len(talk.messages) + rng.randint(1, 40), MESSAGES)
                await until(lambda enough=enough: len(talk.messages) >= enough)  # type: ignore[misc]
                kill(process)
                server.beats.clear()
                process = start_agent(STEADY, server, tmp_path)
                await attached(server, tmp_path, process)
            await until(lambda: all(talk.ends(run) for ids in runs.values() for run in ids), 60, f"seed {seed}")
        finally:
            kill(process)
        _check(talk, runs, f"seed {seed}")


def _check(talk: Talk, runs: dict[str, list[str]], seed: str) -> None:
    """A receiver drops messages whose id it has seen: what is left must be right."""
    ended: dict[str, list[str]] = defaultdict(list)
    texts: dict[str, str] = {}
    seen: set[str] = set()
    for message in talk.messages:
        if message.id in seen:
            continue
        seen.add(message.id)
        for event in events_in(message):
            if isinstance(event, TextEnd):
                texts[event.run_id] = event.text
            if isinstance(event, RunFinished):
                ended[message.conversation].append(event.run_id)
    for conversation, ids in runs.items():
        assert ended[conversation] == ids, seed
        for run_id in ids:
            assert texts[run_id].startswith(f"{conversation} "), seed
            assert texts[run_id].endswith("!"), seed
