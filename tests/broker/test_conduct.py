"""What agents may send: a bucket for each, refilled by time and by being asked; and in nobody else's name."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muster_broker.core import conduct
from muster_broker.core.conduct import BYTES_A_TOKEN, RUN_S, TOKENS_FOR_A_MESSAGE, Conduct, Fate, Report, forgery
from muster_messaging.message import Message
from muster_messaging.topology import partition_key, partition_of
from muster_shared_models.agents import Offence
from tests.broker.fleets import message_to

RATE, BURST = 10.0, 100
NOBODYS = message_to("server", sender="")


def sends(
    watched: Conduct, count: int, *, at: float, each_s: float = 0.0, behind: bool = False, **fields: object
) -> list[Report]:
    """What is told while an agent sends so many messages."""
    message = message_to("server", **{"sender": "agt_1", **fields})
    reports = [watched.sent(message, at + number * each_s, behind=behind) for number in range(count)]
    return [report for report in reports if report]


def test_a_burst_passes_and_the_message_after_it_is_told_once() -> None:
    watched = Conduct(RATE, BURST)
    assert sends(watched, BURST, at=0) == []

    [told] = sends(watched, 1000, at=0)

    assert (told.agent_id, told.offence) == ("agt_1", Offence.FLOODING)
    assert "100 messages above the 10 a second" in told.detail


def test_whoever_stays_below_the_rate_may_go_on_for_ever() -> None:
    assert sends(Conduct(RATE, BURST), 5000, at=0, each_s=0.11) == []
    assert len(sends(Conduct(RATE, BURST), 5000, at=0, each_s=0.05)) == 1


def test_while_the_broker_is_behind_time_gives_nothing_back() -> None:
    watched = Conduct(RATE, BURST)
    assert sends(watched, BURST, at=0, each_s=10, behind=True) == []
    assert len(sends(watched, 1, at=10 * BURST, behind=True)) == 1


@pytest.mark.parametrize(("others", "cut_off"), [(3, True), (5, False)])
def test_while_the_broker_is_behind_nobody_takes_more_than_a_fifth_of_it(others: int, cut_off: bool) -> None:
    watched = Conduct(RATE, BURST)
    told = []
    for _ in range(BURST * 10):
        told += sends(watched, 1, at=0, behind=True)
        for other in range(others):
            sends(watched, 1, at=0, behind=True, sender=f"brk_{other}")
    assert bool(told) == cut_off


def test_what_comes_by_the_servers_relay_to_rabbitmq_counts_for_the_agent_that_the_relay_vouches_for() -> None:
    watched = Conduct(RATE, BURST)
    relayed = {"sender": "muster", "origin": "agt_1"}

    assert sends(watched, 1000, at=0, **relayed, retries=1) == []  # a broker's, and counted before
    [told] = sends(watched, 1000, at=0, **relayed)

    assert told.agent_id == "agt_1"
    assert watched.fate(message_to("server", **relayed)) is Fate.ASIDE
    assert watched.fate(message_to("server", sender="muster", origin="agt_2")) is Fate.PASS


def test_long_messages_count_as_several() -> None:
    body = b"x" * BYTES_A_TOKEN * 9
    assert sends(Conduct(RATE, BURST), 10, at=0, body=body) == []
    assert len(sends(Conduct(RATE, BURST), 11, at=0, body=body)) == 1


def test_whoever_is_asked_a_lot_may_answer_a_lot() -> None:
    watched = Conduct(RATE, BURST)
    for _ in range(1000):
        watched.asked("agt_1", 0)
        assert sends(watched, TOKENS_FOR_A_MESSAGE, at=0) == []
    assert len(sends(watched, BURST + 1, at=0)) == 1


def test_two_hundred_answers_may_stream_at_once_also_while_the_broker_is_behind() -> None:
    watched, told = Conduct(500.0, 1000), []
    for tenth in range(250):  # each answer takes ten seconds, then the next one is asked for
        for _ in range(200):
            if tenth % 100 == 0:
                watched.asked("agt_1", tenth / 10)
            told += sends(watched, 2, at=tenth / 10, behind=True)
    assert told == []


def test_what_was_asked_a_while_ago_counts_no_longer() -> None:
    watched = Conduct(RATE, BURST)
    for _ in range(50):
        watched.asked("agt_1", 0)
    assert sends(watched, 3000, at=1, each_s=0.01, behind=True) == []
    assert len(sends(watched, 3000, at=RUN_S + 1, each_s=0.01, behind=True)) == 1


def test_being_asked_saves_nothing_up_for_a_flood() -> None:
    watched = Conduct(RATE, BURST)
    sends(watched, 1, at=0)
    for _ in range(1000):
        watched.asked("agt_1", 0)
    assert len(sends(watched, BURST + 1, at=0)) == 1


def test_one_agents_flood_is_not_anothers_and_servers_and_brokers_are_not_counted() -> None:
    watched = Conduct(RATE, BURST)
    assert len(sends(watched, 200, at=0)) == 1
    assert sends(watched, BURST, at=0, sender="agt_2") == []
    for sender in ("server", "brk_1", "", "muster"):
        assert sends(watched, 1000, at=0, sender=sender) == []
    assert [watched.fate(message_to("server", sender=sender)) for sender in ("server", "brk_1", "muster")] == [
        Fate.PASS
    ] * 3


def test_a_flood_of_nobody_is_told_to_nobody_but_dropped_until_it_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conduct, "KEPT", 2)
    watched = Conduct(RATE, BURST)
    assert sends(watched, BURST, at=0, sender="") == []
    assert watched.fate(NOBODYS) is Fate.PASS
    assert sends(watched, 1, at=0, sender="") == []
    assert [watched.fate(NOBODYS) for _ in range(4)] == [Fate.ASIDE, Fate.ASIDE, Fate.DROP, Fate.DROP]
    assert sends(watched, 1, at=1, sender="") == []
    assert watched.fate(NOBODYS) is Fate.DROP
    assert sends(watched, 1, at=60, sender="") == []
    assert watched.fate(NOBODYS) is Fate.PASS


def test_after_a_pardon_it_begins_anew_and_is_told_again() -> None:
    watched = Conduct(RATE, BURST)
    assert len(sends(watched, 200, at=0)) == 1
    watched.pardon("agt_1")
    assert sends(watched, BURST, at=0) == []
    assert len(sends(watched, 1, at=0)) == 1


def test_a_rate_of_nothing_lets_everything_pass() -> None:
    assert sends(Conduct(0, BURST), 10_000, at=0) == []


def test_memory_is_bounded_and_forgets_those_first_who_have_nothing_to_hide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conduct, "MAX_SENDERS", 50)
    watched = Conduct(RATE, BURST)
    sends(watched, BURST, at=0, sender="agt_busy")
    for number in range(500):
        sends(watched, 1, at=1, sender=f"agt_{number}")
        sends(watched, 1, at=1 + 1e-3 * number, sender="agt_busy")
        assert len(watched._buckets) <= 50
    assert len(sends(watched, BURST, at=1.5, sender="agt_busy")) == 1


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10), st.integers(0, 50)), max_size=30))
def test_the_law_of_the_bucket_over_every_span_at_most_burst_plus_rate_times_the_span(
    steps: list[tuple[int, int]],
) -> None:
    watched = Conduct(RATE, BURST)
    times = [sum(pause for pause, _ in steps[: index + 1]) for index in range(len(steps))]
    told = [bool(sends(watched, count, at=at)) for at, (_, count) in zip(times, steps, strict=True)]
    too_much = any(
        sum(count for _, count in steps[first : last + 1]) > BURST + RATE * (times[last] - times[first])
        for last in range(len(steps))
        for first in range(last + 1)
    )
    assert any(told) == too_much


def forged(key: str = "", **fields: object) -> str:
    message = Message(**{"id": "m", "type": "run.events", "conversation": "cnv_1", "sender": "agt_1", **fields})  # type: ignore[arg-type]
    right = partition_key(partition_of(message.conversation, 4))
    report = forgery(message, key or right, 4)
    assert report is None or (report.agent_id, report.offence, report.subject) == ("agt_1", Offence.FORGING, "m")
    return report.detail if report else ""


def test_a_wrong_partition_a_brokers_voice_and_anothers_name_are_forged() -> None:
    right = partition_key(partition_of("cnv_1", 4))
    wrong = next(f"p{number}" for number in range(4) if f"p{number}" != right)
    assert "which is not its conversation's" in forged(wrong)
    assert "spoke as a broker" in forged(type="notice")
    assert "named user:usr_1 as the sender" in forged(origin="user:usr_1")


def test_through_the_relay_to_rabbitmq_an_agent_speaks_as_a_broker_no_more_than_elsewhere() -> None:
    assert "spoke as a broker" in forged(sender="muster", origin="agt_1", type="notice")
    assert forged(sender="muster", origin="agt_1") == ""


def test_what_honest_agents_servers_and_brokers_send_is_not() -> None:
    assert forged() == forged(origin="agt_1") == ""
    for sender in ("server", "brk_1", ""):
        assert forged(sender=sender, type="notice", origin="user:usr_1") == ""
