"""`any:<selector>`: who takes a message, and what the fleet remembers of agents that change."""

from muster_broker.core.fleet import MOST_CHOICES, Fleet
from muster_broker.core.router import Forward
from muster_shared_models.problems import Reason
from muster_shared_models.selectors import parse_selector
from tests.broker.fleets import agent, fleet_of, refusal, routed, target, targets


def test_the_least_loaded_takes_it() -> None:
    fleet = fleet_of(agent(1, runs=2, slots=4), agent(2, runs=1, slots=4), agent(3, runs=1, slots=1))

    assert target(routed("any:*", fleet)) == "agt_2"


def test_what_was_sent_since_the_last_word_counts_as_load() -> None:
    fleet = fleet_of(agent(1, sent=3), agent(2, runs=2))

    assert target(routed("any:*", fleet)) == "agt_2"
    fleet.put(agent(1))
    assert target(routed("any:*", fleet)) == "agt_1"


def test_whoever_answered_before_goes_on_however_busy() -> None:
    fleet = fleet_of(agent(1), agent(2, runs=9))

    assert target(routed("any:*", fleet, sticky="agt_2")) == "agt_2"


def test_whoever_answered_before_but_is_away_is_replaced() -> None:
    fleet = fleet_of(agent(1), agent(2, attached=False), agent(3, accepts_work=False))

    assert target(routed("any:*", fleet, sticky="agt_2")) == "agt_1"
    assert target(routed("any:*", fleet, sticky="agt_3")) == "agt_1"


def test_whoever_answered_before_but_is_not_chosen_any_more_is_replaced() -> None:
    fleet = fleet_of(agent(1, labels={"env": "prod"}), agent(2))

    assert target(routed("any:env=prod", fleet, sticky="agt_2")) == "agt_1"


def test_a_conversation_falls_to_the_same_agent_and_many_spread() -> None:
    fleet = fleet_of(*(agent(number) for number in range(4)))
    chosen = [target(routed("any:*", fleet, conversation=f"cnv_{number}")) for number in range(400)]

    assert chosen == [target(routed("any:*", fleet, conversation=f"cnv_{number}")) for number in range(400)]
    assert all(60 < chosen.count(f"agt_{number}") < 140 for number in range(4))


def test_a_conversation_stays_with_whoever_was_chosen_last_while_nobody_has_answered() -> None:
    fleet = fleet_of(agent(1), agent(2))
    fleet.choose("cnv_1", "agt_2")

    assert target(routed("any:*", fleet, conversation="cnv_1", sticky="agt_1")) == "agt_2"
    fleet.put(agent(2, attached=False))
    assert target(routed("any:*", fleet, conversation="cnv_1", sticky="agt_1")) == "agt_1"


def test_choices_are_remembered_of_so_many_conversations_and_no_more() -> None:
    fleet = fleet_of(agent(1))
    for number in range(MOST_CHOICES + 1):
        fleet.choose(f"cnv_{number}", "agt_1")

    assert fleet.chosen("cnv_0") == ""
    assert fleet.chosen("cnv_1") == fleet.chosen(f"cnv_{MOST_CHOICES}") == "agt_1"


def test_without_anybody_ready_it_waits_for_whoever_was_heard_last() -> None:
    fleet = fleet_of(agent(1, attached=False, last_heard_ms=5), agent(2, attached=False, last_heard_ms=9))
    decision = routed("any:*", fleet)

    assert target(decision) == "agt_2"
    assert isinstance(decision, Forward)
    assert [notice.reason for notice in decision.notices] == ["queued"]
    assert target(routed("any:*", fleet, sticky="agt_1")) == "agt_1"


def test_slots_of_nothing_are_no_division_by_zero() -> None:
    assert target(routed("any:*", fleet_of(agent(1, slots=0, runs=1), agent(2, slots=0)))) == "agt_2"


def test_a_renamed_agent_is_found_by_its_new_name_only() -> None:
    fleet = fleet_of(agent(1, "old"))
    fleet.put(agent(1, "new"))

    assert target(routed("agent:new", fleet)) == "agt_1"
    assert refusal(routed("agent:old", fleet)).reason is Reason.AGENT_NOT_FOUND
    assert len(fleet) == 1


def test_two_agents_may_exchange_their_names() -> None:
    fleet = fleet_of(agent(1, "red"), agent(2, "blue"))
    fleet.put(agent(1, "blue"))
    fleet.put(agent(2, "red"))

    assert target(routed("agent:blue", fleet)) == "agt_1"
    assert target(routed("agent:red", fleet)) == "agt_2"


def test_a_name_passes_on_when_its_agent_is_retired() -> None:
    fleet = fleet_of(agent(1, "builder"))
    fleet.put(agent(2, "builder"))
    fleet.remove("agt_1")

    assert target(routed("agent:builder", fleet)) == "agt_2"
    assert refusal(routed("agent:agt_1", fleet)).reason is Reason.AGENT_NOT_FOUND


def test_a_removed_agent_is_in_no_selection() -> None:
    fleet = fleet_of(agent(1), agent(2))
    fleet.remove("agt_2")
    fleet.remove("agt_2")

    assert targets(routed("all:*", fleet)) == ["agt_1"]


def test_a_snapshot_replaces_everything() -> None:
    fleet = fleet_of(agent(1, "old"))
    fleet.reset([agent(2, "new")])

    assert fleet.find("old") is None
    assert fleet.find("agt_1") is None
    assert [known.id for known in fleet.match(parse_selector("*"))] == ["agt_2"]


def test_an_empty_fleet_finds_nobody() -> None:
    assert Fleet().find("") is None
    assert Fleet().match(parse_selector("*")) == []
