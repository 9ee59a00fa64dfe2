"""A RabbitMQ login for every agent and broker, with the rights it needs and no others.

A user is called what the agent or broker is called here: so the sender that RabbitMQ verifies on each message is the
agent's id. Deleting the user closes its connections at once.
"""

import hmac
import os
import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

import structlog

from muster_messaging.topology import PARKING, RETRY_DELAYS, TO_AGENT, TO_BROKER, TO_SERVER, agent_queue, broker_input
from muster_messaging.topology import retry_exchange as retry
from muster_shared_models.ids import IdKind

__all__ = ["LIMITS", "Logins", "Users", "agent_rights", "broker_rights", "load_key", "with_login"]

#: Two of each are used; the rest is for those of a cable that was cut, until RabbitMQ notices.
LIMITS = {"max-connections": 4, "max-channels": 16}
KEY_FILE = "queue-logins.key"
OURS = (f"{IdKind.AGENT}_", f"{IdKind.BROKER}_")

log = structlog.get_logger()


def agent_rights(agent_id: str) -> dict[str, str]:
    """Return what an agent may do: read its own queue, write to the brokers."""
    return _rights(write=[TO_BROKER], read=[agent_queue(agent_id)])


def broker_rights(partitions: int) -> dict[str, str]:
    """Return what a broker may do: read what is for brokers, write to all others."""
    outputs = [TO_AGENT, TO_SERVER, PARKING, *map(retry, RETRY_DELAYS)]
    return _rights(write=outputs, read=[broker_input(partition) for partition in range(partitions)])


def _rights(*, write: Iterable[str], read: Iterable[str]) -> dict[str, str]:
    return {"configure": "^$", "write": _any_of(write), "read": _any_of(read)}


def _any_of(names: Iterable[str]) -> str:
    # Escaped: a name must never widen what the expression allows.
    return f"^({'|'.join(re.escape(name) for name in names)})$"


def with_login(url: str, user: str, password: str) -> str:
    """Return an AMQP address with another login; both are ours and need no quoting."""
    parts = urlsplit(url)
    where = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{user}:{password}@{where}"))


class Users(Protocol):
    """What logins need of the management API."""

    async def put_user(self, user: str, password: str, rights: dict[str, str], limits: dict[str, int]) -> None:
        """Create or change a user."""
        ...

    async def delete_user(self, user: str) -> None:
        """Delete a user, if there is one."""
        ...

    async def users(self) -> Iterable[str]:
        """Return who has rights on our vhost."""
        ...


class Logins:
    """Makes and ends logins at `url`. Passwords follow from `key` and the owner's id, and are kept nowhere.

    So whoever registers again has the same login, and a RabbitMQ that lost its users gets the same ones back.
    """

    def __init__(self, users: Users, url: str, partitions: int, key: bytes) -> None:
        self._users = users
        self._url = url
        self._partitions = partitions
        self._key = key

    async def for_agent(self, agent_id: str) -> str:
        """Return an AMQP address for this agent alone; raises BUS_UNREACHABLE."""
        await self._users.put_user(agent_id, self._password(agent_id), agent_rights(agent_id), LIMITS)
        return with_login(self._url, agent_id, self._password(agent_id))

    async def for_broker(self, broker_id: str) -> str:
        """Return an AMQP address for this broker alone; raises BUS_UNREACHABLE."""
        await self._users.put_user(broker_id, self._password(broker_id), broker_rights(self._partitions), LIMITS)
        return with_login(self._url, broker_id, self._password(broker_id))

    async def end(self, owner: str) -> None:
        """Delete a login: its connections are closed at once."""
        await self._users.delete_user(owner)

    async def restore(self, agents: Iterable[str], brokers: Iterable[str]) -> None:
        """Make the logins that are missing, and delete those of nobody.

        RabbitMQ may have been set up anew, and a server may have died between ending somebody and ending the login.
        """
        there, agents, brokers = set(await self._users.users()), set(agents), set(brokers)
        for user in sorted(there - agents - brokers):
            if user.startswith(OURS):
                log.warning("login without an owner deleted", user=user)
                await self._users.delete_user(user)
        for agent_id in sorted(agents - there):
            await self.for_agent(agent_id)
        for broker_id in sorted(brokers - there):
            await self.for_broker(broker_id)

    def _password(self, owner: str) -> str:
        digest = hmac.digest(self._key, owner.encode(), "sha256")
        return urlsafe_b64encode(digest).decode().rstrip("=")


def load_key(folder: Path) -> bytes:
    """Return the key of all passwords: the folder's own, made when there is none."""
    path = folder / KEY_FILE
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(32))
    return path.read_bytes()
