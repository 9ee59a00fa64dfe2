"""An agent from end to end: it joins, hears, answers and leaves."""

from hashlib import sha256

from muster_agent.builtin import build
from muster_agent.settings import load_settings
from muster_protos.v1.status_pb2 import LIFECYCLE_STOPPING
from muster_shared_models.run_events import TextEnd
from tests.agent.conftest import Running
from tests.agent.fake_server import FakeServer


async def test_an_instant_echo_is_one_message(running: Running, server: FakeServer) -> None:
    async with running(build("echo", load_settings())) as talk:
        run_id = await talk.send("Grüße, 世界!")
        assert await talk.answer(run_id) == "Grüße, 世界!"
        assert talk.kinds(run_id) == ["RUN_STARTED", "TEXT_MESSAGE_END", "RUN_FINISHED"]
        assert len(talk.messages) == 1
        message = talk.messages[0]
        assert (message.to, message.type, message.conversation, message.seq) == ("server", "run.events", "cnv_1", 1)
        assert message.run == run_id
        text = next(event for event in talk.events[run_id] if isinstance(event, TextEnd))
        assert text.sha256 == sha256("Grüße, 世界!".encode()).hexdigest()
    assert server.beats[-1].lifecycle == LIFECYCLE_STOPPING


async def test_a_slow_echo_grows_word_by_word(running: Running) -> None:
    async with running(build("echo", load_settings())) as talk:
        run_id = await talk.send("/slow one two three four")
        assert await talk.answer(run_id) == "one two three four"
        drafts = talk.drafts(run_id)
        assert len(drafts) >= 3
        assert all("one two three four".startswith(draft) for draft in drafts)
        assert [message.seq for message in talk.messages] == list(range(1, len(talk.messages) + 1))


async def test_conversations_have_their_own_numbers(running: Running) -> None:
    async with running(build("echo", load_settings())) as talk:
        for conversation in ("cnv_a", "cnv_b", "cnv_a"):
            await talk.ask("x", conversation=conversation)
        assert [(message.conversation, message.seq) for message in talk.messages] == [
            ("cnv_a", 1), ("cnv_b", 1), ("cnv_a", 2),
        ]  # fmt: skip
