"""Watches what agents send, and tells the server of those who break the rules, until it has heard."""

import asyncio
from collections.abc import Callable

import grpc
import structlog

from muster_broker.core.conduct import Conduct, Fate, Report, forgery
from muster_broker.joining import RPC_TIMEOUT_S, Membership
from muster_messaging.link.problems import read_problem
from muster_messaging.message import Delivery
from muster_protos.v1 import broker_pb2 as wire
from muster_protos.v1.broker_pb2_grpc import BrokerRegistrationStub
from muster_shared_models.agents import Offence

__all__ = ["Reporter", "Tell", "Watch"]

#: Reports that wait; whoever forges more at a time is told of by the first ones.
MAX_WAITING = 1000
#: Seconds between two calls, and until one that failed is repeated.
PAUSE_S = 0.2
AGAIN_S = 1.0

_OFFENCES = {Offence.FLOODING: wire.OFFENCE_FLOODING, Offence.FORGING: wire.OFFENCE_FORGING}

Tell = Callable[[Report], None]

log = structlog.get_logger()


class Watch:
    """Sees every delivery of every partition; calls `tell` with what is to be told."""

    def __init__(self, conduct: Conduct, partitions: int, tell: Tell) -> None:
        self._conduct = conduct
        self._partitions = partitions
        self._tell = tell

    def saw(self, delivery: Delivery, now: float, *, behind: bool, counted: bool) -> Fate:
        """Say what becomes of a message that came; see `Conduct.sent`. Not `counted`: it may have waited for long."""
        message = delivery.message
        if counted and (flood := self._conduct.sent(message, now, behind=behind)):
            self._tell(flood)
        if forged := forgery(message, delivery.key, self._partitions):
            self._tell(forged)
        return self._conduct.fate(message)

    def asked(self, agent_id: str, now: float) -> None:
        """A message that no agent sent goes to this one."""
        self._conduct.asked(agent_id, now)


class Reporter:
    """Tells the server."""

    def __init__(self, membership: Membership) -> None:
        self._membership = membership
        self._waiting: dict[Report, None] = {}
        self._news = asyncio.Event()

    def tell(self, report: Report) -> None:
        """Begin to tell; floods before everything else."""
        if len(self._waiting) >= MAX_WAITING and report.offence is not Offence.FLOODING:
            return
        log.warning("misconduct", agent=report.agent_id, offence=report.offence.value, detail=report.detail)
        self._waiting[report] = None
        self._news.set()

    async def run(self) -> None:
        """Tell for ever."""
        while True:
            await self._news.wait()
            self._news.clear()
            reports = sorted(self._waiting, key=lambda report: report.offence is not Offence.FLOODING)[:MAX_WAITING]
            try:
                await self._call(reports)
            except grpc.aio.AioRpcError as error:
                log.warning("misconduct not told yet", detail=read_problem(error).detail)
                self._news.set()
                await asyncio.sleep(AGAIN_S)
                continue
            for report in reports:
                del self._waiting[report]
            await asyncio.sleep(PAUSE_S)

    async def _call(self, reports: list[Report]) -> None:
        request = wire.ReportMisconductRequest(
            reports=[
                wire.Misconduct(
                    agent_id=report.agent_id,
                    offence=_OFFENCES[report.offence],
                    subject=report.subject,
                    detail=report.detail,
                )
                for report in reports
            ]
        )
        stub = BrokerRegistrationStub(self._membership.channel)
        await stub.ReportMisconduct(request, metadata=self._membership.metadata(), timeout=RPC_TIMEOUT_S)
