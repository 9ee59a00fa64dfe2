"""The servers that tests use are really there, and what is missing is said."""

from pathlib import Path

import psycopg

from muster_messaging.amqp.bus import AmqpBus
from tests.provision.postgres import TestPostgres
from tests.provision.rabbitmq import TestRabbit


async def test_a_vhost_of_ones_own_takes_connections(rabbitmq_url: str) -> None:
    bus = await AmqpBus.open(rabbitmq_url)
    assert bus.connected
    await bus.close()


async def test_vhosts_of_two_tests_are_two(rabbitmq: TestRabbit, rabbitmq_url: str) -> None:
    other = rabbitmq.new_vhost()
    assert other != rabbitmq_url
    rabbitmq.drop_vhost(other)


def test_a_database_of_ones_own_is_empty(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    assert tables == (0,)


def test_postgres_confirms_nothing_that_is_not_on_disk(postgres: TestPostgres) -> None:
    with psycopg.connect(postgres.url) as connection:
        assert connection.execute("SHOW fsync").fetchone() == ("on",)


def test_the_browser_is_a_program(chromium: Path) -> None:
    assert chromium.is_file()
