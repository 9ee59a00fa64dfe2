"""The table of what is under way: answers by tag, deadlines, and who is to blame for a closed channel."""

import asyncio

from hypothesis import given
from hypothesis import strategies as some

from muster_messaging.amqp.unconfirmed import InFlight, Publish, blame
from muster_messaging.errors import Refused, TooLarge, Unconfirmed

NOT_FOUND = "NOT_FOUND - no exchange 'gone' in vhost '/'"
REFUSED = "ACCESS_REFUSED - access to exchange 'secret' in vhost '/' refused for user 'a1'"
TOO_LARGE = "PRECONDITION_FAILED - message size 700 is larger than configured max size 512"


def table(*publishes: tuple[str, str], size: int = 1) -> InFlight:
    """A table of publishes: (message id, exchange)."""
    in_flight = InFlight()
    for number, (message_id, exchange) in enumerate(publishes):
        future: asyncio.Future[None] = asyncio.Future()
        in_flight.add(Publish(future, message_id, exchange, "key", size, deadline=number))
    return in_flight


def names(publishes: list[Publish]) -> list[str]:
    return [publish.id for publish in publishes]


async def test_one_answer_may_be_for_one_or_for_all_before_it() -> None:
    in_flight = table(*[(f"m{number}", "x") for number in range(1, 7)])

    assert names(in_flight.answered(2, multiple=False)) == ["m2"]
    assert names(in_flight.answered(4, multiple=True)) == ["m1", "m3", "m4"]
    assert names(in_flight.answered(4, multiple=True)) == []
    assert names(in_flight.answered(6, multiple=False)) == ["m6"]
    assert names(in_flight.answered(99, multiple=False)) == []
    assert (len(in_flight), in_flight.bytes) == (1, 1)


@given(some.lists(some.tuples(some.integers(1, 30), some.booleans()), max_size=40))
def test_each_publish_is_answered_once_and_the_bytes_add_up(answers: list[tuple[int, bool]]) -> None:
    async def check() -> None:
        in_flight = table(*[(f"m{number}", "x") for number in range(1, 31)], size=7)
        expected = set(range(1, 31))
        for tag, multiple in answers:
            named = {each for each in expected if each == tag or (multiple and each < tag)}
            assert {int(publish.id[1:]) for publish in in_flight.answered(tag, multiple=multiple)} == named
            expected -= named
            assert [int(publish.id[1:]) for publish in in_flight] == sorted(expected)
            assert in_flight.bytes == 7 * len(expected) == 7 * len(in_flight)

    asyncio.run(check())


async def test_a_publish_past_its_deadline_keeps_its_place_until_the_server_answers() -> None:
    in_flight = table(("m1", "x"), ("m2", "x"), ("m3", "x"))

    late = in_flight.overdue(1.0)
    for publish in late:
        publish.fail(Unconfirmed("late"))

    assert names(late) == ["m1", "m2"]
    assert in_flight.overdue(1.0) == []
    assert len(in_flight) == 3
    for publish in in_flight.answered(3, multiple=True):
        publish.confirm()
    assert late[0].future.exception() is not None
    assert late[1].future.exception() is not None


async def test_a_returned_message_is_the_oldest_of_that_id_exchange_and_key() -> None:
    in_flight = table(("same", "x"), ("other", "x"), ("same", "y"), ("same", "x"))

    in_flight.mark_returned("same", "x", "key", "NO_ROUTE")
    in_flight.mark_returned("same", "x", "another key", "NO_ROUTE")
    in_flight.mark_returned("same", "y", "key", "NO_ROUTE")

    assert [bool(publish.returned) for publish in in_flight] == [True, False, True, False]


async def test_a_missing_exchange_is_the_fault_of_those_who_named_it() -> None:
    in_flight = table(("m1", "fine"), ("m2", "gone"), ("m3", "fine"), ("m4", "gone"))

    ends = [type(error) for _, error in blame(in_flight, 404, NOT_FOUND)]

    assert ends == [Unconfirmed, Refused, Unconfirmed, Refused]


async def test_a_forbidden_exchange_is_the_fault_of_those_who_named_it() -> None:
    in_flight = table(("m1", "fine"), ("m2", "secret"))

    assert [type(error) for _, error in blame(in_flight, 403, REFUSED)] == [Unconfirmed, Refused]


async def test_the_default_exchange_has_another_name_when_it_is_forbidden() -> None:
    in_flight = table(("m1", "fine"), ("m2", ""))

    ends = blame(in_flight, 403, REFUSED.replace("secret", "amq.default"))

    assert [type(error) for _, error in ends] == [Unconfirmed, Refused]


async def test_a_message_too_large_for_the_server_is_found_by_its_size() -> None:
    in_flight = table(("m1", "x"))
    future: asyncio.Future[None] = asyncio.Future()
    in_flight.add(Publish(future, "m2", "x", "key", 700, 0.0))

    assert [type(error) for _, error in blame(in_flight, 406, TOO_LARGE)] == [Unconfirmed, TooLarge]


async def test_a_closing_that_nobody_can_be_blamed_for_leaves_everything_unknown() -> None:
    in_flight = table(("m1", "x"), ("m2", "y"))

    assert {type(error) for _, error in blame(in_flight, 541, "INTERNAL_ERROR")} == {Unconfirmed}
