"""Where messages go: the table of addresses, and what becomes of those that go nowhere."""

import pytest

from muster_broker.core.router import MAX_HOPS, MAX_TARGETS, Answer, Copy, Forward, Park, Unknown, misplaced
from muster_messaging.message import SCHEMA
from muster_messaging.topology import partition_key, partition_of
from muster_shared_models.bodies import branch_run
from muster_shared_models.problems import Reason
from tests.broker.fleets import NOW, agent, fleet_of, message_to, refusal, routed, target, targets

FLEET = fleet_of(
    agent(1, "builder", labels={"env": "prod"}, skills=frozenset({"build"})),
    agent(2, "reader", labels={"env": "prod"}, skills=frozenset({"ocr"})),
    agent(3, "sleeper", labels={"env": "lab"}, attached=False, last_heard_ms=NOW - 60_000),
    agent(4, "pauser", labels={"env": "desk"}, accepts_work=False),
)


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        ("agent:agt_1", ["agt_1"]),
        ("agent:builder", ["agt_1"]),
        ("agent:BUILDER", ["agt_1"]),
        ("agent: builder ", ["agt_1"]),
        ("agent:sleeper", ["agt_3"]),
        ("agent:pauser", ["agt_4"]),
        ("any:skill=ocr", ["agt_2"]),
        ("any:name=build*", ["agt_1"]),
        ("any:env=lab", ["agt_3"]),
        ("all:env=prod", ["agt_1", "agt_2"]),
        ("all:env=prod,skill!=ocr", ["agt_1"]),
        ("all:*", ["agt_1", "agt_4", "agt_2", "agt_3"]),
        ("server", [""]),
        ("user:usr_1", [""]),
    ],
)
def test_an_address_means_these_queues(to: str, expected: list[str]) -> None:
    assert targets(routed(to, FLEET)) == expected


@pytest.mark.parametrize(
    ("to", "reason"),
    [
        ("agent:nobody", Reason.AGENT_NOT_FOUND),
        ("any:env=nowhere", Reason.NO_TARGET),
        ("all:env=nowhere", Reason.NO_TARGET),
    ],
)
def test_an_address_that_nobody_has_now_is_looked_up_again_before_its_sender_is_told(to: str, reason: Reason) -> None:
    decision = routed(to, FLEET)

    assert isinstance(decision, Unknown)
    assert refusal(decision).reason is reason


@pytest.mark.parametrize(
    ("to", "reason"),
    [
        ("pool:ocr", Reason.NO_TARGET),
        ("", Reason.INVALID_ADDRESS),
        ("agent", Reason.INVALID_ADDRESS),
        ("agent:", Reason.INVALID_ADDRESS),
        ("agent:   ", Reason.INVALID_ADDRESS),
        ("everybody", Reason.INVALID_ADDRESS),
        ("Agent:builder", Reason.INVALID_ADDRESS),
        ("server:in", Reason.INVALID_ADDRESS),
        ("any:", Reason.INVALID_ADDRESS),
        ("any:env", Reason.INVALID_ADDRESS),
        ("all:env=", Reason.INVALID_ADDRESS),
        ("all:*,*", Reason.INVALID_ADDRESS),
        ("all:" + "a=b," * 200, Reason.INVALID_ADDRESS),
        ("agent:" + "x" * 10_000, Reason.INVALID_ADDRESS),
        ("agent_queue_agt_1", Reason.INVALID_ADDRESS),
    ],
)
def test_an_address_that_means_nothing_is_answered_at_once(to: str, reason: Reason) -> None:
    decision = routed(to, FLEET)

    assert isinstance(decision, Answer)
    assert refusal(decision).reason is reason


@pytest.mark.parametrize("name", ["../../etc/passwd", "#", "*", "builder\0", "%2F", "\N{SNOWMAN}", "agt_1;drop"])
def test_a_hostile_name_is_nobodys(name: str) -> None:
    assert refusal(routed(f"agent:{name}", FLEET)).reason is Reason.AGENT_NOT_FOUND


def test_an_agent_named_like_anothers_id_does_not_get_its_messages() -> None:
    fleet = fleet_of(agent(1, "builder"), agent(2, "agt_1"))

    assert target(routed("agent:agt_1", fleet)) == "agt_1"


def test_a_message_keeps_its_run_where_it_goes_to_one() -> None:
    assert routed("agent:builder", FLEET) == Forward((Copy("agt_1", "run_1"),))


