"""Who follows a stream gets what comes, whatever others who follow it do meanwhile."""

import pytest

from muster_server.edge.hub import Hub

STREAM = "conversation:cnv_1"


class Socket:
    """A follower that may be too slow: then it leaves with the first line that it is handed."""

    def __init__(self, hub: Hub, *, slow: bool = False) -> None:
        self.lines: list[str] = []
        self._hub = hub
        self._slow = slow
        hub.follow(STREAM, self)

    def event(self, stream: str, seq: int, line: str) -> None:
        self.passing(stream, line)

    def passing(self, stream: str, line: str) -> None:
        if self._slow:
            self._hub.leave(stream, self)
        else:
            self.lines.append(line)


@pytest.mark.parametrize("passing", [False, True], ids=["event", "passing"])
@pytest.mark.parametrize("slow", range(3))
def test_a_slow_socket_that_leaves_takes_nothing_from_the_others(slow: int, passing: bool) -> None:
    hub = Hub()
    sockets = [Socket(hub, slow=number == slow) for number in range(3)]
    if passing:
        hub.passing(STREAM, "last")
    else:
        hub.event(STREAM, 1, "last")
    assert [socket.lines for socket in sockets if socket is not sockets[slow]] == [["last"], ["last"]]
