"""A Celery worker: python -m benchmarks.peers.celery_worker POOL."""

import sys

from celery.signals import worker_ready

from benchmarks.peers.celery_tasks import app
from benchmarks.peers.commands import end_with_parent, ready

CONCURRENCY = 2


@worker_ready.connect
def _say(**_: object) -> None:
    ready()


if __name__ == "__main__":
    end_with_parent()
    options = ["--without-gossip", "--without-mingle", "--loglevel", "WARNING"]
    app.worker_main(["worker", "--pool", sys.argv[1], "--concurrency", str(CONCURRENCY), *options])
