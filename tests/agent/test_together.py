"""What many runs write at the same time travels in few messages, and arrives whole."""

import asyncio
from pathlib import Path
from typing import Any

from muster_agent.runs.core import FLUSH_ROOM
from muster_shared_models.bodies import RUN_PIECES
from muster_shared_models.run_events import TextContent
from tests.agent.bench_desk import Bench, bench, chat
from tests.agent.reading import events_in
from tests.agent.waiting import until

RUNS = 8
PIECES = 10


def drafts(made: Bench) -> dict[str, str]:
    """Place all pieces by their offsets, as readers do."""
    texts: dict[str, str] = {}
    for message in made.bus.published:
        for event in events_in(message):
            if isinstance(event, TextContent):
                known = texts.get(event.run_id, "")
                assert event.offset <= len(known), "a piece was lost before it"
                texts[event.run_id] = known + event.delta[len(known) - event.offset :]
    return texts


def of_many(made: Bench) -> list[list[str]]:
    """Return which runs each message about many speaks of."""
    bodies = [message.body for message in made.bus.published if message.type == "run.pieces"]
    return [[pieces.run_id for pieces in RUN_PIECES.validate_json(body).runs] for body in bodies]


async def write(message: Any, reply: Any) -> None:
    for number in range(PIECES):
        await reply.say(f"{number} ")
        await asyncio.sleep(0.06)


async def test_runs_that_write_at_the_same_time_share_messages_and_nothing_is_lost(tmp_path: Path) -> None:
    async with bench(tmp_path, write, slots=RUNS) as made:
        asked = [chat(str(number), conversation=f"cnv_{number}") for number in range(RUNS)]
        made.take(*asked)
        for message in asked:
            await made.end(message)

        whole = "".join(f"{number} " for number in range(PIECES))
        assert drafts(made).keys() == {message.run for message in asked}
        assert all(whole.startswith(text) for text in drafts(made).values())
        assert max(map(len, of_many(made))) > RUNS // 2
        # Each run has a message for its beginning and one for its end; what lies between is shared
        between = len(made.bus.published) - 2 * RUNS
        assert between < RUNS * (PIECES - 2) / 2, f"{between} messages for {RUNS} runs"
        assert {(message.conversation, message.run, message.seq) for message in made.bus.published
                if message.type == "run.pieces"} == {("", "", 0)}  # fmt: skip


async def test_one_run_alone_speaks_in_its_own_conversation(tmp_path: Path) -> None:
    async with bench(tmp_path, write) as made:
        message = chat("1")
        made.take(message)
        await made.end(message)

        assert of_many(made) == []
        assert {sent.conversation for sent in made.bus.published} == {message.conversation}


async def test_who_has_said_much_goes_alone(tmp_path: Path) -> None:
    async def much(message: Any, reply: Any) -> None:
        await reply.say("x" * (FLUSH_ROOM + 1) if message.text == "much" else "x")
        for _ in range(6):
            await asyncio.sleep(0.06)
            await reply.say("y")

    async with bench(tmp_path, much) as made:
        asked = [chat(text, conversation=f"cnv_{text}") for text in ("much", "1", "2")]
        made.take(*asked)
        for message in asked:
            await made.end(message)

        assert of_many(made)
        assert not any(asked[0].run in runs for runs in of_many(made))


async def test_a_slow_bus_makes_messages_rarer(tmp_path: Path) -> None:
    async with bench(tmp_path, write, slots=RUNS) as made:
        made.bus.holding = True
        asked = [chat(str(number), conversation=f"cnv_{number}") for number in range(RUNS)]
        made.take(*asked)
        await until(lambda: len(made.bus.attempts) >= RUNS)
        await asyncio.sleep(0.3)

        # Nothing but beginnings: each run waits for its own to be confirmed
        assert len(made.bus.attempts) == RUNS
        made.bus.release()
        for message in asked:
            await made.end(message)
