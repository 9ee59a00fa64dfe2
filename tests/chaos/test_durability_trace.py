"""What strace saw is read rightly, and an answer before the disk is seen."""

from tests.chaos.durability_trace import Sample, answered_early, read_trace

LOG = "/data/queues.db-wal"
SAMPLE = Sample("marker-1", 10.0, 11.0)
WRITE = f'7  10.100000 pwrite64(5<{LOG}>, "..marker-1..", 4096, 0) = 4096 <0.000100>'
SYNC = [f"8  10.200000 fdatasync(5<{LOG}> <unfinished ...>", "8  10.500000 <... fdatasync resumed>) = 0 <0.300000>"]
ELSEWHERE = "7  10.300000 write(9<socket:[1]>, \"marker-1\", 8) = 8 <0.000010>"  # fmt: skip


def early(*lines: str, sample: Sample = SAMPLE) -> list[str]:
    return answered_early(read_trace(lines), [sample], "queues.db-wal")


def test_calls_of_several_threads_are_put_together() -> None:
    write, other, sync = read_trace([WRITE, SYNC[0], ELSEWHERE, SYNC[1]])
    assert (write.name, write.path, write.began, round(write.ended, 4)) == ("pwrite64", LOG, 10.1, 10.1001)
    assert (other.path, sync.name, sync.began, sync.ended) == ("socket:[1]", "fdatasync", 10.2, 10.5)


def test_an_answer_after_the_sync_is_right() -> None:
    assert early(WRITE, *SYNC) == []


def test_an_answer_before_the_sync_has_ended_is_early() -> None:
    assert "before an fdatasync" in early(WRITE, *SYNC, sample=SAMPLE._replace(answered=10.4))[0]


def test_a_sync_that_began_before_the_write_proves_nothing() -> None:
    late = WRITE.replace("10.100000", "10.300000")
    assert "before an fdatasync" in early(late, *SYNC)[0]


def test_a_sync_of_another_file_and_a_write_to_another_file_prove_nothing() -> None:
    assert "before an fdatasync" in early(WRITE, *(line.replace(LOG, "/data/muster.db-wal") for line in SYNC))[0]
    assert "not written" in early(ELSEWHERE, *SYNC)[0]
