"""Many answers stream at once: how late are their pieces, and does memory stay flat?

python -m benchmarks.streaming [--conversations 200] [--pace 20] [--seconds 60] [--bus rabbitmq] [--json FILE]

Each conversation gets answers of ten seconds, one after the other, `--pace` pieces a second; ten sockets follow them.
The delay of a piece is the time from the agent's handler saying it to the browser's socket having it.
"""

import argparse
import asyncio
import json
import os
import platform
import random
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import uvloop
from websockets.asyncio.client import ClientConnection

from benchmarks.chatter import open_socket
from benchmarks.stack import Stack, beside_cpu_s, running_stack
from muster_cli.provision.queue_server import private_rabbitmq

STREAMER = Path(__file__).with_name("streamer.py")
SOCKETS = 10
ANSWER_S = 10
SAMPLE_S = 5.0
#: Until the first answers are under way.
WARM_S = 12.0


@dataclass
class Heard:
    """What the browsers heard: delays in seconds, and how much."""

    counting: bool = False
    delays_s: list[float] = field(default_factory=list)
    frames: int = 0
    answers: int = 0
    faults: list[str] = field(default_factory=list)

    def quantile_ms(self, part: float) -> float:
        """Return a quantile of the delays in milliseconds."""
        ordered = sorted(self.delays_s)
        return ordered[min(len(ordered) - 1, int(len(ordered) * part))] * 1000


class _Browser:
    """A socket that follows some conversations and asks anew in each when its answer has ended."""

    def __init__(self, socket: ClientConnection, question: str, heard: Heard) -> None:
        self._socket = socket
        self._question = question
        self._heard = heard
        self._asked = 0
        self._opened = asyncio.Event()
        self._missing = 0
        self._lengths: dict[str, int] = {}

    async def open(self, conversations: int, to: str) -> None:
        """Begin the conversations, a little apart, as people do."""
        self._missing = conversations
        for _ in range(conversations):
            await self._ask({"to": to})
            await asyncio.sleep(random.uniform(0, 2 * WARM_S / 3 / conversations))
        await asyncio.wait_for(self._opened.wait(), 30)

    async def _ask(self, where: dict[str, str]) -> None:
        self._asked += 1
        ref = f"{id(self)}-{self._asked}"
        message = {"text": self._question, **where}
        await self._send({"op": "chat.send", "ref": ref, "message": message})

    async def _send(self, frame: dict[str, object]) -> None:
        await self._socket.send(orjson.dumps(frame).decode())

    async def listen(self) -> None:
        """Listen until cancelled."""
        async for text in self._socket:
            now = time.monotonic_ns() // 1000
            for line in text.split("\n"):
                await self._hear(orjson.loads(line), now)

    def _place(self, event: dict[str, Any], now: int) -> None:
        """Count what is new: now and then an agent repeats the whole text for those who come late."""
        known = self._lengths.get(event["run_id"], 0)
        delta = event["delta"][max(0, known - event["offset"]) :]
        self._lengths[event["run_id"]] = max(known, event["offset"] + len(event["delta"]))
        if self._heard.counting:
            self._heard.frames += 1
            self._heard.delays_s += [(now - int(said)) / 1e6 for said in delta.split()]

    async def _hear(self, frame: dict[str, Any], now: int) -> None:
        op = frame["op"]
        if op == "passing":
            self._place(frame["event"], now)
        elif op == "accepted" and self._missing:
            self._missing -= 1
            await self._send({"op": "subscribe", "stream": f"conversation:{frame['sent']['conversation']}"})
            if not self._missing:
                self._opened.set()
        elif op == "event" and frame["event"]["kind"] in ("RUN_FINISHED", "RUN_ERROR"):
            if frame["event"]["kind"] == "RUN_ERROR":
                self._heard.faults.append(frame["event"]["message"])
            self._heard.answers += 1
            self._lengths.pop(frame["event"]["run_id"], None)
            await self._ask({"conversation": frame["stream"].partition(":")[2]})
        elif op in ("error", "resync"):
            self._heard.faults.append(json.dumps(frame))


async def _measure(stack: Stack, options: argparse.Namespace) -> dict[str, object]:
    heard = Heard()
    question = f"{ANSWER_S * options.pace} {options.pace}"
    async with asyncio.TaskGroup() as group:
        listening = []
        opening = []
        for number in range(SOCKETS):
            socket = await open_socket(stack)
            browser = _Browser(socket, question, heard)
            listening.append(group.create_task(browser.listen()))
            share = options.conversations // SOCKETS + (number < options.conversations % SOCKETS)
            to = f"agent:streamer-{1 + number % options.agents}"
            opening.append(group.create_task(browser.open(share, to)))
        await asyncio.gather(*opening)
        await asyncio.sleep(WARM_S)
        heard.counting = True
        cpu, began = stack.cpu_s() | beside_cpu_s(), time.monotonic()
        memory = [stack.memory_mib()]
        while time.monotonic() - began < options.seconds:
            await asyncio.sleep(SAMPLE_S)
            memory.append(stack.memory_mib())
        heard.counting = False
        elapsed = time.monotonic() - began
        after = stack.cpu_s() | beside_cpu_s()
        used = {name: round((seconds - cpu[name]) / elapsed, 2) for name, seconds in after.items()}
        for task in listening:
            task.cancel()
    return {
        "conversations": options.conversations, "pace": options.pace, "seconds": round(elapsed),
        "pieces_per_second": round(len(heard.delays_s) / elapsed), "frames_per_second": round(heard.frames / elapsed),
        "answers": heard.answers, "p50_ms": round(heard.quantile_ms(0.5), 1),
        "p99_ms": round(heard.quantile_ms(0.99), 1), "max_ms": round(heard.quantile_ms(1.0), 1),
        "cores": used, "memory_mib": _growth(memory), "faults": heard.faults[:5],
    }  # fmt: skip


def _growth(samples: list[dict[str, float]]) -> dict[str, list[float]]:
    """Return each process's memory at the beginning, in the middle and at the end."""
    chosen = (samples[0], samples[len(samples) // 2], samples[-1])
    return {name: [round(sample[name], 1) for sample in chosen] for name in samples[0]}


def _run(folder: Path, bus: str, options: argparse.Namespace) -> dict[str, object]:
    with running_stack(folder, bus, agent="streamer", script=STREAMER, agents=options.agents) as stack:
        return uvloop.run(_measure(stack, options))


def main() -> None:
    """Measure and print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--conversations", type=int, default=200)
    parser.add_argument("--pace", type=int, default=20)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--agents", type=int, default=5)
    parser.add_argument("--bus", choices=("embedded", "rabbitmq"), default="rabbitmq")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    report: dict[str, object] = {"python": platform.python_version(), "processors": os.cpu_count(), "bus": options.bus}
    with tempfile.TemporaryDirectory(prefix="muster-bench-") as name:
        folder = Path(name)
        if options.bus == "embedded":
            report |= _run(folder, "embedded", options)
        else:
            node = private_rabbitmq(folder / "rabbitmq", lambda said: print(said, file=sys.stderr))
            node.start()
            try:
                report |= _run(folder, node.amqp_url, options)
            finally:
                node.stop()
    print(json.dumps(report))
    if options.json:
        options.json.write_text(json.dumps(report))


if __name__ == "__main__":
    main()
