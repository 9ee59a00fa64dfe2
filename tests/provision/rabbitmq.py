"""A RabbitMQ for the tests: MUSTER_TEST_AMQP_URL, or a private node. Each test gets a vhost of its own."""

import base64
import http.client
import json
import os
import shutil
import tempfile
import uuid
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from muster_cli.provision.queue_server import PrivateRabbit, private_rabbitmq
from muster_cli.provision.rabbitmq import RabbitNode
from tests.provision.provisions import Provision

__all__ = ["TestRabbit", "rabbitmq_provision"]


class TestRabbit:
    """A running queue server. `node` is None when it is not ours to kill."""

    __test__ = False

    def __init__(self, amqp_url: str, management_url: str, node: PrivateRabbit | None) -> None:
        self.amqp_url = amqp_url
        self.node = node
        self.folder = Path()
        self.management_url = management_url
        self._management = urlsplit(management_url)

    def new_vhost(self) -> str:
        """Return the AMQP address of a new, empty vhost."""
        name = f"test-{uuid.uuid4().hex[:12]}"
        self.call("PUT", f"/api/vhosts/{name}", {})
        user = unquote(urlsplit(self.amqp_url).username or "guest")
        self.call("PUT", f"/api/permissions/{name}/{quote(user)}", {"configure": ".*", "write": ".*", "read": ".*"})
        return urlunsplit(urlsplit(self.amqp_url)._replace(path=f"/{name}"))

    def drop_vhost(self, amqp_url: str) -> None:
        """Delete it with all its queues and connections."""
        self.call("DELETE", f"/api/vhosts/{urlsplit(amqp_url).path[1:]}")

    def control(self, *arguments: str) -> str:
        """Run rabbitmqctl on our own node; takes about a second."""
        assert isinstance(self.node, RabbitNode)
        return self.node.control(*arguments)

    def call(self, method: str, path: str, body: object = None) -> object:
        """Ask the management API; returns what it says, or None."""
        login = f"{unquote(self._management.username or '')}:{unquote(self._management.password or '')}".encode()
        headers = {"Authorization": "Basic " + base64.b64encode(login).decode(), "Content-Type": "application/json"}
        connection = http.client.HTTPConnection(self._management.hostname or "", self._management.port, timeout=30)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status < 300, f"{method} {path}: {answer.status} {text!r}"
            return json.loads(text) if text else None
        finally:
            connection.close()


def _start() -> TestRabbit:
    if url := os.environ.get("MUSTER_TEST_AMQP_URL"):
        parts = urlsplit(url)
        login = f"{parts.username or 'guest'}:{parts.password or 'guest'}"
        management = os.environ.get("MUSTER_TEST_RABBITMQ_API", f"http://{login}@{parts.hostname}:15672")
        rabbit = TestRabbit(url, management, None)
        rabbit.call("GET", "/api/overview")
        return rabbit
    folder = Path(tempfile.mkdtemp(prefix="muster-test-rabbitmq-"))
    node = private_rabbitmq(folder, print)
    node.start()
    rabbit = TestRabbit(node.amqp_url, node.management_url, node)
    rabbit.folder = folder
    return rabbit


def _stop(rabbit: TestRabbit) -> None:
    if rabbit.node is not None:
        rabbit.node.kill()  # nothing in it is worth an orderly end
        shutil.rmtree(rabbit.folder, ignore_errors=True)


rabbitmq_provision = Provision("RabbitMQ", _start, _stop)
