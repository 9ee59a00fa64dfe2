"""A Celery client that keeps tasks in flight from one thread: it asks again as each result is there."""

import time
from collections import deque

from benchmarks.peers.celery_tasks import app, echo
from benchmarks.peers.commands import TEXT, answer, command, ready

#: Seconds without any result after which this gives up.
SILENCE_S = 30


def _measure(in_flight: int, count: int) -> tuple[list[float], float]:
    total = max(1, count // in_flight) * in_flight
    latencies: list[float] = []
    answered: deque[float] = deque()

    def ask() -> None:
        began = time.perf_counter()
        echo.apply_async((TEXT,)).then(lambda _: answered.append(time.perf_counter() - began))

    started = time.perf_counter()
    for _ in range(in_flight):
        ask()
    asked = in_flight
    while len(latencies) < total:
        app.backend.result_consumer.drain_events(timeout=SILENCE_S)
        while answered:
            latencies.append(answered.popleft())
            if asked < total:
                ask()
                asked += 1
    return latencies, time.perf_counter() - started


if __name__ == "__main__":
    ready()
    while (told := command()) is not None:
        answer(*_measure(*told))
