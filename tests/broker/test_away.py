"""Messages on the retry queue keep their place, and nobody waits for ever."""

from hypothesis import given
from hypothesis import strategies as st

from muster_broker.core.away import GRACE_S, Away


def test_nothing_is_away_at_first() -> None:
    assert not Away()
    assert not Away().must_follow("lane", "a", 0.0)


def test_the_first_goes_on_and_the_others_follow_until_it_is_through() -> None:
    away = Away()
    away.sent("lane", "a", 0.0, 5.0)
    away.sent("lane", "b", 0.0, 5.0)

    assert away.must_follow("lane", "c", 1.0)
    assert away.must_follow("lane", "b", 5.0)
    assert not away.must_follow("other", "c", 5.0)
    assert not away.must_follow("lane", "a", 5.0)
    assert not away.must_follow("lane", "b", 6.0), "the first is here: it is published before"

    away.through("lane", "a")
    away.through("lane", "b")
    assert not away


def test_who_goes_round_again_keeps_its_place() -> None:
    away = Away()
    away.sent("lane", "a", 0.0, 5.0)
    away.sent("lane", "b", 0.0, 5.0)
    assert not away.must_follow("lane", "a", 5.0)
    away.sent("lane", "a", 20.0, 5.0)
    away.through("lane", "a")

    assert away.must_follow("lane", "b", 21.0)


def test_nobody_waits_for_a_message_that_never_comes_back() -> None:
    away = Away()
    away.sent("lane", "a", 0.0, 5.0)

    assert away.must_follow("lane", "b", 5.0 + GRACE_S)
    assert not away.must_follow("lane", "b", 5.1 + GRACE_S)
    assert not away


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.booleans()), max_size=60))
def test_messages_are_published_in_the_order_in_which_they_first_went(steps: list[tuple[str, bool]]) -> None:
    """Each step: one comes in; if it need not follow, it gets through or is refused once more."""
    away = Away()
    first: list[str] = []
    through: list[str] = []
    for now, (name, refused) in enumerate(steps):
        if name in through:
            continue
        first += [name] if name not in first else []
        if away.must_follow("lane", name, now / 10) or refused:
            away.sent("lane", name, now / 10, 5.0)
        else:
            away.through("lane", name)
            through.append(name)

    assert through == first[: len(through)]
