"""What is there when all is over: conversations by REST, queues by looking into the queue server itself."""

import asyncio
import sqlite3
import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx2

from muster_messaging.amqp.bus import AmqpBus
from muster_messaging.topology import DEFAULT_PARTITIONS, agent_queue, base_topology
from tests.chaos.browser import note
from tests.chaos.fleet import ChaosFleet
from tests.chaos.ledger import Ledger

__all__ = ["note_left_overs", "note_stored", "queue_lengths"]

#: Seconds that queues and outbox may take to run empty after the last answer.
QUIET_S = 20.0
LOOK_S = 0.1
#: Seconds until RabbitMQ has told new counts.
TOLD_EVERY_S = 5.5


def note_stored(fleet: ChaosFleet, ledger: Ledger, tag: str, conversations: Iterable[str]) -> dict[str, int]:
    """Write down every event of these conversations, and of any other whose title begins with `tag`.

    Returns the last seq of each.
    """
    wanted = set(conversations)
    cursor: str | None = ""
    while cursor is not None:
        page = fleet.get("/api/v1/conversations", limit=200, **({"cursor": cursor} if cursor else {}))
        wanted |= {view["id"] for view in page["items"] if view["title"].startswith(tag)}
        cursor = page["next_cursor"]
    lasts = {}
    for conversation in wanted:
        events = stored_events(fleet, conversation)
        for event in events:
            note(ledger, "stored", conversation, event["seq"], event["event"])
        lasts[conversation] = events[-1]["seq"] if events else 0
    return lasts


def stored_events(fleet: ChaosFleet, conversation: str) -> list[dict[str, Any]]:
    """Return a conversation's whole log."""
    events: list[dict[str, Any]] = []
    before = 1 << 40
    with fleet.api() as api:
        while before > 1:
            page = api.get(f"/api/v1/conversations/{conversation}/events", before=before, limit=200)["items"]
            if not page:
                break
            events = page + events
            before = page[0]["seq"]
    return events


async def note_left_overs(fleet: ChaosFleet, ledger: Ledger, *, planned_letters: int = 0) -> None:
    """Wait until nothing is under way, and write down what is still there after QUIET_S."""
    give_up_at = time.monotonic() + QUIET_S
    while True:
        left = await queue_lengths(fleet)
        left["outbox"] = (await asyncio.to_thread(fleet.get, "/api/v1/system"))["queued_in_outbox"]
        waiting = (await asyncio.to_thread(fleet.get, "/api/v1/dead-letters"))["waiting"]
        left["dead letters"] = abs(waiting - planned_letters)
        if not any(left.values()) or time.monotonic() > give_up_at:
            break
        await asyncio.sleep(LOOK_S)
    if fleet.management_url:
        left |= await asyncio.to_thread(_unacknowledged, fleet.management_url)
    for name, count in left.items():
        if count:
            ledger("left", kind=name, seq=count)


async def queue_lengths(fleet: ChaosFleet) -> dict[str, int]:
    """Return how many messages are in each queue. The embedded journal also counts those that are handed out."""
    if fleet.bus == "embedded":
        return await asyncio.to_thread(_embedded, fleet.folder / "queues.db")
    agents = [view["id"] for view in (await asyncio.to_thread(fleet.get, "/api/v1/agents"))["items"]]
    names = [queue.name for queue in base_topology(DEFAULT_PARTITIONS).queues] + [agent_queue(key) for key in agents]
    bus = await AmqpBus.open(fleet.bus, name="chaos oracle")
    try:
        counted = {name: await bus.queue_info(name) for name in names}
    finally:
        await bus.close()
    return {name: info.ready for name, info in counted.items() if info is not None}


def _unacknowledged(management_url: str) -> dict[str, int]:
    """Return what was handed out and never acknowledged, as RabbitMQ tells every five seconds."""
    parts = urlsplit(management_url)
    url = f"http://{parts.hostname}:{parts.port}/api/queues?columns=name,messages_unacknowledged"
    login = parts.username or "", unquote(parts.password or "")
    counts: dict[str, int] = {}
    for _ in range(round(QUIET_S / TOLD_EVERY_S)):
        time.sleep(TOLD_EVERY_S)
        answer = httpx2.get(url, auth=login, timeout=10, trust_env=False)
        answer.raise_for_status()
        counts = {f"{queue['name']} unacknowledged": queue.get("messages_unacknowledged", 0) for queue in answer.json()}
        if not any(counts.values()):
            break
    return counts


def _embedded(path: Path) -> dict[str, int]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as journal:
        return dict(journal.execute("SELECT queue, count(*) FROM message GROUP BY queue"))
