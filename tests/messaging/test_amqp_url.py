"""Addresses of RabbitMQ are read as RabbitMQ's own tools read them, and the password is never shown."""

from pathlib import Path

import pytest

from muster_messaging.amqp.url import HEARTBEAT_S, parse_url
from muster_shared_models.problems import MusterError, Reason


@pytest.mark.parametrize(
    ("url", "host", "port", "user", "password", "vhost", "tls"),
    [
        ("amqp://h", "h", 5672, "guest", "guest", "/", False),
        ("amqps://h", "h", 5671, "guest", "guest", "/", True),
        ("amqp://u:p@h:1234/v", "h", 1234, "u", "p", "v", False),
        ("amqp://u:p@h/", "h", 5672, "u", "p", "/", False),
        ("amqp://u:p@h/%2F", "h", 5672, "u", "p", "/", False),
        ("amqp://u:p@h/a%2Fb", "h", 5672, "u", "p", "a/b", False),
        ("amqp://agent%3Aa1:s%40cr%2Fet@h/v", "h", 5672, "agent:a1", "s@cr/et", "v", False),
        ("amqp://u:p@[::1]:5673/v", "::1", 5673, "u", "p", "v", False),
    ],
)
def test_an_address_is_read(
    url: str, host: str, port: int, user: str, password: str, vhost: str, tls: bool
) -> None:  # fmt: skip
    endpoint = parse_url(url)

    assert endpoint[:6] == (host, port, user, password, vhost, tls)
    assert parse_url(endpoint.shown.replace("***", "p")).host == host


def test_the_password_is_not_shown_anywhere() -> None:
    endpoint = parse_url("amqp://agent:Sup3rS3cret@h/v")

    assert endpoint.shown == "amqp://agent:***@h:5672/v"
    for text in (str(endpoint), repr(endpoint), f"{endpoint}", repr([endpoint]), repr(endpoint.parameters("x"))):
        assert "Sup3rS3cret" not in text


@pytest.mark.parametrize(
    "url",
    ["", "h", "http://u:Sup3rS3cret@h", "amqp://", "amqp://u:Sup3rS3cret@h:port/", "amqp://u:Sup3rS3cret@h:99999/",
     "amqp://u:Sup3rS3cret@[::1/"],
)  # fmt: skip
def test_what_is_no_address_is_refused_without_repeating_the_password(url: str) -> None:
    with pytest.raises(MusterError) as refused:
        parse_url(url)

    assert refused.value.reason is Reason.INVALID_SETTING
    assert "amqp://user:password@host" in refused.value.hint
    assert "Sup3rS3cret" not in f"{refused.value} {refused.value.hint} {refused.value.__cause__!r}"


def test_the_certificate_of_an_own_authority_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(MusterError) as refused:
        parse_url(f"amqps://h/?cacertfile={tmp_path}/missing.pem")

    assert "missing.pem" in refused.value.detail


def test_both_ends_of_a_dead_line_notice_within_45_seconds() -> None:
    # As measured by R9: RabbitMQ 3.10 closes after two to three heartbeats, pika after one to two of its own checks
    assert 3 * HEARTBEAT_S <= 45
    assert 2 * (HEARTBEAT_S + 5) <= 45