def test_each_target_of_many_gets_a_run_of_its_own_and_the_sender_hears_which() -> None:
    decision = routed("all:env=prod", FLEET)

    assert isinstance(decision, Forward)
    assert [copy.run for copy in decision.copies] == [branch_run("run_1", "agt_1"), branch_run("run_1", "agt_2")]
    (notice,) = decision.notices
    assert (notice.reason, notice.targets, notice.final) == ("fanned_out", ("agt_1", "agt_2"), False)


def test_copies_of_a_message_without_a_run_have_none() -> None:
    decision = routed("all:*", FLEET, run="")

    assert isinstance(decision, Forward)
    assert {copy.run for copy in decision.copies} == {""}
    assert [notice.reason for notice in decision.notices] == ["fanned_out"]


@pytest.mark.parametrize(("name", "why"), [("sleeper", "is away"), ("pauser", "is paused")])
def test_what_waits_in_a_queue_is_told_to_its_sender(name: str, why: str) -> None:
    decision = routed(f"agent:{name}", FLEET)

    assert isinstance(decision, Forward)
    (notice,) = decision.notices
    assert (notice.reason, notice.final, notice.run) == ("queued", False, "")
    assert f"{name} {why}" in notice.detail


def test_the_notice_says_when_the_agent_was_heard_last() -> None:
    decision = routed("agent:sleeper", FLEET)

    assert isinstance(decision, Forward)
    assert (decision.notices[0].agent_id, decision.notices[0].last_heard_ms) == ("agt_3", NOW - 60_000)


def test_those_of_many_who_are_away_are_named_after_the_split_that_makes_their_runs() -> None:
    decision = routed("all:*", FLEET)

    assert isinstance(decision, Forward)
    assert [(notice.reason, notice.run) for notice in decision.notices] == [
        ("fanned_out", ""),
        ("queued", branch_run("run_1", "agt_4")),
        ("queued", branch_run("run_1", "agt_3")),
    ]


def test_more_targets_than_there_may_be_are_refused() -> None:
    crowd = fleet_of(*(agent(number) for number in range(MAX_TARGETS + 1)))

    assert refusal(routed("all:*", crowd)).reason is Reason.INVALID_ADDRESS
    crowd.remove("agt_0")
    assert len(targets(routed("all:*", crowd))) == MAX_TARGETS


@pytest.mark.parametrize(("hops", "through"), [(0, True), (MAX_HOPS, True), (MAX_HOPS + 1, False), (1 << 62, False)])
def test_a_loop_ends(hops: int, through: bool) -> None:
    decision = routed("agent:builder", FLEET, hops=hops)

    assert isinstance(decision, Forward) is through
    if not through:
        assert refusal(decision).reason is Reason.UNROUTABLE


@pytest.mark.parametrize(("expires_at_ms", "through"), [(0, True), (NOW, True), (NOW + 1, True), (NOW - 1, False)])
def test_what_has_expired_is_not_delivered(expires_at_ms: int, through: bool) -> None:
    decision = routed("agent:builder", FLEET, expires_at_ms=expires_at_ms)

    assert isinstance(decision, Forward) is through
    if not through:
        assert refusal(decision).reason is Reason.EXPIRED


def test_a_schema_of_the_future_is_not_guessed_at() -> None:
    decision = routed("agent:builder", FLEET, schema=SCHEMA + 1)

    assert isinstance(decision, Park)
    assert decision.reason is Reason.SCHEMA_UNKNOWN
    assert (decision.notice.reason, decision.notice.final) == (Reason.SCHEMA_UNKNOWN, True)


def test_a_notice_that_cannot_be_delivered_causes_no_further_notice() -> None:
    decision = routed("everybody", FLEET, type="notice")

    assert isinstance(decision, Park)
    assert decision.reason is Reason.INVALID_ADDRESS


def test_the_same_message_is_decided_in_the_same_way() -> None:
    for to in ("agent:builder", "any:env=prod", "all:*", "any:env=lab", "server"):
        assert routed(to, FLEET) == routed(to, FLEET)


def test_a_conversation_has_one_partition() -> None:
    message = message_to("server")
    right = partition_key(partition_of(message.conversation, 4))

    assert not misplaced(message, right, 4)
    assert misplaced(message, "p9", 4)
    assert not misplaced(message._replace(conversation=""), "p3", 4)
