"""What a transport must bring to be checked by the conformance suite.

To add one: write `tests/messaging/<name>_harness.py` with

    @asynccontextmanager
    async def open_harness(request: pytest.FixtureRequest) -> AsyncIterator[Harness]: ...

that yields a Harness on an empty queue server, and put `<name>` into HARNESSES. Nothing else is needed: every test in
`test_bus_*.py` then runs over it. `request` is there for session fixtures (`request.getfixturevalue("rabbitmq")`).
"""

from typing import Protocol

from muster_messaging.bus import Bus, BusAdmin

__all__ = ["HARNESSES", "Harness"]

#: Transport -> the marker of what its tests need ("" for nothing).
HARNESSES = {"rabbitmq": "rabbitmq", "embedded": "", "relay": ""}


class Harness(Protocol):
    """One transport on a queue server of its own, for one test."""

    #: The server's own bus, connected. Publishes and subscribes like any other.
    admin: BusAdmin
    #: What this transport writes into `sender` of everything that `connect()`ed buses publish; "" when it keeps what
    #: stands there. The same for all of them.
    verified_sender: str
    #: Whether `sever` works: false where there is no connection that could be lost.
    can_sever: bool
    #: Whether `restart` works: false where the queue server is not ours to kill.
    can_restart: bool

    async def connect(self) -> Bus:
        """Return a further, connected bus: another process, as far as the queue server can tell."""
        ...

    async def sever(self, bus: Bus) -> None:
        """Cut the connections of `bus` without ceremony, as a pulled cable and a reset would; it may reconnect."""
        ...

    async def restart(self) -> None:
        """Kill -9 the queue server, and start it again on what is on its disk.

        Returns when it answers; buses may still be on their way back. A transport that runs in this process gives its
        journal up without closing it and replaces `admin`.
        """
        ...
