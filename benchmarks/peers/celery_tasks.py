"""A Celery application that echoes, as safe as Celery can be made: durable quorum queue, late acks, confirms."""

import os

from celery import Celery
from kombu import Queue

__all__ = ["app", "echo"]

QUEUE = os.environ["BENCH_QUEUE"]

app = Celery("peers", broker=os.environ["BENCH_AMQP"], backend="rpc://")
app.conf.update(
    task_queues=[Queue(QUEUE, routing_key=QUEUE, queue_arguments={"x-queue-type": "quorum"})],
    task_default_queue=QUEUE,
    task_default_routing_key=QUEUE,
    task_default_exchange_type="direct",
    task_acks_late=True,
    broker_transport_options={"confirm_publish": True},
    # Tasks this short are to be fetched many at a time, as Celery's guide to optimising says.
    worker_prefetch_multiplier=64,
    # Only tasks with a countdown need these; the default would be 28 more quorum queues.
    broker_native_delayed_delivery_queue_type="classic",
    broker_connection_retry_on_startup=True,
    worker_enable_remote_control=False,
)


@app.task(name="echo")
def echo(text: str) -> str:
    return text
