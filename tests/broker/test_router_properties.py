"""Laws of the router, over any message and any fleet."""

from typing import get_args

from hypothesis import example, given
from hypothesis import strategies as st

from muster_broker.core.fleet import Fleet, Known
from muster_broker.core.router import Answer, Decision, Forward, Park, Unknown, decide
from muster_messaging.message import Message
from muster_shared_models.addresses import AddressKind, parse_address
from muster_shared_models.problems import MusterError
from muster_shared_models.selectors import parse_selector
from tests.broker.fleets import NOW, agent, fleet_of

names = st.sampled_from(["alpha", "beta", "Gamma", "agt_2"])
labels = st.dictionaries(st.sampled_from(["env", "zone"]), st.sampled_from(["prod", "lab"]))
known = st.builds(
    Known,
    id=st.integers(0, 5).map("agt_{}".format), name=names, labels=labels,
    skills=st.frozensets(st.sampled_from(["ocr", "build"])), attached=st.booleans(), accepts_work=st.booleans(),
    runs=st.integers(0, 9), slots=st.integers(0, 4), last_heard_ms=st.integers(0, NOW), sent=st.integers(0, 9),
)  # fmt: skip
fleets = st.lists(known, max_size=8).map(lambda agents: fleet_of(*agents))
terms = st.sampled_from(["*", "env=prod", "env!=prod", "skill=ocr", "name=a*", "zone=lab,skill!=ocr", "name=[", "a=b"])
likely = st.one_of(
    st.builds("agent:{}".format, st.one_of(names, st.integers(0, 7).map("agt_{}".format))),
    st.builds("{}:{}".format, st.sampled_from(["any", "all"]), terms),
    st.sampled_from(["server", "user:usr_1", "pool:p"]),
)
messages = st.builds(
    Message,
    id=st.text(max_size=12), type=st.sampled_from(["chat.message", "run.events", "notice", "", "?"]), body=st.just(b""),
    sender=st.text(max_size=8), to=st.one_of(likely, st.text(max_size=40)), conversation=st.text(max_size=12),
    run=st.text(max_size=12), hops=st.integers(0, 12), schema=st.integers(0, 3), sticky=st.text(max_size=8),
    expires_at_ms=st.sampled_from([0, 1, NOW - 1, NOW, NOW + 1]), origin=st.text(max_size=8),
)  # fmt: skip


def consequences(decision: Decision) -> int:
    """How many things happen to a message: copies, and terminal words to its sender."""
    if isinstance(decision, Forward):
        return len(decision.copies)
    if isinstance(decision, Unknown):
        return int(decision.answer.final)
    return int(decision.notice.final)


@given(messages, fleets)
@example(Message("", "", to="all:name=*" + "?*" * 200), fleet_of(agent(1, "a" * 64)))
def test_every_message_goes_somewhere_or_is_answered_for_good(message: Message, fleet: Fleet) -> None:
    decision = decide(message, fleet, NOW)

    assert isinstance(decision, get_args(Forward | Unknown | Answer | Park))
    assert consequences(decision) >= 1


@given(messages, fleets)
def test_nothing_goes_to_an_agent_that_the_address_does_not_mean(message: Message, fleet: Fleet) -> None:
    decision = decide(message, fleet, NOW)
    if not isinstance(decision, Forward):
        return
    address = parse_address(message.to)
    for copy in decision.copies:
        if address.kind in (AddressKind.SERVER, AddressKind.USER):
            assert copy.agent_id == ""
            continue
        chosen = fleet.find(copy.agent_id)
        assert chosen is not None
        assert chosen.id == copy.agent_id
        if address.kind is AddressKind.AGENT:
            assert address.value in (chosen.id, chosen.name) or address.value.lower() == chosen.name.lower()
        else:
            assert parse_selector(address.value).matches(chosen.name, chosen.labels, chosen.skills)


@given(messages, fleets)
def test_nobody_gets_a_message_twice_and_all_means_all(message: Message, fleet: Fleet) -> None:
    decision = decide(message, fleet, NOW)
    if not isinstance(decision, Forward):
        return
    to = [copy.agent_id for copy in decision.copies]
    assert len(to) == len(set(to))
    if message.to.startswith("all:"):
        assert set(to) == {known.id for known in fleet.match(parse_selector(parse_address(message.to).value))}
    else:
        assert len(to) == 1


@given(messages, fleets)
def test_whoever_is_not_ready_gets_only_what_its_sender_knows_to_be_waiting(message: Message, fleet: Fleet) -> None:
    decision = decide(message, fleet, NOW)
    if not isinstance(decision, Forward) or not message.run:
        return
    told = {notice.agent_id for notice in decision.notices if notice.reason == "queued"}
    waiting = {copy.agent_id for copy in decision.copies if copy.agent_id and not fleet._agents[copy.agent_id].ready}
    assert told == waiting


@given(messages, fleets)
def test_whoever_is_ready_is_preferred(message: Message, fleet: Fleet) -> None:
    decision = decide(message, fleet, NOW)
    if not isinstance(decision, Forward) or not message.to.startswith("any:"):
        return
    found = fleet.match(parse_selector(parse_address(message.to).value))
    chosen = fleet._agents[decision.copies[0].agent_id]
    assert chosen.ready or not any(known.ready for known in found)


@given(st.text(max_size=600))
def test_any_text_is_an_address_or_refused_in_words(text: str) -> None:
    said = ""
    address = None
    try:
        address = parse_address(text)
    except MusterError as error:
        said = error.detail
    assert said or address == parse_address(str(address))


@given(st.lists(st.one_of(known, st.integers(0, 5).map("agt_{}".format)), max_size=20))
def test_the_fleet_is_what_was_said_of_it_last(changes: list[Known | str]) -> None:
    fleet, truth = Fleet(), dict[str, Known]()
    for change in changes:
        if isinstance(change, str):
            fleet.remove(change)
            truth.pop(change, None)
        else:
            fleet.put(change)
            truth.pop(change.id, None)
            truth[change.id] = change
    assert {known.id: known for known in fleet.match(parse_selector("*"))} == truth
    for known_agent in truth.values():
        assert fleet.find(known_agent.id) is known_agent
        named = fleet.find(known_agent.name)
        # A name that two have had belongs to one of those who have it now, or, when that one left, to nobody.
        assert named is None or named.id == known_agent.name or named.name.lower() == known_agent.name.lower()
