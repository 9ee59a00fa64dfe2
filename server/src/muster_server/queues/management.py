"""RabbitMQ's management API, as far as it is needed. Nothing of a URL with its password leaves this file."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import httpx2

from muster_server.queues.checking import Found
from muster_server.queues.core import Figures
from muster_shared_models.problems import MusterError, Reason

__all__ = ["Management"]

#: Seconds that one request may take.
TIMEOUT_S = 10.0
_COUNTED = ("publish", "ack")
_COLUMNS = "name,messages_unacknowledged," + ",".join(f"message_stats.{what}_details.rate" for what in _COUNTED)


class Management:
    """Speaks to `url` (http://user:password@host:15672) about one vhost."""

    def __init__(self, url: str, vhost: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise MusterError(
                Reason.INVALID_SETTING,
                "MUSTER_BUS_API is not the address of a management API.",
                "It looks like http://user:password@host:15672.",
            )
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        self.shown = f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")
        self._vhost = quote(vhost, safe="")
        self._http = httpx2.AsyncClient(
            base_url=f"{self.shown}/api/",
            auth=(unquote(parts.username or ""), unquote(parts.password or "")),
            timeout=TIMEOUT_S,
            trust_env=False,
        )

    async def close(self) -> None:
        """Disconnect."""
        await self._http.aclose()

    async def put_user(self, user: str, password: str, rights: dict[str, str], limits: dict[str, int]) -> None:
        """Create a user without tags, or give it a new password; its rights here and its limits."""
        name = quote(user, safe="")
        await self._ask("PUT", f"users/{name}", {"password": password, "tags": ""})
        for limit, value in limits.items():
            await self._ask("PUT", f"user-limits/{name}/{limit}", {"value": value})
        await self._ask("PUT", f"permissions/{self._vhost}/{name}", rights)

    async def delete_user(self, user: str) -> None:
        """Delete a user, if there is one; RabbitMQ closes its connections."""
        await self._ask("DELETE", f"users/{quote(user, safe='')}", missing=True)

    async def users(self) -> Sequence[str]:
        """Return who has rights on the vhost."""
        listed = await self._ask("GET", f"vhosts/{self._vhost}/permissions")
        return [str(entry["user"]) for entry in listed]

    async def topology(self) -> Found:
        """Return all queues, exchanges and policies of the vhost."""
        columns = "columns=name,type,durable,auto_delete,arguments"
        return Found(
            await self._ask("GET", f"queues/{self._vhost}?{columns}"),
            await self._ask("GET", f"exchanges/{self._vhost}"),
            await self._ask("GET", f"policies/{self._vhost}"),
            await self._ask("GET", f"operator-policies/{self._vhost}"),
        )

    async def figures(self, *, agents: bool) -> Mapping[str, Figures]:
        """Return what RabbitMQ counts of queues; without `agents` of those only that are nobody's own."""
        return {
            str(entry["name"]): Figures(
                entry.get("messages_unacknowledged"),
                *((entry.get("message_stats") or {}).get(f"{what}_details", {}).get("rate") for what in _COUNTED),
            )
            for entry in await self._queues(f"columns={_COLUMNS}", agents=agents)
        }

    async def _queues(self, asked: str, *, agents: bool) -> Sequence[Mapping[str, Any]]:
        if agents:
            found: Sequence[Mapping[str, Any]] = await self._ask("GET", f"queues/{self._vhost}?{asked}")
            return found
        page = f"page=1&page_size=100&use_regex=true&name={quote('^(?!agent_queue_)')}"
        return list((await self._ask("GET", f"queues/{self._vhost}?{asked}&{page}"))["items"])

    async def _ask(self, method: str, path: str, body: Any = None, *, missing: bool = False) -> Any:
        try:
            answer = await self._http.request(method, path, json=body)
        except httpx2.HTTPError as error:
            raise MusterError(
                Reason.BUS_UNREACHABLE,
                f"RabbitMQ's management API at {self.shown} does not answer: {type(error).__name__}.",
                "Is the plugin rabbitmq_management enabled, and MUSTER_BUS_API right?",
            ) from None
        if answer.status_code < 300:
            return answer.json() if answer.content else None
        if answer.status_code == 404 and missing:
            return None
        raise MusterError(
            Reason.BUS_UNREACHABLE,
            f"RabbitMQ's management API at {self.shown} refuses to {method} {path.split('/', 1)[0]}: "
            f"{answer.status_code} {answer.reason_phrase}.",
            "The user of MUSTER_BUS_API needs the tag administrator.",
        )
