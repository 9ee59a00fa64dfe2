"""Output in pieces: every byte counted, never more than the bound kept, characters whole."""

import random

import pytest

from muster_agent.machine.output import PIECE_BYTES, OutputLog


def test_pieces_keep_the_order_and_the_offsets_of_both_streams() -> None:
    log = OutputLog()
    log.push(False, b"out1")
    log.push(True, b"err")
    log.push(False, b"out2")
    pieces = log.take()
    assert [(piece.offset, piece.stderr, piece.data) for piece in pieces] == [
        (0, False, b"out1"), (4, True, b"err"), (7, False, b"out2"),
    ]  # fmt: skip
    assert log.take() == []
    log.push(False, b"more")
    assert log.take()[0].offset == 11


def test_a_piece_does_not_end_inside_a_character() -> None:
    log = OutputLog()
    whole = "a€𝄞".encode()
    log.push(False, whole[:2])
    assert log.take()[0].data == b"a"
    log.push(False, whole[2:5])
    assert log.take()[0].data == "€".encode()
    log.push(False, whole[5:])
    assert log.take()[0].data == "𝄞".encode()


def test_what_is_no_text_is_passed_on_at_the_end() -> None:
    log = OutputLog()
    log.push(False, b"\xff\xe2\x82")
    data = b"".join(piece.data for piece in [*log.take(), *log.take(everything=True)])
    assert data == b"\xff\xe2\x82"


def test_long_output_comes_in_pieces() -> None:
    log = OutputLog()
    log.push(False, b"x" * (3 * PIECE_BYTES + 1))
    assert [len(piece.data) for piece in log.take()] == [PIECE_BYTES] * 3 + [1]


def test_beyond_the_bound_only_the_end_is_kept_and_the_rest_is_counted() -> None:
    log = OutputLog(head=100, tail=50)
    log.push(False, b"h" * 90)
    log.push(False, b"m" * 200)
    log.push(True, b"t" * 45)
    live = log.take()
    assert sum(len(piece.data) for piece in live) == 100
    assert log.over_the_bound
    end = log.take(everything=True)
    assert sum(len(piece.data) for piece in end) == 50
    assert end[0].dropped == 335 - 150
    assert end[0].offset == 100 + end[0].dropped
    assert end[-1].offset + len(end[-1].data) == log.total == 335
    assert end[-1].data == b"t" * 45


@pytest.mark.parametrize("seed", range(100))
def test_offsets_add_up_whatever_comes(seed: int) -> None:
    rng = random.Random(seed)
    log = OutputLog(head=rng.randint(1, 500), tail=rng.randint(1, 200))
    pieces = []
    sent = 0
    for _ in range(rng.randint(1, 60)):
        data = rng.randbytes(rng.randint(0, 60))
        sent += len(data)
        log.push(rng.random() < 0.5, data)
        if rng.random() < 0.4:
            pieces += log.take()
    pieces += log.take(everything=True)
    position = 0
    for piece in pieces:
        assert piece.offset == position + piece.dropped
        position = piece.offset + len(piece.data)
    assert position == log.total == sent
    assert log.waiting == 0
