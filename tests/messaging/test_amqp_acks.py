"""Which acks are sent: checked against a server that closes the channel at the first wrong one, as RabbitMQ does."""

from hypothesis import given
from hypothesis import strategies as some

from muster_messaging.amqp.acks import Ack, AckLedger


class StrictServer:
    """The unacknowledged deliveries of one channel, by RabbitMQ's rules."""

    def __init__(self, delivered: int) -> None:
        self.open = list(range(1, delivered + 1))
        self.settled: set[int] = set()

    def take(self, ack: Ack) -> None:
        assert ack.tag in self.open, f"PRECONDITION_FAILED - unknown delivery tag {ack.tag}"
        gone = [tag for tag in self.open if tag == ack.tag or (ack.multiple and tag < ack.tag)]
        self.open = [tag for tag in self.open if tag not in gone]
        self.settled |= set(gone)


def test_acks_in_order_become_one() -> None:
    ledger = AckLedger()
    ledger.delivered(5)
    ledger.ack([1, 2, 3])

    assert ledger.take() == [Ack(3, multiple=True)]
    assert ledger.take() == []


def test_an_ack_after_a_gap_goes_alone_and_the_gap_is_not_swallowed() -> None:
    ledger = AckLedger()
    ledger.delivered(5)
    ledger.ack([3, 5])
    assert ledger.take() == [Ack(3, multiple=False), Ack(5, multiple=False)]

    # When the gap closes, the last tag that is still open is named: 3 is unknown to the server by now
    ledger.ack([1, 2])
    assert ledger.take() == [Ack(2, multiple=True)]

    ledger.ack([4])
    assert ledger.take() == [Ack(4, multiple=True)]
    assert ledger.settled_up_to(5)


def test_a_rejected_message_is_not_acknowledged_by_its_neighbours() -> None:
    ledger = AckLedger()
    ledger.delivered(3)
    assert ledger.reject(2)
    ledger.ack([1, 2, 3])

    assert ledger.take() == [Ack(3, multiple=True)]
    assert not ledger.reject(2)
    assert not ledger.reject(4)


def test_what_waits_to_be_acknowledged_cannot_be_rejected_any_more() -> None:
    ledger = AckLedger()
    ledger.delivered(1)
    ledger.ack([1])

    assert not ledger.reject(1)
    assert ledger.take() == [Ack(1, multiple=True)]


steps = some.lists(
    some.one_of(
        some.tuples(some.just("ack"), some.lists(some.integers(-3, 45), max_size=12)),
        some.tuples(some.just("reject"), some.integers(-3, 45)),
        some.tuples(some.just("flush"), some.none()),
    ),
    max_size=40,
)


@given(steps, some.integers(1, 40))
def test_whatever_the_order_the_server_never_objects_and_settles_exactly_what_was_named(
    history: list[tuple[str, object]], delivered: int
) -> None:
    ledger, server = AckLedger(), StrictServer(delivered)
    ledger.delivered(delivered)
    named: set[int] = set()

    def flush() -> None:
        for ack in ledger.take():
            server.take(ack)

    for what, value in history:
        if what == "ack":
            assert isinstance(value, list)
            ledger.ack(value)
            named |= set(value)
        elif what == "reject":
            assert isinstance(value, int)
            if ledger.reject(value):
                server.take(Ack(value, multiple=False))
            named.add(value)
        else:
            flush()
            assert ledger.pending == 0
    flush()

    assert server.settled == named & set(range(1, delivered + 1))
    for tag in range(delivered + 1):
        assert ledger.settled_up_to(tag) == all(each in server.settled for each in range(1, tag + 1))
